"""The compiled side of `stratified.py`: whole batches, each shuffled by a key of its own."""

import numpy as np
from numpy.typing import NDArray

from pipeline.mixing.order.jit import compiled, inlined
from pipeline.seeds import STEP, hashed

Tasks = NDArray[np.int32]

_hashed = inlined(hashed)


@compiled
def shuffle(task_N: Tasks, key: np.uint64) -> None:
    """Shuffle in place, step by step."""
    for step in range(1, len(task_N)):
        word = _hashed(key + np.uint64(step) * STEP)
        other = ((word >> np.uint64(32)) * np.uint64(step + 1)) >> np.uint64(32)
        task_N[step], task_N[other] = task_N[other], task_N[step]


@compiled
def deal(
    fixed_F: Tasks, extra_N: Tasks, each: int, key: np.uint64, first: int, task_N: Tasks
) -> None:
    """Write whole batches, from batch `first` on: the fixed tasks, `each` extra ones, shuffled."""
    batch = len(fixed_F) + each
    for i in range(len(task_N) // batch):
        part = task_N[i * batch : (i + 1) * batch]
        part[: len(fixed_F)] = fixed_F
        part[len(fixed_F) :] = extra_N[i * each : (i + 1) * each]
        shuffle(part, _hashed(key + np.uint64(first + i) * STEP))
