"""Rules between the parts of a mixture card: tasks, sampling, groups, phases.

Each rule returns the words of the first thing that is wrong, or None. What depends on how many rows a
task has is checked when the mixture is planned.
"""

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction

from pipeline.config.levels import Level, top_level
from pipeline.config.mixture import MixtureParts
from pipeline.config.sampling import Phase, Sampling
from pipeline.config.strategies.base import decimal
from pipeline.config.strategies.registry import FIXED_STRATEGIES, SPLIT_STRATEGIES, STRATEGIES
from pipeline.errors import nearest

_ASKS_FOR_ROWS = ("weight", "count", "epochs", "draw")
"""Keys of a task that say how much of it is drawn, and how."""


def complaint(mixture: MixtureParts) -> str | None:
    """Return the words of the first rule that a mixture breaks; None where it breaks none."""
    words = _held_out(mixture) or _prompts(mixture)
    if words:
        return words
    drawn = mixture.drawn()  # all other rules are about tasks that rows are drawn from
    rules: tuple[Callable[[MixtureParts], str | None], ...] = (
        _view, _groups, _task_keys, _level_weights, _stop, _phases, _size,
    )  # fmt: skip
    return next((words for rule in rules if (words := rule(drawn))), None)


def _held_out(mixture: MixtureParts) -> str | None:
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


def _held_out_parts(mixture: MixtureParts, held: Collection[str]) -> str | None:
    """Check that neither groups nor phases name a held-out task."""
    for path, _, group in mixture.all_groups():
        named = sorted(set(group.tasks).intersection(held))
        if named:
            return f"groups.{path}: task '{named[0]}' is held out, and has no part in the mixture"
    for phase in mixture.phases:
        named = sorted({*phase.tasks, *phase.weights}.intersection(held))
        if named:
            return f"phases.{phase.name}: task '{named[0]}' is held out, so that no phase draws it"
    return None


def _view(mixture: MixtureParts) -> str | None:
    strategy = STRATEGIES[mixture.sampling.strategy]
    if strategy.view not in (None, mixture.view):
        return f"sampling: strategy '{strategy.name}' needs view '{strategy.view}'; {strategy.view_note}"
    return None


def _prompts(mixture: MixtureParts) -> str | None:
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


def _groups(mixture: MixtureParts) -> str | None:
    if mixture.groups and mixture.sampling.strategy in FIXED_STRATEGIES:
        return f"groups: strategy '{mixture.sampling.strategy}' shares nothing out among groups"
    seen: dict[str, str] = {}
    names: set[str] = set()
    for path, name, group in mixture.all_groups():
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


def _task_keys(mixture: MixtureParts) -> str | None:
    """Check what tasks say to the strategies that fix their rows."""
    sampling, fixing = mixture.sampling, FIXED_STRATEGIES.get(mixture.sampling.strategy)
    for task, entry in sorted(mixture.tasks.items()):
        for other in FIXED_STRATEGIES.values():
            if getattr(entry, other.task_key) is not None and other is not fixing:
                return f"tasks.{task}: '{other.task_key}' goes with strategy '{other.name}' only"
        if fixing is None:
            continue
        words = fixing.missing(entry, sampling.epochs)
        if words:
            return f"tasks.{task}: {words}"
        if entry.weight is not None:
            return f"tasks.{task}: 'weight' does not go with strategy '{sampling.strategy}'"
    return None


def _level_weights(mixture: MixtureParts) -> str | None:
    """Check every level's weights: there where its strategy requires them, absent where it refuses."""
    if mixture.sampling.strategy in FIXED_STRATEGIES:
        return None
    for phase in mixture.phases or (None,):
        for level in top_level(mixture, phase).below():
            words = _weights_of(level)
            if words:
                return words
    return None


def _weights_of(level: Level) -> str | None:
    for node in level.members:
        kind, one = ("groups", "group") if node.inner else ("tasks", "task")
        strategy = level.strategy
        if strategy.weights == "required" and node.weight is None:
            inside = f" of group '{level.path}'" if level.path else ""
            needs = f"strategy '{strategy.name}' needs a weight for every {one}{inside}"
            return f"{kind}.{node.name}: {needs}"
        if strategy.weights == "refused" and node.weight is not None:
            return f"{kind}.{node.name}: 'weight' does not go with strategy '{strategy.name}'"
    return None


def _stop(mixture: MixtureParts) -> str | None:
    stop, sampling = mixture.sampling.stop, mixture.sampling
    if stop in ("fixed", "endless"):
        return None
    if mixture.phases:
        return f"phases: stop '{stop}' does not go with phases, whose size must be known"
    for path, _, group in mixture.all_groups():
        if group.strategy and SPLIT_STRATEGIES[group.strategy].splits_known_size:
            return (
                f"groups.{path}: stop '{stop}' does not go with '{group.strategy}', "
                "which splits a known size"
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


def _phases(mixture: MixtureParts) -> str | None:
    names = [phase.name for phase in mixture.phases]
    known = set(mixture.tasks) | {name for _, name, _ in mixture.all_groups()}
    for phase in mixture.phases:
        if names.count(phase.name) > 1:
            return f"phases.{phase.name}: there are two phases of that name"
        for name in (*phase.tasks, *sorted(phase.weights)):
            if name not in known:
                return f"phases.{phase.name}: {_unknown(name, known, 'task or group')}"
    if not mixture.phases:
        return None
    undrawn = set(mixture.tasks).difference(*(mixture.drawn_in(phase) for phase in mixture.phases))
    if undrawn:
        return f"phases: task '{min(undrawn)}' is in no phase; add it to one, or take it out"
    if mixture.sampling.strategy in FIXED_STRATEGIES:
        return _absolute_phases(mixture)
    return _phase_sizes(mixture.phases, mixture.sampling)


def _absolute_phases(mixture: MixtureParts) -> str | None:
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
    whole = sum((decimal(p.share) for p in phases if p.share is not None), Fraction(0))
    if shared and (whole > 1 or (whole != 1 and not rest) or (whole == 1 and rest)):
        return f"phases: the shares sum to {float(whole):g}, not 1" + (
            f", and phase '{rest[0]}' takes the rest" if rest else ""
        )
    return None


def _size(mixture: MixtureParts) -> str | None:
    if mixture.phases and all(phase.rows is not None for phase in mixture.phases):
        return None
    words = mixture.sampling.size_wanted()
    return f"sampling: {words}" if words else None
