"""The engine of this machine: items are computed in processes, or in this one where there is one job."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from tqdm import tqdm

from pipeline.errors import PipelineError

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def compute(
    function: Callable[[str], Any], names: Sequence[str], *, jobs: int, title: str
) -> Iterator[tuple[str, Any]]:
    """Yield items with their results as they come; see `run.Engine`.

    Raises:
        PipelineError: A process was ended from outside.
    """
    bar = {"total": len(names), "desc": title, "delay": 2, "leave": False}
    if jobs <= 1 or len(names) <= 1:
        yield from ((name, function(name)) for name in tqdm(names, **bar))
        return
    # spawn: the threads of polars and of a matrix library do not survive a fork
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        with one_thread_each():
            futures = {pool.submit(function, name): name for name in names}
        try:
            for future in tqdm(as_completed(futures), **bar):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise PipelineError(
                "a process ended before its work was done",
                where=title,
                remedy="check the memory, give fewer --jobs, and run it again",
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start inside compute on one thread each, unless the user said otherwise."""
    unset = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)
