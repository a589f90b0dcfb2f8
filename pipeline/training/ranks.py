"""The processes of one training: alone, or started by torchrun.

The number of processes comes from the environment, never from settings. No process waits for another
longer than a fixed time, and when one ends, all others end too.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor

from pipeline.contract.ragged import Floats
from pipeline.errors import ConfigError, PipelineError, TrainingError

TIMEOUT = "TASKLOOM_TIMEOUT"
"""Seconds that a process waits for the others in one exchange; more than the slowest checkpoint takes."""
_TIMEOUT_S = 600.0

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
        """Replace a tensor by its sum over all processes.

        Raises:
            TrainingError: Another process ended, or did not answer in time.
        """
        if self.world > 1:
            with self._listening():
                distributed.all_reduce(values)

    def total(self, figures: Floats) -> Floats:
        """Return the sum of some float64 figures over all processes.

        Raises:
            TrainingError: Another process ended, or did not answer in time.
        """
        if self.world == 1:
            return figures
        values = torch.from_numpy(figures.copy()).to(self.device)
        with self._listening():
            distributed.all_reduce(values)
            result: Floats = values.cpu().numpy()
        return result

    @contextmanager
    def _listening(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise TrainingError(
                f"another process of this training ended or stopped answering ({_cause(error)})",
                where=f"process {self.rank} of {self.world}",
                remedy="its own words say why; one that the system killed, for want of memory say, "
                f"says nothing. Where it was only slow, set {TIMEOUT} to more seconds",
            ) from error

    def together(self, act: Callable[[], _Value]) -> _Value:
        """Run `act` on every process; where it fails on one, fail on all, so that none waits.

        Raises:
            PipelineError: What `act` raised, or, on the others, that another process failed.
        """
        try:
            value = act()
        except PipelineError:
            with suppress(TrainingError):  # the others may be gone: what happened here comes first
                self.total(np.ones(1))
            raise
        if self.total(np.zeros(1))[0]:
            raise TrainingError("another process of this training failed; it says why")
        return value


def _cause(error: Exception) -> str:
    """Return what torch says of a lost connection, without the line of its source and its guesses."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    said = first.partition("] ")[2] if first.startswith("[") else first
    return said.partition(". ")[0]


@contextmanager
def join_ranks() -> Iterator[Ranks]:
    """Join the other processes if torchrun started this one, and leave them at the end.

    Raises:
        TrainingError: There are more processes on this machine than GPUs, where there are any, or the
            others cannot be reached.
        ConfigError: The environment gives no usable time-out.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    device = _device(local_rank)
    if world == 1:
        yield Ranks(0, 0, 1, device)
        return
    try:
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=exchange_timeout())
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"cannot meet the other processes: {(str(error).splitlines() or [''])[0]}",
            where=f"process {os.environ.get('RANK')} of {world}",
            expected="MASTER_ADDR and MASTER_PORT, as torchrun sets them, reachable from every machine",
        ) from error
    try:
        yield Ranks(distributed.get_rank(), local_rank, world, device)
    finally:
        distributed.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise TrainingError(
            f"process {local_rank} of this machine has no GPU: there are {torch.cuda.device_count()}",
            where="torchrun",
            remedy="start as many processes as GPUs, or hide the GPUs with CUDA_VISIBLE_DEVICES=",
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device


def exchange_timeout() -> timedelta:
    """Return how long a process waits for the others in one exchange.

    Raises:
        ConfigError: The environment asks for something that is no positive number of seconds.
    """
    wanted = os.environ.get(TIMEOUT)
    try:
        seconds = _TIMEOUT_S if wanted is None else float(wanted)
        if not 0 < seconds < 1e6:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"{TIMEOUT}: is '{wanted}'", where="environment", expected="seconds, above 0"
        ) from None
    return timedelta(seconds=seconds)
