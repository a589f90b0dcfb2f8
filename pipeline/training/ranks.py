"""The processes of one training: alone, or started by torchrun.

World size comes from the environment, never from settings. Knows torch.distributed; knows no model
and no batch.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor

from pipeline.errors import PipelineError, TrainingError
from pipeline.training.ragged import Floats

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among all of them."""

    rank: int
    local_rank: int
    """Among the processes of this machine."""
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def sum_(self, values: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if self.world > 1:
            distributed.all_reduce(values)

    def total(self, figures: Floats) -> Floats:
        """Return the sum of some float64 figures over all processes."""
        if self.world == 1:
            return figures
        values = torch.from_numpy(figures.copy()).to(self.device)
        distributed.all_reduce(values)
        result: Floats = values.cpu().numpy()
        return result

    def together(self, act: Callable[[], _Value]) -> _Value:
        """Run `act` on every process; where it fails on one, fail on all, so that none waits.

        Raises:
            PipelineError: What `act` raised, or, on the others, that another process failed.
        """
        try:
            value = act()
        except PipelineError:
            self.total(np.ones(1))
            raise
        if self.total(np.zeros(1))[0]:
            raise TrainingError("another process of this training failed; it says why")
        return value


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the other processes if torchrun started this one, and leave them at the end.

    Raises:
        TrainingError: There are more processes on this machine than GPUs, where there are any.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local_rank) if cuda else torch.device("cpu")
    if cuda and local_rank >= torch.cuda.device_count():
        raise TrainingError(
            f"process {local_rank} of this machine has no GPU: there are {torch.cuda.device_count()}",
            where="torchrun",
            remedy="start as many processes as GPUs, or hide the GPUs with CUDA_VISIBLE_DEVICES=",
        )
    if cuda:
        torch.cuda.set_device(device)
    if world == 1:
        yield Ranks(0, 0, 1, device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Ranks(distributed.get_rank(), local_rank, world, device)
    finally:
        distributed.destroy_process_group()
