"""Nested groups: each level splits its part of the mixture among its members, tasks and groups alike.

A group counts at its level as one task with all the rows of its own tasks. Shares multiply out exactly
over the levels. Rows are rounded from the top down, so that every task and every group is less than one
row off its exact share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.config.levels import Level, Node
from pipeline.config.strategies.base import Member, Prompts
from pipeline.mixing.quotas import apportioned, shares


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberShare:
    """What a member gets of a mixture."""

    name: str
    path: str
    """Groups around it, joined by `/`; empty at the top."""
    rate: Fraction
    """Against the other members of its level."""
    share: Fraction
    """Of the whole mixture, exactly."""
    inner: tuple["MemberShare", ...] = ()
    """Of a group its members; empty for a task."""

    def leaves(self) -> Iterator["MemberShare"]:
        """Yield the tasks in it."""
        if not self.inner:
            yield self
        for part in self.inner:
            yield from part.leaves()


def parts(
    level: Level,
    sizes: Mapping[str, int | Fraction],
    *,
    total: Fraction | None,
    share: Fraction = Fraction(1),
    prompts: Mapping[str, Prompts] | None = None,
) -> tuple[MemberShare, ...]:
    """Split a level, and all levels below it, by their strategies.

    Args:
        level: The topmost level.
        sizes: Rows or tokens of every task.
        total: Size of the whole mixture, in the unit of the sizes; null where it is not known yet,
            which `unimax` does not allow.
        share: MemberShare of the mixture that the level has.
        prompts: Through which each task's rows were made; one where it says nothing.

    Raises:
        MixtureError: A rate cannot be used, or a level draws nothing.
    """
    members = [_member(node, sizes, prompts or {}) for node in level.members]
    budget = None if total is None else total * share
    rate = level.strategy.rates(members, level.knobs, budget=budget)
    part = shares(rate)
    result = []
    for node in level.members:
        own = share * part[node.name]
        inner = (
            parts(node.inner, sizes, total=total, share=own, prompts=prompts) if node.inner else ()
        )
        result.append(
            MemberShare(
                name=node.name, path=level.path, rate=rate[node.name], share=own, inner=inner
            )
        )
    return tuple(result)


def _member(
    node: Node, sizes: Mapping[str, int | Fraction], prompts: Mapping[str, Prompts]
) -> Member:
    return Member(
        name=node.name,
        size=sum((sizes[task] for task in node.tasks()), Fraction(0)),
        weight=node.weight,
        prompts=Prompts() if node.inner else prompts.get(node.name, Prompts()),
    )


def leaves(split: Sequence[MemberShare]) -> dict[str, MemberShare]:
    """Return the tasks among parts, by name."""
    return {leaf.name: leaf for part in split for leaf in part.leaves()}


def whole_rows(
    split: Sequence[MemberShare], total: int, *, of: int | None = None
) -> dict[str, int]:
    """Round parts to rows, from the top down.

    Args:
        split: Members of one level.
        total: Rows of the mixture, which the shares are of.
        of: Rows of this level; null at the top, where they are all.

    Returns:
        Rows of every task, in name order, each less than one off `total * share`; so are the sums
        over each group.
    """
    rows = apportioned(
        {part.name: total * part.share for part in split}, total=total if of is None else of
    )
    result: dict[str, int] = {}
    for part in split:
        inner = whole_rows(part.inner, total, of=rows[part.name]) if part.inner else {}
        result |= inner or {part.name: rows[part.name]}
    return dict(sorted(result.items()))
