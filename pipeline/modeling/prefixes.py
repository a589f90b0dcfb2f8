"""The embedding rows of the task prefixes: how they start, and how to read them."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from pipeline.seeds import derive_rng

PrefixInit = Literal["shared", "random"]


def initialize_prefixes(
    table: nn.Embedding, prefixes: Mapping[str, int], *, init: PrefixInit, seed: int
) -> None:
    """Set the prefix rows of `table` in place.

    Args:
        table: The encoder's word embeddings.
        prefixes: Token id of each task's prefix.
        init: `shared` gives every prefix the mean of the other rows, so that what differs after
            training was learned. `random` draws each from a normal distribution of the table's own
            spread, from a seed that belongs to the task: other tasks do not change it.
        seed: Seed of the run.
    """
    weight = table.weight.data
    others = torch.ones(weight.shape[0], dtype=torch.bool)
    others[list(prefixes.values())] = False
    if table.padding_idx is not None:
        others[table.padding_idx] = False
    known = weight[others.to(weight.device)]
    center = known.double().mean(0).to(weight.dtype)
    spread = float(known.double().std())
    for task, token in sorted(prefixes.items()):
        if init == "shared":
            weight[token] = center
        else:
            draws = derive_rng(seed, "prefix", task).normal(0.0, spread, weight.shape[1])
            weight[token] = torch.from_numpy(draws).to(weight)


def prefix_rows(table: nn.Embedding, prefixes: Mapping[str, int]) -> torch.Tensor:
    """Return a copy of the prefix rows, tasks x width, float32 on the CPU, tasks in name order."""
    tokens = [token for _, token in sorted(prefixes.items())]
    return table.weight.detach()[tokens].float().cpu().clone()
