"""Rules between the parts of a mixture card: tasks, sampling, groups, phases.

Each rule returns the words of the first thing that is wrong, or None. Knows no size: what depends on
how many rows a task has is checked when the mixture is planned.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.config.sampling import Group, Phase, Sampling, size_wanted
from pipeline.errors import nearest

if TYPE_CHECKING:
    from pipeline.config.mixture_card import Mixture

ABSOLUTE = ("counts", "epochs")
"""Strategies that say how many rows each task gives, and share out nothing."""

_ASKS_FOR_ROWS = ("weight", "count", "epochs", "draw")
"""Keys of a task that say how much of it is drawn, and how."""


def complaint(mixture: "Mixture") -> str | None:
    """Return the words of the first rule that a mixture breaks; None where it breaks none."""
    words = _held_out(mixture) or _prompts(mixture)
    if words:
        return words
    drawn = mixture.drawn()  # all other rules are about tasks that rows are drawn from
    rules: tuple[Callable[[Mixture], str | None], ...] = (
        _view, _groups, _task_keys, _level_weights, _stop, _phases, _size,
    )  # fmt: skip
    return next((words for rule in rules if (words := rule(drawn))), None)


def all_groups(groups: Mapping[str, Group], path: str = "") -> Iterator[tuple[str, str, Group]]:
    """Yield every group with its path (`a/b`) and its name, outer ones first."""
    for name in sorted(groups):
        where = f"{path}/{name}" if path else name
        yield where, name, groups[name]
        yield from all_groups(groups[name].groups, where)


def _held_out(mixture: "Mixture") -> str | None:
    """Check that nothing asks for rows of a held-out task, and that some task is drawn."""
    held = mixture.held_out
    if len(held) == len(mixture.tasks):
        return "tasks: all are held out; a mixture draws from one at least"
    for task in held:
        entry = mixture.tasks[task]
        asked = [key for key in _ASKS_FOR_ROWS if getattr(entry, key) is not None]
        if asked:
            return f"tasks.{task}: '{asked[0]}' does not go with held_out; no row of it is drawn"
        if isinstance(entry.prompts, Mapping):
            return f"tasks.{task}: weights of prompts do not go with held_out; give a list"
    return _held_out_parts(mixture, held)


def _held_out_parts(mixture: "Mixture", held: Collection[str]) -> str | None:
    """Check that neither groups nor phases name a held-out task."""
    for path, _, group in all_groups(mixture.groups):
        named = sorted(set(group.tasks).intersection(held))
        if named:
            return f"groups.{path}: task '{named[0]}' is held out, and has no part in the mixture"
    for phase in mixture.phases:
        named = sorted({*phase.tasks, *phase.weights}.intersection(held))
        if named:
            return f"phases.{phase.name}: task '{named[0]}' is held out, so that no phase draws it"
    return None


def _view(mixture: "Mixture") -> str | None:
    if mixture.sampling.strategy == "supervised_tokens" and mixture.view != "text":
        return (
            "sampling: strategy 'supervised_tokens' needs view 'text'; in the choice view a row has "
            "no tokens that are targets, only a right choice"
        )
    return None


def _prompts(mixture: "Mixture") -> str | None:
    """Check that prompts go with the text view, and weights with drawing one of them."""
    if mixture.view != "text" and mixture.draw != "all":
        return f"draw: '{mixture.draw}' goes with view 'text'"
    for task, entry in sorted(mixture.tasks.items()):
        for key in ("prompts", "pool", "draw"):
            if mixture.view != "text" and getattr(entry, key) is not None:
                return f"tasks.{task}: '{key}' goes with view 'text'"
        if isinstance(entry.prompts, dict) and (entry.draw or mixture.draw) == "all":
            return (
                f"tasks.{task}.prompts: weights go with draw 'one'; with 'all' every row is seen "
                "through every prompt once"
            )
    return None


def _groups(mixture: "Mixture") -> str | None:
    if mixture.groups and mixture.sampling.strategy in ABSOLUTE:
        return f"groups: strategy '{mixture.sampling.strategy}' shares nothing out among groups"
    seen: dict[str, str] = {}
    names: set[str] = set()
    for path, name, group in all_groups(mixture.groups):
        if name in mixture.tasks or name in names:
            taken = "a task" if name in mixture.tasks else "another group"
            return f"groups.{path}: the name '{name}' is that of {taken} too"
        names.add(name)
        for task in group.tasks:
            if task not in mixture.tasks:
                return f"groups.{path}: {_unknown(task, mixture.tasks, 'task')}"
            if task in seen:
                return f"groups.{path}: task '{task}' is in group '{seen[task]}' already"
            seen[task] = path
    return None


def _unknown(name: str, known: Collection[str], kind: str) -> str:
    guess = nearest(name, known)
    return f"no {kind} of the mixture is named '{name}'" + (
        f"; did you mean '{guess}'?" if guess else ""
    )


_TASK_KEYS = {
    "count": (("counts",), "'count' goes with strategy 'counts' only"),
    "epochs": (("epochs",), "'epochs' goes with strategy 'epochs' only"),
}


def _task_keys(mixture: "Mixture") -> str | None:
    sampling = mixture.sampling
    for task, entry in sorted(mixture.tasks.items()):
        for key, (strategies, words) in _TASK_KEYS.items():
            if getattr(entry, key) is not None and sampling.strategy not in strategies:
                return f"tasks.{task}: {words}"
        if sampling.strategy == "counts" and entry.count is None:
            return f"tasks.{task}: strategy 'counts' needs a count for every task"
        if sampling.strategy == "epochs" and entry.epochs is None and sampling.epochs is None:
            return (
                f"tasks.{task}: strategy 'epochs' needs the task's 'epochs', or 'sampling.epochs' "
                "for all that have none"
            )
        if sampling.strategy in ABSOLUTE and entry.weight is not None:
            return f"tasks.{task}: 'weight' does not go with strategy '{sampling.strategy}'"
    return None


def _level_weights(mixture: "Mixture") -> str | None:
    """Check every level's weights: there under `weights`, absent under `unimax`."""
    if mixture.sampling.strategy in ABSOLUTE:
        return None
    grouped = {task for _, _, group in all_groups(mixture.groups) for task in group.tasks}
    top = tuple(sorted(set(mixture.tasks) - grouped))
    for phase in mixture.phases or (None,):
        words = _level(mixture, phase, "", mixture.sampling.split, top, mixture.groups)
        if words:
            return words
    return None


