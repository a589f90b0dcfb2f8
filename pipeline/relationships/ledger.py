"""Work of many like items that goes on where it was, spread over processes.

What is done lies in a file of JSON lines, each with a key of all that the result depends on: another
recipe or other inputs find nothing done. A line that a killed run left half-written counts as not done.
Knows keys and results; does not know what is computed.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.contract.files import writing

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the sequence of its keys.

    Raises:
        TypeError: It is no JSON.
    """
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def finished(path: Path, key: str) -> dict[str, Any]:
    """Return the results by item that a ledger has under a key."""
    found = {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            entry = json.loads(line)
            if entry["key"] == key:
                found[entry["item"]] = entry["result"]
        except (ValueError, KeyError, TypeError):
            continue  # half of a line, from a run that was killed
    return found


def resumed(
    items: Sequence[str],
    act: Callable[[str], Any],
    *,
    path: Path,
    key: str,
    jobs: int = 1,
    what: str = "",
) -> dict[str, Any]:
    """Do what is not done yet, and keep each result as soon as it is there.

    Args:
        items: Names of what is to be done.
        act: Gives an item's result, as JSON; with several jobs it must be a module's function, or a
            partial of one.
        path: The ledger; its folder is made.
        key: Fingerprint of all that results depend on but the item.
        jobs: Processes; 1 computes in this one.
        what: Of the progress bar.

    Returns:
        Results by item, in the items' sequence.
    """
    done = finished(path, key)
    left = [item for item in items if item not in done]
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_line(path)
        with path.open("a", encoding="utf-8") as file:
            for item, result in _computed(left, act, jobs=jobs, what=what):
                line = json.dumps({"key": key, "item": item, "result": result}, sort_keys=True)
                file.write(line + "\n")
                file.flush()
                done[item] = result
    return {item: done[item] for item in items}


def _end_line(path: Path) -> None:
    """End a line that a killed run left without an end, so that the next one stays whole."""
    if path.is_file() and (text := path.read_bytes()) and not text.endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")


def _computed(
    items: Sequence[str], act: Callable[[str], Any], *, jobs: int, what: str
) -> Iterator[tuple[str, Any]]:
    """Yield items with their results as they come."""
    bar = {"total": len(items), "desc": what, "delay": 2, "leave": False}
    if jobs <= 1 or len(items) <= 1:
        yield from ((item, act(item)) for item in tqdm(items, **bar))
        return
    # spawn: the threads of polars and of a matrix library do not survive a fork
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        with one_thread_each():
            futures = {pool.submit(act, item): item for item in items}
        try:
            for future in tqdm(as_completed(futures), **bar):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that start inside compute on one thread each, unless the user said otherwise."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update({name: "1" for name, value in before.items() if value is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
