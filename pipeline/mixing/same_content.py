"""Tasks that have the same content under two names, whatever the tasks are called.

Tasks are the same if their train rows are the same set of token ids and labels, in any sequence. Only
tasks with equal numbers of rows and tokens are compared, so that a mixture without such tasks costs
nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from pipeline.config.load import check
from pipeline.config.mixture_card import Mixture
from pipeline.contract.files import read_arrow
from pipeline.contract.tokens import TokenFolder
from pipeline.errors import MixtureError

POSITION = "row"
"""Column that says where a row came from, which is no content."""


def same_content(tokens: TokenFolder, tasks: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the sets of tasks whose train rows are the same, each in name order.

    Args:
        tokens: Their folder.
        tasks: Tasks to compare; those without rows are the same as no other.
    """
    alike = defaultdict(list)
    for task in sorted(tasks):
        entry = tokens.tasks[task]
        if entry.rows:
            alike[entry.rows, entry.tokens, entry.supervised_tokens].append(task)
    same = defaultdict(list)
    for suspects in alike.values():
        for task in suspects if len(suspects) > 1 else ():
            same[content_hash(read_arrow(tokens.shard(task)))].append(task)
    return sorted(tuple(names) for names in same.values() if len(names) > 1)


def content_hash(shard: pa.RecordBatch) -> str:
    """Return a hash of a shard's rows that does not depend on their sequence.

    BLAKE2b over the sorted XXH3-128 hashes of the rows; of each row the ids, their division into
    segments and the labels.
    """
    columns = [
        _row_bytes(shard.column(name)) for name in sorted(shard.schema.names) if name != POSITION
    ]
    rows = sorted(xxhash.xxh3_128_digest(b"".join(row)) for row in zip(*columns, strict=True))
    return blake2b(b"".join(rows), digest_size=16).hexdigest()


def _row_bytes(column: pa.Array) -> list[bytes]:
    """Return for each row of a column the bytes of its values, led by their number; nulls differ."""
    present = np.asarray(column.is_valid())
    if not pa.types.is_large_list(column.type):
        values = np.asarray(column.fill_null(0)).astype("<i8")
        return [values[i : i + 1].tobytes() if present[i] else b"-" for i in range(len(values))]
    offsets = np.asarray(column.offsets, dtype=np.int64)
    if pa.types.is_large_list(column.values.type):
        inner = _row_bytes(column.values)
        pieces = [b"".join(inner[a:b]) for a, b in pairwise(offsets)]
    else:
        flat = np.asarray(column.values).astype("<i4")
        pieces = [flat[a:b].tobytes() for a, b in pairwise(offsets)]
    counts = np.diff(offsets).astype("<i8")
    return [
        counts[i : i + 1].tobytes() + piece if present[i] else b"-"
        for i, piece in enumerate(pieces)
    ]


def settle_same_content(
    mixture: Mixture, same: Collection[tuple[str, ...]], *, target: str | None
) -> tuple[Mixture, dict[str, str]]:
    """Refuse, merge or allow tasks of the same content, as the mixture says.

    Args:
        mixture: Its `same_content` is `refuse`, `merge` or `allow`.
        same: Sets of tasks, as `same_content` returns them.
        target: Task that stays where it is one of a set; else the first name stays.

    Returns:
        The mixture, without the tasks that left; and those tasks -> the one that stayed.

    Raises:
        MixtureError: There are such tasks, and they are refused.
        ConfigError: A group or phase has no task left.
    """
    if not same or mixture.same_content == "allow":
        return mixture, {}
    if mixture.same_content == "refuse":
        names = "; ".join(" and ".join(f"'{task}'" for task in tasks) for tasks in same)
        raise MixtureError(
            f"the same train rows under several names: {names}",
            where="tasks",
            remedy="take all but one out, or write same_content: merge (or allow) on the card",
        )
    merged = {
        task: kept
        for tasks in same
        for kept in [target if target in tasks else tasks[0]]
        for task in tasks
        if task != kept
    }
    return without(mixture, merged), merged


def without(mixture: Mixture, gone: Collection[str]) -> Mixture:
    """Return a mixture from whose tasks, groups and phases some tasks are taken.

    Raises:
        ConfigError: A group or phase has no task left, or no task is.
    """
    value = mixture.model_dump(mode="json", include=set(Mixture.model_fields))
    value["tasks"] = {task: entry for task, entry in value["tasks"].items() if task not in gone}
    value["groups"] = _groups_without(value["groups"], gone)
    for phase in value["phases"]:
        left = [task for task in phase["tasks"] if task not in gone]
        if phase["tasks"] and not left:
            raise MixtureError(
                f"phase '{phase['name']}' has no task left once tasks of the same content are merged",
                where=f"phases.{phase['name']}",
                remedy="take the phase out, or name the task that stays",
            )
        phase["tasks"] = left
        phase["weights"] = {n: w for n, w in phase["weights"].items() if n not in gone}
    return check(Mixture, value, where="once tasks of the same content are merged")


def _groups_without(groups: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    return {
        name: group
        | {
            "tasks": [task for task in group["tasks"] if task not in gone],
            "groups": _groups_without(group["groups"], gone),
        }
        for name, group in groups.items()
    }
