"""Tasks that a training looks at and never draws: which prefix they are read behind, what counts.

A held-out task has a prefix that no step has moved, which a model has never seen in front of a text. It
is read behind the mean of the prefixes that were trained so far, the one that says least about the task.
Its `select` rows are answered and decide nothing: a model that were chosen by them would not be
zero-shot. Knows an embedding table and figures; knows no view and no file.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


def set_mean_prefixes(
    table: nn.Embedding,
    prefixes: Mapping[str, int],
    *,
    held_out: Collection[str],
    examples: Mapping[str, int],
) -> None:
    """Give held-out tasks the mean of the trained prefixes, in place; nothing where none is trained.

    Args:
        table: The model's word embeddings.
        prefixes: Token id of each task's prefix.
        held_out: Tasks that are never drawn; names that have no prefix are passed over.
        examples: Rows of each task that were drawn so far; a task without any is not trained.
    """
    trained = [token for task, token in sorted(prefixes.items()) if examples.get(task)]
    bare = [prefixes[task] for task in sorted(held_out) if task in prefixes]
    if not trained or not bare:
        return
    weight = table.weight.data
    weight[bare] = weight[trained].double().mean(0).to(weight.dtype)


@contextmanager
def mean_prefixes(
    table: nn.Embedding,
    prefixes: Mapping[str, int],
    *,
    held_out: Collection[str],
    examples: Mapping[str, int],
) -> Iterator[None]:
    """As `set_mean_prefixes` for the time of a look, which must change no later step."""
    tokens = [prefixes[task] for task in sorted(held_out) if task in prefixes]
    before = table.weight.detach()[tokens].clone()
    set_mean_prefixes(table, prefixes, held_out=held_out, examples=examples)
    try:
        yield
    finally:
        with torch.no_grad():
            table.weight[tokens] = before


def judged_by_drawn(seen: dict[str, Any], held_out: Collection[str]) -> dict[str, Any]:
    """Return figures on `select` rows with `accuracy_macro` over the tasks that are drawn alone.

    Args:
        seen: As `View.select` returns it.
        held_out: Tasks that are never drawn.

    Returns:
        The same where none is held out; else with `accuracy_macro_held_out` too. Either is None where
        no task of its kind has a figure.
    """
    if not held_out:
        return seen
    figures = seen["accuracy"].items()
    drawn = [value for task, value in figures if task not in held_out]
    others = [value for task, value in figures if task in held_out]
    return {**seen, "accuracy_macro": _mean(drawn), "accuracy_macro_held_out": _mean(others)}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
