"""Run a function over named items: in parallel, resumable, with errors that name the item.

    keys = {"sst2": fingerprint([recipe, "sst2"]), "rte": fingerprint([recipe, "rte"])}
    results = run(partial(measure, pool), keys, jobs=2, ledger=Path("done.jsonl"), title="gains")

Where items are computed is the engine's business: `local` is this machine. Another engine is one more
module with a function like `local.compute`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pipeline.engine import local
from pipeline.engine.ledger import append_result, appending, read_results
from pipeline.errors import PipelineError


class Engine(Protocol):
    """Computes a function of every name, wherever it likes, and yields results as they come."""

    def __call__(
        self, function: Callable[[str], Any], names: Sequence[str], *, jobs: int, title: str
    ) -> Iterator[tuple[str, Any]]:
        """Yield each name with its result, in any sequence.

        Args:
            function: Can be sent to another process.
            names: Of the items.
            jobs: Most that are computed at a time.
            title: For the progress bar.
        """
        ...


def run(
    function: Callable[[str], Any],
    keys: Mapping[str, str],
    *,
    jobs: int = 1,
    ledger: Path | None = None,
    title: str = "",
    engine: Engine = local.compute,
) -> dict[str, Any]:
    """Compute what is not done yet, and keep each result as soon as it is there.

    Args:
        function: Gives an item's result from its name, as JSON where there is a ledger; a function of a
            module or a `partial` of one, whatever the number of jobs.
        keys: By item, a fingerprint of all that its result depends on; see `ledger.fingerprint`.
        jobs: Items that are computed at a time.
        ledger: File of results; none keeps nothing.
        title: What the items are, for the progress bar.
        engine: Where they are computed.

    Returns:
        Results by item, in name order.

    Raises:
        PipelineError: As the function raises it, with the item's name.
        ValueError: The function is a lambda, or lies inside another function.
    """
    inner = function.func if isinstance(function, partial) else function
    if "<" in getattr(inner, "__qualname__", ""):
        raise ValueError(f"{inner.__qualname__} cannot be sent to another process")
    done = read_results(ledger, keys) if ledger else {}
    left = [name for name in sorted(keys) if name not in done]
    with appending(ledger) if ledger else nullcontext() as file:
        for name, result in engine(partial(call, function), left, jobs=jobs, title=title):
            done[name] = result
            if file:
                append_result(file, name, keys[name], result)
    return {name: done[name] for name in sorted(keys)}


def call(function: Callable[[str], Any], name: str) -> Any:
    """Return the result of one item; an error says which item it was."""
    try:
        return function(name)
    except PipelineError as error:
        where = f"{name}: {error.where}" if error.where else name
        kind = type(error)
        raise kind(error.what, where=where, expected=error.expected, remedy=error.remedy) from error
    except Exception as error:
        error.add_note(f"while working on '{name}'")
        raise
