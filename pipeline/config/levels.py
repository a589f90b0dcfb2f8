"""The levels of a mixture: who splits which part of it, by which strategy, with which weights.

A card with groups `nli` and `qa` and a task `cola` has three levels: at the top `nli`, `qa` and `cola`
split the mixture, and each group's tasks split what the group gets. Each phase has levels of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.config.mixture import MixtureParts
from pipeline.config.sampling import Group, OwnSplit, Phase
from pipeline.config.strategies.base import Knobs, SplitStrategy
from pipeline.config.strategies.registry import SPLIT_STRATEGIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Members that split one part of the mixture."""

    path: str
    """Names of the groups around, joined by `/`; empty at the top."""
    strategy: SplitStrategy
    knobs: Knobs
    members: tuple["Node", ...]
    """In name order."""

    def below(self) -> Iterator["Level"]:
        """Yield this level and all levels in it, outer ones first."""
        yield self
        for member in self.members:
            if member.inner:
                yield from member.inner.below()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A member of a level: a task, or a group with a level of its own."""

    name: str
    weight: float | None
    inner: Level | None = None

    def tasks(self) -> Iterator[str]:
        """Yield the tasks that the member stands for."""
        if self.inner is None:
            yield self.name
            return
        for member in self.inner.members:
            yield from member.tasks()


def top_level(mixture: MixtureParts, phase: Phase | None = None) -> Level:
    """Return the topmost level of a mixture, as a phase draws from it.

    Args:
        mixture: Tasks, groups and sampling; its strategy is none that fixes the rows.
        phase: Null for the mixture as a whole. A phase's weights and strategy go before the card's;
            groups none of whose tasks it draws are left out, and their part goes to the others.
    """
    above = (mixture.sampling.split_strategy, Knobs(**mixture.sampling.given()))
    own = _own(phase, above) if phase else above
    over = phase.weights if phase else {}
    drawn = mixture.drawn_in(phase)
    weights = {t: over.get(t, e.weight) for t, e in mixture.tasks.items() if t in drawn}
    grouped = {task for _, _, group in mixture.all_groups() for task in group.tasks}
    return _level("", own, set(weights) - grouped, mixture.groups, weights, over)


def _own(part: OwnSplit, above: tuple[SplitStrategy, Knobs]) -> tuple[SplitStrategy, Knobs]:
    return (SPLIT_STRATEGIES[part.strategy], Knobs(**part.given())) if part.strategy else above


def _level(
    path: str,
    split: tuple[SplitStrategy, Knobs],
    tasks: Iterable[str],
    groups: Mapping[str, Group],
    weights: Mapping[str, float | None],
    over: Mapping[str, float],
) -> Level:
    nodes = [Node(name=task, weight=weights[task]) for task in tasks if task in weights]
    for name, group in groups.items():
        inside = f"{path}/{name}" if path else name
        own = _own(group, split)
        level = _level(inside, own, group.tasks, group.groups, weights, over)
        if level.members:
            nodes.append(Node(name=name, weight=over.get(name, group.weight), inner=level))
    members = tuple(sorted(nodes, key=lambda node: node.name))
    return Level(path=path, strategy=split[0], knobs=split[1], members=members)