def _level(
    mixture: "Mixture",
    phase: Phase | None,
    path: str,
    strategy: str,
    tasks: tuple[str, ...],
    groups: Mapping[str, Group],
) -> str | None:
    over = phase.weights if phase else {}
    here = phase.strategy if phase and phase.strategy and not path else strategy
    drawn = drawn_tasks(mixture, phase)
    weights = {t: over.get(t, mixture.tasks[t].weight) for t in tasks if t in drawn}
    weights |= {name: over.get(name, group.weight) for name, group in groups.items()}
    for name, weight in sorted(weights.items()):
        kind = "groups" if name in groups else "tasks"
        if here == "weights" and weight is None:
            inside = f" of group '{path}'" if path else ""
            one = "group" if name in groups else "task"
            return f"{kind}.{name}: strategy 'weights' needs a weight for every {one}{inside}"
        if here == "unimax" and weight is not None:
            return f"{kind}.{name}: 'weight' does not go with strategy 'unimax'"
    for name, group in sorted(groups.items()):
        inner = f"{path}/{name}" if path else name
        words = _level(mixture, phase, inner, group.strategy or here, group.tasks, group.groups)
        if words:
            return words
    return None


def drawn_tasks(mixture: "Mixture", phase: Phase | None) -> set[str]:
    """Return the tasks that a phase draws from: its own, and those of its groups."""
    if phase is None or not phase.tasks:
        return set(mixture.tasks)
    inside = {name: members(group) for _, name, group in all_groups(mixture.groups)}
    return set().union(*(inside.get(name, {name}) for name in phase.tasks))


def members(group: Group) -> set[str]:
    """Return all tasks of a group, those of its groups with them."""
    return set(group.tasks).union(*(members(inner) for inner in group.groups.values()))


