"""What the mixing benchmark compares with: NumPy by hand, `datasets.interleave_datasets`, Grain.

Each peer mixes K sources of given rows to given shares in the way its own documentation shows, and gives
back rows that count through the sources one after the other, so that all are judged by the same measure.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.integer]
Stop = Literal["first_exhausted", "all_exhausted"]


def by_numpy(rows: Sequence[int], quotas: Sequence[int], seed: int) -> tuple[Rows, Rows]:
    """Exact quotas, shuffled as one; every source in whole shuffled epochs. Rows and epochs."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    starts = np.concatenate(([0], np.cumsum(rows)))
    turns = np.repeat(np.arange(len(rows), dtype=np.uint16), quotas)
    rng.shuffle(turns)
    at = np.argsort(turns, kind="stable")
    row, epoch = np.empty(len(turns), np.uint32), np.empty(len(turns), np.uint8)
    first = 0
    for k, (count, quota) in enumerate(zip(rows, quotas, strict=True)):
        epochs = -(-quota // count)
        walk = [rng.permutation(count).astype(np.uint32) for _ in range(epochs)]
        mine = at[first : first + quota]
        row[mine] = np.concatenate(walk)[:quota] + np.uint32(starts[k])
        epoch[mine] = np.repeat(np.arange(epochs, dtype=np.uint8), count)[:quota]
        first += quota
    return row, epoch


def by_datasets(
    rows: Sequence[int], shares: Sequence[float], stop: Stop, seed: int
) -> Callable[[], Any]:
    """Sources of one integer column, interleaved by probability; makes the index, reads no row."""
    import datasets

    starts = np.concatenate(([0], np.cumsum(rows)))
    sources = [
        datasets.Dataset.from_dict({"row": np.arange(start, start + count)})
        for start, count in zip(starts, rows, strict=False)
    ]
    probabilities = (np.asarray(shares) / np.sum(shares)).tolist()
    return lambda: datasets.interleave_datasets(
        sources, probabilities=probabilities, seed=seed, stopping_strategy=stop
    )


def rows_of_datasets(mixed: Any) -> Rows:
    """Return the rows of what `by_datasets` made."""
    return np.asarray(mixed.with_format("numpy")[:]["row"])


def by_grain(rows: Sequence[int], shares: Sequence[float], seed: int) -> Any:
    """Sources that shuffle and repeat, mixed by weight: an endless data set of random access."""
    import grain

    starts = np.concatenate(([0], np.cumsum(rows)))
    sources = [
        grain.MapDataset.range(int(start), int(start + count)).seed(seed + k).shuffle().repeat(None)
        for k, (start, count) in enumerate(zip(starts, rows, strict=False))
    ]
    return grain.MapDataset.mix(sources, weights=list(shares))


def has_grain() -> bool:
    """Whether Grain is installed; it is an extra of its own (`pip install -e .[bench]`)."""
    try:
        import grain  # noqa: F401
    except ImportError:
        return False
    return True
