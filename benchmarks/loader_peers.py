"""The same rows read by others: `datasets` behind a torch DataLoader, and Grain.

Each gives batches of ragged rows as one int32 buffer and offsets, in a given order, at the best setting
that was found: whole batches of indices for `datasets`, no threads or workers for rows in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.int32]
Buffer = tuple[Ids, npt.NDArray[np.int64]]
"""Ids of all rows of a batch, and the rows' offsets."""


def buffer(rows: Sequence[Ids]) -> Buffer:
    """Join rows."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return np.concatenate(rows), offsets


def _of_table(rows: pa.Table) -> Buffer:
    ids = rows.column("ids").combine_chunks()
    ids = ids.chunk(0) if isinstance(ids, pa.ChunkedArray) else ids
    offsets = ids.offsets.to_numpy().astype(np.int64)
    return ids.values.to_numpy()[offsets[0] : offsets[-1]], offsets - offsets[0]


def _of_tensors(rows: dict[str, Any]) -> Buffer:
    import torch

    tensors = list(rows["ids"])
    ids, offsets = torch.cat(tensors), np.zeros(len(tensors) + 1, np.int64)
    np.cumsum([len(tensor) for tensor in tensors], out=offsets[1:])
    return ids.numpy(), offsets


COLLATE: dict[str, Callable[[Any], Buffer]] = {
    "arrow": _of_table,
    "numpy": lambda rows: buffer(list(rows["ids"])),
    "torch": _of_tensors,
}


def torch_loader(
    table: pa.Table, batches: Sequence[npt.NDArray[np.int64]], kind: str, workers: int = 0
) -> Iterator[Buffer]:
    """Read with a torch DataLoader over `datasets`, a batch of indices at a time.

    Args:
        table: A column `ids` of lists of int32, in one chunk.
        batches: Rows of each batch.
        kind: Format of the dataset: `arrow`, `numpy` or `torch`.
        workers: Processes of the loader.
    """
    import datasets
    import torch
    from torch.utils.data import DataLoader

    types = {"arrow": {}, "numpy": {"dtype": np.int32}, "torch": {"dtype": torch.int32}}
    whole = datasets.Dataset(datasets.table.InMemoryTable(table))
    data = whole.with_format(kind, **types[kind])
    loader = DataLoader(
        data,
        sampler=[batch.tolist() for batch in batches],
        batch_size=None,
        collate_fn=COLLATE[kind],
        num_workers=workers,
    )
    return iter(loader)


def has_grain() -> bool:
    """Tell whether Grain is installed (the extra `bench`)."""
    return find_spec("grain") is not None


class Rows:
    """Rows by place in an order: a random-access source of Grain."""

    def __init__(
        self, values: Ids, offsets: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
    ) -> None:
        self._values, self._offsets, self._order = values, offsets, order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: int) -> Ids:
        row = self._order[place]
        return self._values[self._offsets[row] : self._offsets[row + 1]]


def grain_loader(rows: Rows, *, batch: int, threads: int = 0) -> Iterator[Buffer]:
    """Read with Grain."""
    import grain

    data = grain.MapDataset.source(rows).batch(batch, batch_fn=buffer)
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=max(threads, 1))
    return iter(data.to_iter_dataset(options))
