"""Two mixtures side by side: what differs in what people wrote and in what comes of it. Pure.

Works on plain values, as they stand in cards or in a plan; what a key means is in its name. Differences
come sorted by how much they matter: first what the mixture consists of, then how much of each, then
settings; inside each section by the share of the mixture that is touched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.comparison.changes import Change, changes

Section = Literal[
    "tasks added", "tasks removed", "the mixture", "tasks that change", "cards that change",
    "tailor", "parameters",
]  # fmt: skip
SECTIONS: tuple[Section, ...] = (
    "tasks added", "tasks removed", "the mixture", "tasks that change", "cards that change",
    "tailor", "parameters",
)  # fmt: skip

_ABOUT_A_CARD = ("description", "homepage", "citation", "note", "verified", "licence", "family")
"""Keys of a task card that change no row."""

_APART = ("name", "description", "tasks", "tailor", "params")
"""Keys of a mixture card that have a section of their own, or say nothing of rows."""

_ASKED = {"epochs": "epochs asked"}
"""Keys of a mixture's task that a figure has too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFigures:
    """What a plan or an estimate says of one task."""

    rows: int
    """Train rows that there are."""
    share: float
    """Of the mixture, in [0, 1]."""
    quota: int
    """Rows drawn."""
    epochs: float
    tokens: int | None
    """Of the rows drawn; null = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What comes of a recipe."""

    exact: bool
    note: str
    """Where they come from."""
    tasks: Mapping[str, TaskFigures]

    @property
    def rows(self) -> int:
        """Rows drawn of all tasks."""
        return sum(task.quota for task in self.tasks.values())

    @property
    def tokens(self) -> int | None:
        """Of all tasks; null as soon as one is unknown."""
        known = [task.tokens for task in self.tasks.values() if task.tokens is not None]
        return sum(known) if len(known) == len(self.tasks) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two recipes, as plain values with defaults filled in."""

    title: str
    mixture: Mapping[str, Any]
    cards: Mapping[str, Mapping[str, Any]]
    """By task of the mixture; what is not there is left out."""
    params: Mapping[str, Any]
    """params.yaml with the mixture's overrides."""
    figures: Figures | None
    """Null where sizes are unknown."""
    task_defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a mixture says of a task when it says nothing."""
    notes: tuple[str, ...] = ()
    """What could not be read or compared."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: a task, a card, or a group of settings."""

    section: Section
    subject: str
    """Task; empty for settings of the whole mixture."""
    changes: tuple[Change, ...]
    moved: float = field(default=0.0)
    """Share of the mixture that it touches, in [0, 1]: by it differences are sorted in a section."""


def differences(a: Side, b: Side) -> list[Difference]:
    """Return what differs between two recipes, what matters most first; nothing where they agree."""
    found = [*_tasks(a, b), *_mixture(a, b), *_cards(a, b), *_settings(a, b)]
    rank = {section: i for i, section in enumerate(SECTIONS)}
    return sorted(found, key=lambda d: (rank[d.section], -d.moved, d.subject))


def _entries(side: Side) -> Mapping[str, Any]:
    tasks: Mapping[str, Any] = side.mixture.get("tasks") or {}
    return tasks


def _figures(side: Side, task: str) -> dict[str, Any]:
    """Return what is known of a task, under the names that people read."""
    known = side.figures.tasks.get(task) if side.figures else None
    if known is None:
        return {}
    figures = {
        "share": known.share,
        "rows drawn": known.quota,
        "of rows": known.rows,
        "epochs": known.epochs,
    }
    return figures if known.tokens is None else figures | {"tokens": known.tokens}


def _comparable(a: Side, b: Side) -> bool:
    """Whether figures of both sides are of one kind: an estimate differs from any exact figure."""
    return a.figures is not None and b.figures is not None and a.figures.exact == b.figures.exact


def _share(side: Side, task: str) -> float:
    return float(_figures(side, task).get("share", 0.0))


def _tasks(a: Side, b: Side) -> Iterator[Difference]:
    """Yield the tasks that only one side has, and those that are drawn in another way."""
    old, new = _entries(a), _entries(b)
    comparable = _comparable(a, b)
    for task in sorted(new.keys() - old.keys()):
        written = _written(new[task], b.task_defaults) | _figures(b, task)
        yield Difference("tasks added", task, changes({}, written), _share(b, task))
    for task in sorted(old.keys() - new.keys()):
        written = _written(old[task], a.task_defaults) | _figures(a, task)
        yield Difference("tasks removed", task, changes(written, {}), _share(a, task))
    for task in sorted(old.keys() & new.keys()):
        before, after = _written(old[task]), _written(new[task])
        if comparable:
            old_figures, new_figures = _figures(a, task), _figures(b, task)
            both = old_figures.keys() & new_figures.keys()
            before |= {key: old_figures[key] for key in both}
            after |= {key: new_figures[key] for key in both}
        differing = changes(before, after)
        if differing:
            moved = abs(_share(b, task) - _share(a, task)) if comparable else 0.0
            yield Difference("tasks that change", task, differing, moved)


def _written(entry: Any, defaults: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what the mixture card says of a task, without what it leaves open, or at its default."""
    said = {k: v for k, v in (entry or {}).items() if v is not None}
    if defaults is not None:
        said = {k: v for k, v in said.items() if v != defaults.get(k)}
    return {_ASKED.get(k, k): v for k, v in said.items()}


def _mixture(a: Side, b: Side) -> Iterator[Difference]:
    """Yield the totals, and the settings that say how tasks are drawn."""
    before, after = (
        {key: value for key, value in side.mixture.items() if key not in _APART} for side in (a, b)
    )
    differing = changes(before, after)
    if _comparable(a, b) and a.figures is not None and b.figures is not None:
        old, new = (
            {"rows drawn": f.rows, "tasks": len(f.tasks), "tokens": f.tokens}
            for f in (a.figures, b.figures)
        )
        known = [key for key in old if old[key] is not None and new[key] is not None]
        totals = changes({key: old[key] for key in known}, {key: new[key] for key in known})
        differing = (*totals, *differing)
    if differing:
        yield Difference("the mixture", "", differing, 1.0)


def _cards(a: Side, b: Side) -> Iterator[Difference]:
    for task in sorted(a.cards.keys() & b.cards.keys()):
        differing = changes(a.cards[task], b.cards[task])
        if not differing:
            continue
        rows = any(change.key.split(".")[0] not in _ABOUT_A_CARD for change in differing)
        moved = max(_share(a, task), _share(b, task)) if rows else 0.0
        yield Difference("cards that change", task, differing, moved)


def _settings(a: Side, b: Side) -> Iterator[Difference]:
    sections: tuple[tuple[Section, Any, Any], ...] = (
        ("tailor", a.mixture.get("tailor") or {}, b.mixture.get("tailor") or {}),
        ("parameters", a.params, b.params),
    )
    for section, before, after in sections:
        differing = changes(before, after)
        if differing:
            yield Difference(section, "", differing)
