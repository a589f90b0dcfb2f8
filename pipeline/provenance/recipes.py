"""Two mixtures side by side: what differs in what people wrote, and in the plan that comes of it.

Works on plain values, as they stand in cards. Differences are sorted by how much they matter: first the
tasks, then how much of each, then settings; within a section by the share of the mixture that is touched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pipeline.mixing.plan import Plan
from pipeline.provenance.changes import Change, changes

Section = Literal[
    "tasks added", "tasks removed", "the mixture", "tasks that change", "cards that change",
    "tailor", "parameters",
]  # fmt: skip
SECTIONS: tuple[Section, ...] = get_args(Section)

_ABOUT_A_CARD = ("description", "homepage", "citation", "note", "verified", "licence", "family")
"""Keys of a task card that change no row."""

_APART = ("name", "description", "tasks", "tailor", "params")
"""Keys of a mixture card that have a section of their own, or say nothing of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What comes of a mixture."""

    exact: bool
    note: str
    """Where they come from."""
    plan: Plan

    def of(self, task: str) -> dict[str, Any]:
        """Return what is known of a task, under the names that people read."""
        entry = next((entry for entry in self.plan.tasks if entry.task == task), None)
        if entry is None:
            return {}
        known = {
            "share": entry.share,
            "rows drawn": entry.quota,
            "of rows": entry.rows,
            "epochs": entry.epochs,
            "tokens": entry.tokens,
        }
        return {key: value for key, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two mixtures, as plain values."""

    title: str
    mixture: Mapping[str, Any]
    """Its card; of its tasks only what is written."""
    cards: Mapping[str, Mapping[str, Any]]
    """By task of the mixture; those that are missing are left out."""
    params: Mapping[str, Any]
    """params.yaml with the mixture's overrides."""
    figures: Figures | None
    """None where sizes are unknown."""
    notes: tuple[str, ...] = ()
    """What could not be read or compared."""

    def figures_of(self, task: str) -> dict[str, Any]:
        """Return the figures of one task; nothing where they are unknown."""
        return self.figures.of(task) if self.figures else {}

    def share(self, task: str) -> float:
        """Return a task's share of the mixture; 0 where it is unknown."""
        return float(self.figures_of(task).get("share", 0.0))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: a task, a card, or a group of settings."""

    section: Section
    subject: str
    """Task; empty for settings of the whole mixture."""
    changes: tuple[Change, ...]
    moved: float = 0.0
    """Share of the mixture that it touches, in [0, 1]."""


def differences(a: Side, b: Side) -> list[Difference]:
    """Return what differs between two mixtures, what matters most first; nothing where they agree."""
    found = [*_tasks(a, b), *_mixture(a, b), *_cards(a, b)]
    sections: tuple[tuple[Section, Any, Any], ...] = (
        ("tailor", a.mixture.get("tailor") or {}, b.mixture.get("tailor") or {}),
        ("parameters", a.params, b.params),
    )
    found += [Difference(section, "", changes(*both)) for section, *both in sections]
    rank = {section: i for i, section in enumerate(SECTIONS)}
    return sorted(
        (d for d in found if d.changes or d.section in ("tasks added", "tasks removed")),
        key=lambda d: (rank[d.section], -d.moved, d.subject),
    )


def comparable(a: Side, b: Side) -> bool:
    """Whether the figures of both sides are of one kind: an estimate differs from any exact figure."""
    return a.figures is not None and b.figures is not None and a.figures.exact == b.figures.exact


def _tasks(a: Side, b: Side) -> Iterator[Difference]:
    """Yield the tasks that only one side has, and those that are drawn in another way."""
    old, new = (side.mixture.get("tasks") or {} for side in (a, b))
    for task in old.keys() | new.keys():
        before, after = a.figures_of(task), b.figures_of(task)
        if task not in old:
            found = changes({}, _written(new[task]) | after)
            yield Difference("tasks added", task, found, b.share(task))
        elif task not in new:
            found = changes(_written(old[task]) | before, {})
            yield Difference("tasks removed", task, found, a.share(task))
        else:
            both = before.keys() & after.keys() if comparable(a, b) else ()
            sides = (
                _written(entry[task]) | {key: figures[key] for key in both}
                for entry, figures in ((old, before), (new, after))
            )
            moved = abs(b.share(task) - a.share(task)) if both else 0.0
            yield Difference("tasks that change", task, changes(*sides), moved)


def _written(entry: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a mixture card says of a task; the epochs that it asks for are no figure."""
    said = {key: value for key, value in (entry or {}).items() if value is not None}
    return {"epochs asked" if key == "epochs" else key: value for key, value in said.items()}


def _mixture(a: Side, b: Side) -> Iterator[Difference]:
    """Yield the totals, and the settings that say how tasks are drawn."""
    before, after = (
        {key: value for key, value in side.mixture.items() if key not in _APART} for side in (a, b)
    )
    totals: tuple[Change, ...] = ()
    if comparable(a, b) and a.figures is not None and b.figures is not None:
        old, new = (
            {"rows drawn": plan.positions, "tasks": len(plan.tasks), "tokens": plan.tokens}
            for plan in (a.figures.plan, b.figures.plan)
        )
        known = [key for key in old if old[key] is not None and new[key] is not None]
        totals = changes({key: old[key] for key in known}, {key: new[key] for key in known})
    yield Difference("the mixture", "", (*totals, *changes(before, after)), 1.0)


def _cards(a: Side, b: Side) -> Iterator[Difference]:
    for task in a.cards.keys() & b.cards.keys():
        found = changes(a.cards[task], b.cards[task])
        rows = any(change.key.split(".")[0] not in _ABOUT_A_CARD for change in found)
        moved = max(a.share(task), b.share(task)) if rows else 0.0
        yield Difference("cards that change", task, found, moved)
