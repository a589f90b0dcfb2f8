"""Composition: how many rows each task gives to each phase of a mixture, exactly.

The same code composes from stored lengths and from guessed ones. A task's quota is the sum over the
phases; in each phase it is less than one row off its exact share, or nearest to its share of the
tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.config.levels import top_level
from pipeline.config.mixture_card import Mixture
from pipeline.config.sampling import Phase
from pipeline.config.strategies.base import FixedStrategy, Prompts
from pipeline.config.strategies.registry import FIXED_STRATEGIES
from pipeline.contract.order import PhasePlan
from pipeline.errors import MixtureError, unknown_name
from pipeline.mixing.groups import MemberShare, leaves, parts, whole_rows
from pipeline.mixing.lengths import TaskLengths
from pipeline.mixing.quotas import check_quotas
from pipeline.mixing.sizes import given_size, phase_rows, phase_shares, stop_size

WHOLE = "all"
"""Name of the one phase of a mixture that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a mixture draws of one task."""

    rate: Fraction
    """Against the other members of its level, in the first phase that draws it."""
    group: str
    """Groups around it, joined by `/`; empty where there are none."""
    share: Fraction
    """Of the rows or tokens of the mixture, as the card asks; in [0, 1]."""
    quota: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """Rows of every task, over all phases and in each."""

    tasks: Mapping[str, Drawn]
    """In name order."""
    phases: tuple[PhasePlan, ...]
    """One at least."""

    @property
    def positions(self) -> int:
        """Rows in all."""
        return sum(phase.positions for phase in self.phases)


def compose(mixture: Mixture, lengths: TaskLengths) -> Composition:
    """Return what a mixture draws of each of its tasks; held-out ones are not among them.

    Raises:
        MixtureError: A task is unknown or has no rows, a rate cannot be used, the mixture or a phase of
            it is empty, or a task would be repeated more than 256 times.
    """
    mixture = mixture.drawn()
    _check_tasks(mixture, lengths.rows)
    fixing = FIXED_STRATEGIES.get(mixture.sampling.strategy)
    if fixing is not None:
        result = _fixed(mixture, fixing, lengths.rows)
    elif mixture.sampling.unit == "rows":
        result = _by_rows(mixture, lengths.rows, lengths.prompts)
    else:
        result = _by_tokens(mixture, lengths)
    if not result.positions:
        raise MixtureError(
            "the mixture has no rows", remedy="raise its rows, epochs, tokens or a count"
        )
    check_quotas({task: drawn.quota for task, drawn in result.tasks.items()}, lengths.rows)
    return result


def _check_tasks(mixture: Mixture, rows: Mapping[str, int]) -> None:
    for task in sorted(mixture.tasks):
        if task not in rows:
            what, remedy = unknown_name("task", task, rows)
            raise MixtureError(f"{what} among the tokenised ones", remedy=remedy)
        if not rows[task] and mixture.tasks[task].count != 0:
            raise MixtureError(
                f"task '{task}' is in the mixture but has no train rows",
                where=f"tasks.{task}",
                remedy="see curation/drops.parquet for where its rows went, or take the task out",
            )


def _fixed(mixture: Mixture, fixing: FixedStrategy, rows: Mapping[str, int]) -> Composition:
    counts = {
        task: fixing.quota(entry, rows[task], mixture.sampling.epochs)
        for task, entry in sorted(mixture.tasks.items())
    }
    phases = [
        _phase(phase.name, {task: counts[task] for task in phase.tasks or counts})
        for phase in mixture.phases
    ]
    total = max(sum(counts.values()), 1)
    tasks = {
        task: Drawn(rate=Fraction(count), group="", share=Fraction(count, total), quota=count)
        for task, count in counts.items()
    }
    return Composition(tasks=tasks, phases=tuple(phases) or (_phase(WHOLE, counts),))


def _phase(name: str, quotas: Mapping[str, int]) -> PhasePlan:
    return PhasePlan(name=name, positions=sum(quotas.values()), quotas=dict(sorted(quotas.items())))


def _by_rows(
    mixture: Mixture, rows: Mapping[str, int], prompts: Mapping[str, Prompts]
) -> Composition:
    sizes = {task: rows[task] for task in sorted(mixture.tasks)}
    total = _total(mixture, sizes, prompts)
    splits, plans, asked = [], [], dict.fromkeys(sizes, Fraction(0))
    phases: Sequence[Phase | None] = mixture.phases or (None,)
    for phase, count in zip(phases, phase_rows(mixture.phases, total), strict=True):
        split = parts(top_level(mixture, phase), sizes, total=Fraction(count), prompts=prompts)
        for task, leaf in leaves(split).items():
            asked[task] += count * leaf.share
        splits.append(leaves(split))
        plans.append(_phase(phase.name if phase else WHOLE, whole_rows(split, count)))
    return _composition(splits, plans, asked)


def _total(
    mixture: Mixture, sizes: Mapping[str, int], prompts: Mapping[str, Prompts]
) -> int | None:
    """Return the rows of a mixture; null where its phases say them."""
    sampling, rates = mixture.sampling, None
    if sampling.stop not in ("fixed", "endless"):
        split = leaves(parts(top_level(mixture), sizes, total=None, prompts=prompts))
        return stop_size(sampling.stop, {task: leaf.share for task, leaf in split.items()}, sizes)
    if sampling.passes is not None:
        top = parts(top_level(mixture), sizes, total=None, prompts=prompts)
        rates = {part.name: part.rate for part in top}
    return given_size(sampling, sum(sizes.values()), rates)


def _by_tokens(mixture: Mixture, lengths: TaskLengths) -> Composition:
    unit, budget = mixture.sampling.unit, Fraction(mixture.sampling.tokens or 0)
    tasks = sorted(mixture.tasks)
    sizes = {task: lengths.amount(task, unit) for task in tasks}
    for task in tasks:
        if not sizes[task]:
            kind = unit.replace("_", " ")
            raise MixtureError(f"the rows of task '{task}' have no {kind}", where=f"tasks.{task}")
    phases: Sequence[Phase | None] = mixture.phases or (None,)
    splits, targets = [], {task: [Fraction(0)] for task in tasks}
    for phase, share in zip(phases, phase_shares(mixture.phases), strict=True):
        level = top_level(mixture, phase)
        split = leaves(parts(level, sizes, total=budget * share, prompts=lengths.prompts))
        splits.append(split)
        for task in tasks:
            part = budget * share * split[task].share if task in split else Fraction(0)
            # a task's walk goes on from phase to phase, and so does its target
            targets[task].append(targets[task][-1] + part)
    ends = {task: [0, *lengths.rows_for(task, unit, targets[task][1:])] for task in tasks}
    plans = [
        _phase(
            phase.name if phase else WHOLE,
            {task: ends[task][i + 1] - ends[task][i] for task in tasks if task in splits[i]},
        )
        for i, phase in enumerate(phases)
    ]
    return _composition(splits, plans, {task: targets[task][-1] for task in tasks})


def _composition(
    splits: Sequence[Mapping[str, MemberShare]],
    plans: Sequence[PhasePlan],
    asked: Mapping[str, Fraction],
) -> Composition:
    """Sum the phases; `asked` holds the rows or tokens that the card asks for, exactly."""
    first = {task: leaf for split in reversed(splits) for task, leaf in split.items()}
    whole = sum(asked.values(), Fraction(0))
    tasks = {
        task: Drawn(
            rate=first[task].rate,
            group=first[task].path,
            share=asked[task] / whole,
            quota=sum(plan.quotas.get(task, 0) for plan in plans),
        )
        for task in sorted(asked)
    }
    return Composition(tasks=tasks, phases=tuple(plans))
