"""Nested groups: each level splits its part of the mixture among its members, tasks and groups alike.

A group counts at its level as one task with all the rows of its own tasks. Shares multiply out exactly
over the levels; rows are rounded from the top down, so that every task *and* every group is less than
one row off its exact share. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.config.mixture_card import Mixture, MixtureTask
from pipeline.config.mixture_rules import all_groups, drawn_tasks
from pipeline.config.sampling import Group, Knobs, Phase
from pipeline.mixing.quotas import apportioned
from pipeline.mixing.rates import Member, Prompts, level_rates, shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Members that split one part of the mixture."""

    path: str
    """Names of the groups around, joined by `/`; empty at the top."""
    strategy: str
    knobs: Knobs
    members: tuple["Node", ...]

    def tasks(self) -> Iterator[str]:
        """Yield the tasks of this level and of all below."""
        for member in self.members:
            yield from member.tasks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A member of a level: a task, or a group with a level of its own."""

    name: str
    weight: float | None
    inner: Level | None = None

    def tasks(self) -> Iterable[str]:
        """Return the tasks that the member stands for."""
        return self.inner.tasks() if self.inner else (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a member gets of a mixture."""

    name: str
    path: str
    """Groups around it, joined by `/`; empty at the top."""
    rate: Fraction
    """Against the other members of its level."""
    share: Fraction
    """Of the whole mixture, exactly."""
    inner: tuple["Part", ...] = ()
    """Of a group its members; empty for a task."""

    def leaves(self) -> Iterator["Part"]:
        """Yield the tasks in it."""
        if not self.inner:
            yield self
        for part in self.inner:
            yield from part.leaves()


def levels(mixture: Mixture, phase: Phase | None = None) -> Level:
    """Return the topmost level of a mixture, as a phase draws from it.

    Args:
        mixture: Tasks, groups and sampling.
        phase: Null for the mixture as a whole. A phase's weights and strategy go before the card's;
            groups none of whose tasks it draws are left out, and their part goes to the others.
    """
    sampling = mixture.sampling
    strategy, knobs = sampling.split, Knobs(**sampling.given())
    if phase is not None and phase.strategy is not None:
        strategy, knobs = phase.strategy, Knobs(**phase.given())
    tasks, over = drawn_tasks(mixture, phase), phase.weights if phase else {}
    grouped = {task for _, _, group in all_groups(mixture.groups) for task in group.tasks}
    entries = {
        task: _weighed(entry, over.get(task))
        for task, entry in mixture.tasks.items()
        if task in tasks
    }
    top = sorted(set(entries) - grouped)
    members = _members("", strategy, knobs, top, mixture.groups, entries, over)
    return Level(path="", strategy=strategy, knobs=knobs, members=members)


def _weighed(entry: MixtureTask, weight: float | None) -> MixtureTask:
    return entry if weight is None else entry.model_copy(update={"weight": weight})


def _members(
    path: str,
    strategy: str,
    knobs: Knobs,
    tasks: Iterable[str],
    groups: Mapping[str, Group],
    entries: Mapping[str, MixtureTask],
    over: Mapping[str, float],
) -> tuple[Node, ...]:
    nodes = [Node(name=task, weight=entries[task].weight) for task in tasks if task in entries]
    for name, group in groups.items():
        inner = f"{path}/{name}" if path else name
        own = (group.strategy, Knobs(**group.given())) if group.strategy else (strategy, knobs)
        below = _members(inner, *own, group.tasks, group.groups, entries, over)
        if below:
            level = Level(path=inner, strategy=own[0], knobs=own[1], members=below)
            nodes.append(Node(name=name, weight=over.get(name, group.weight), inner=level))
    return tuple(sorted(nodes, key=lambda node: node.name))


def parts(
    level: Level,
    sizes: Mapping[str, int | Fraction],
    *,
    total: Fraction | None,
    share: Fraction = Fraction(1),
    prompts: Mapping[str, Prompts] | None = None,
) -> tuple[Part, ...]:
    """Split a level, and all levels below it, by their strategies.

    Args:
        level: The topmost level.
        sizes: Rows or tokens of every task.
        total: Size of the whole mixture, in the unit of the sizes; null where it is not known yet,
            which `unimax` does not allow.
        share: Part of the mixture that the level has.
        prompts: Through which each task's rows were made; one where it says nothing.

    Raises:
        MixtureError: A rate cannot be used, or a level draws nothing.
    """
    members = [_member(node, sizes, prompts or {}) for node in level.members]
    budget = None if total is None else total * share
    rate = level_rates(members, level.strategy, level.knobs, budget=budget)
    part = shares(rate)
    result = []
    for node in level.members:
        own = share * part[node.name]
        inner = (
            parts(node.inner, sizes, total=total, share=own, prompts=prompts) if node.inner else ()
        )
        result.append(
            Part(name=node.name, path=level.path, rate=rate[node.name], share=own, inner=inner)
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


def leaves(split: Sequence[Part]) -> dict[str, Part]:
    """Return the tasks among parts, by name."""
    return {leaf.name: leaf for part in split for leaf in part.leaves()}


def whole_rows(split: Sequence[Part], total: int, *, of: int | None = None) -> dict[str, int]:
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