def _stop(mixture: "Mixture") -> str | None:
    stop, sampling = mixture.sampling.stop, mixture.sampling
    if stop in ("fixed", "endless"):
        return None
    if mixture.phases:
        return f"phases: stop '{stop}' does not go with phases, whose size must be known"
    for path, _, group in all_groups(mixture.groups):
        if group.strategy == "unimax":
            return (
                f"groups.{path}: stop '{stop}' does not go with 'unimax', which splits a known size"
            )
    weighted = sorted(task for task, entry in mixture.tasks.items() if entry.weight is not None)
    if stop == "exactly_once" and (
        sampling.strategy != "proportional" or sampling.given() or mixture.groups or weighted
    ):
        return (
            "sampling: stop 'exactly_once' leaves nothing to share out; write strategy "
            "'proportional' without scale, cap, per, weights and groups"
        )
    return None


def _phases(mixture: "Mixture") -> str | None:
    names = [phase.name for phase in mixture.phases]
    known = set(mixture.tasks) | {name for _, name, _ in all_groups(mixture.groups)}
    for phase in mixture.phases:
        if names.count(phase.name) > 1:
            return f"phases.{phase.name}: there are two phases of that name"
        for name in (*phase.tasks, *sorted(phase.weights)):
            if name not in known:
                return f"phases.{phase.name}: {_unknown(name, known, 'task or group')}"
    if not mixture.phases:
        return None
    undrawn = set(mixture.tasks).difference(
        *(drawn_tasks(mixture, phase) for phase in mixture.phases)
    )
    if undrawn:
        return f"phases: task '{min(undrawn)}' is in no phase; add it to one, or take it out"
    if mixture.sampling.strategy in ABSOLUTE:
        return _absolute_phases(mixture)
    return _phase_sizes(mixture.phases, mixture.sampling)


def _absolute_phases(mixture: "Mixture") -> str | None:
    strategy, seen = mixture.sampling.strategy, set[str]()
    for phase in mixture.phases:
        if phase.share is not None or phase.rows is not None or phase.weights or phase.strategy:
            return (
                f"phases.{phase.name}: strategy '{strategy}' fixes the rows, so that a phase has "
                "'tasks' and nothing else"
            )
        twice = sorted(seen & set(phase.tasks or mixture.tasks))
        if twice:
            return (
                f"phases.{phase.name}: task '{twice[0]}' is in an earlier phase already; strategy "
                f"'{strategy}' draws all of a task in one phase"
            )
        seen |= set(phase.tasks or mixture.tasks)
    return None


def _phase_sizes(phases: tuple[Phase, ...], sampling: Sampling) -> str | None:
    shared = [phase.name for phase in phases if phase.share is not None]
    sized = [phase.name for phase in phases if phase.rows is not None]
    rest = [phase.name for phase in phases if phase.share is None and phase.rows is None]
    if shared and sized:
        return (
            f"phases.{sized[0]}: has 'rows' where phase '{shared[0]}' has a 'share'; give one kind"
        )
    if len(rest) > 1:
        return (
            f"phases.{rest[1]}: needs 'share' or 'rows'; phase '{rest[0]}' takes the rest already"
        )
    if sized and sampling.unit != "rows":
        return f"phases.{sized[0]}: 'rows' does not go with a mixture of tokens; give 'share'"
    if sized and not rest and sampling.sizes():
        return (
            f"phases: all phases have 'rows', so that 'sampling.{sampling.sizes()[0]}' says it twice; "
            "take it out, or let one phase take the rest"
        )
    whole = sum((Fraction(repr(p.share)) for p in phases if p.share is not None), Fraction(0))
    if shared and (whole > 1 or (whole != 1 and not rest) or (whole == 1 and rest)):
        return f"phases: the shares sum to {float(whole):g}, not 1" + (
            f", and phase '{rest[0]}' takes the rest" if rest else ""
        )
    return None


def _size(mixture: "Mixture") -> str | None:
    if mixture.phases and all(phase.rows is not None for phase in mixture.phases):
        return None
    words = size_wanted(mixture.sampling)
    return f"sampling: {words}" if words else None
