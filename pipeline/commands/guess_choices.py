"""The choices of unknown records and the label that points at one of them, found by content.

Choices are a list, a list of objects with a text, columns that are counted (`ending1`, `ending2`), or
one text that holds them all (`(A) ... (B) ...`). They are choices only if a label fits them in every row.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipeline.commands.guess_columns import Column

_NAMES = ("choices", "options", "endings", "candidates", "answers", "choice", "alternatives")
_TEXT_NAMES = ("text", "choice", "option", "answer", "content")
_NUMBERED = re.compile(r"^(?P<stem>.*?)_?(?P<nth>\d+|[A-Ha-h])$")
_PAIRS = ("sentence", "text", "question", "string", "premise", "s", "")
_STEMS = r"(choice|option|ending|answer|candidate|alternative|sol|hyp|a|op|opt|distractor)[ _]?\w$"
_MARKER = r"\(([A-H])\) "
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ENOUGH = 0.99
"""Share of the rows in which a label must fit; a few rows may be faulty."""


@dataclass(frozen=True)
class Fit:
    """How a label points at a choice: the column, and the keys of the card that say so."""

    label: Column
    keys: dict[str, Any]
    doubt: str = ""


@dataclass(frozen=True)
class Choice:
    """Choices with their label.

    Attributes:
        choices: What the card's `choices` says.
        paths: Columns that they come from.
        fit: The label.
        constant: The choices of all rows, where they are the same in each.
        doubts: What is not certain.
    """

    choices: Any
    paths: tuple[str, ...]
    fit: Fit
    constant: list[str] | None = None
    doubts: list[str] = field(default_factory=list)

    @property
    def roots(self) -> tuple[str, ...]:
        """Columns of the records that the choices come from."""
        return tuple(dict.fromkeys(re.split(r"\[|\.(?=\w)", path)[0] for path in self.paths))


@dataclass(frozen=True)
class _Candidate:
    choices: Any
    paths: tuple[str, ...]
    lists: pl.Series
    labels: Column | None = None
    flags: Column | None = None
    rank: int = 0
    """2 where the name says choices, 1 where the shape does, 0 for any list."""


def find_choices(columns: Sequence[Column], labels: Sequence[Column]) -> Choice | None:
    """Return choices that a label fits; None where there are none.

    Args:
        columns: All columns.
        labels: Candidates for the label, the likeliest first.
    """
    found = []
    for candidate in _candidates(columns):
        fit = _fit(candidate, labels)
        if fit is not None:
            found.append((candidate, fit))
    if not found:
        return None
    found = [(c, fit) for c, fit in found if c.rank or fit.keys.get("label_is") != "index"]
    if not found:
        return None

    def merit(pair: tuple[_Candidate, Fit]) -> tuple[bool, int]:
        return not pair[1].doubt, pair[0].rank

    candidate, fit = max(found, key=lambda pair: (*merit(pair), len(pair[0].paths)))
    rivals = [
        c.paths for c, other in found
        if c is not candidate and merit((c, other)) == merit((candidate, fit))
        and not {*c.paths} & {*candidate.paths}
    ]  # fmt: skip
    rows = candidate.lists.drop_nulls().list.join("\n")
    constant = candidate.lists.drop_nulls()[0].to_list() if rows.n_unique() == 1 else None
    is_class = constant is not None and fit.keys.get("label_is") == "text" and len(rows) > 2
    doubts = [fit.doubt] if fit.doubt else []
    doubts += [f"the choices may also be {', '.join(paths)}" for paths in rivals]
    if any(path.startswith(UNNAMED) for path in candidate.paths):
        doubts.append(
            "the columns have no names: are these the choices, and is the first the question?"
        )
    return Choice(candidate.choices, candidate.paths, fit, constant if is_class else None, doubts)


def _candidates(columns: Sequence[Column]) -> Iterator[_Candidate]:
    for column in columns:
        if column.shape == "list" and len(column.filled):
            yield from _of_list(column, columns)
        elif column.shape == "one" and len(column.filled):
            marked = column.filled.str.count_matches(_MARKER)
            if (marked >= 2).mean() > _ENOUGH:  # type: ignore[operator]
                pattern = r"\([A-Z]\) "
                lists = (
                    column.values.str.replace_all(pattern, "\x1f").str.split("\x1f").list.slice(1)
                )
                split = {"field": column.path, "pattern": pattern}
                yield _Candidate(split, (column.path,), lists, rank=2 * (column.name in _NAMES))
    yield from _counted(columns)


def _of_list(column: Column, columns: Sequence[Column]) -> Iterator[_Candidate]:
    sizes = column.filled.list.len()
    if "[]." not in column.path:
        if (sizes >= 2).all():
            yield _Candidate(
                column.path, (column.path,), column.values, rank=2 * (column.name in _NAMES)
            )
        stem, _, last = column.path.rpartition(".")
        sibling = next(
            (c for c in columns if c.path == f"{stem}.label" and c.shape == "list"), None
        )
        if last == "text" and sibling is not None:
            paths = (column.path, sibling.path)
            yield _Candidate(column.path, paths, column.values, labels=sibling, rank=2)
        return
    stem, _, name = column.path.rpartition("[].")
    if name.strip("#@") not in _TEXT_NAMES or not (sizes >= 2).mean() > _ENOUGH:  # type: ignore[operator]
        return
    beside = [c for c in columns if c.path.startswith(f"{stem}[].") and c is not column]
    labels = next((c for c in beside if c.name in ("label", "key", "id", "letter")), None)
    flags = next((c for c in beside if _is_flag(c)), None)
    rank = 1 + (stem.split(".")[-1].lower() in _NAMES)
    parts = tuple(c.path for c in (column, labels, flags) if c is not None)
    yield _Candidate(column.path, parts, column.values, labels=labels, flags=flags, rank=rank)


def _is_flag(column: Column) -> bool:
    """Whether each list has exactly one true value."""
    lowered = column.filled.list.eval(pl.element().str.to_lowercase())
    values = set(lowered.explode().drop_nulls().unique())
    if not values <= {"true", "false", "1", "0", "yes", "no"}:
        return False
    truths = lowered.list.eval(pl.element().is_in(["true", "1", "yes"])).list.sum()
    return bool((truths == 1).all())


def _counted(columns: Sequence[Column]) -> Iterator[_Candidate]:
    groups: dict[str, list[Column]] = {}
    for column in columns:
        match = _NUMBERED.match(column.path)
        if match and column.shape == "one" and column.is_text:
            groups.setdefault(match["stem"], []).append(column)
    for stem, group in groups.items():
        is_pair = len(group) == 2 and stem.lower().strip("_ #") in _PAIRS
        if len(group) >= 2 and not is_pair:
            yield _of_columns(group)
            if stem == UNNAMED and len(group) > 2:  # the first may be the question
                yield _of_columns(group[1:])


UNNAMED = "text"
"""What columns of texts without a header are called, before their number."""


def _of_columns(group: Sequence[Column]) -> _Candidate:
    paths = tuple(column.path for column in group)
    frame = pl.DataFrame({str(i): c.values for i, c in enumerate(group)})
    lists = frame.select(pl.concat_list(pl.all()).alias("v"))["v"]
    known = re.match(_STEMS, group[0].path.rsplit(".", 1)[-1], re.IGNORECASE) is not None
    return _Candidate(list(paths), paths, lists, rank=1 + known)


def _fit(candidate: _Candidate, labels: Sequence[Column]) -> Fit | None:
    if candidate.flags is not None:
        return Fit(candidate.flags, {"label": candidate.flags.path, "label_is": "flags"})
    for label in labels:
        if label.shape != "one" or label.path in candidate.paths or not len(label.filled):
            continue
        keys, doubt = _pointing(candidate, label)
        if keys is not None:
            return Fit(label, {"label": label.path, **keys}, doubt)
    return None


def _pointing(candidate: _Candidate, label: Column) -> tuple[dict[str, Any] | None, str]:
    """Return how a label points at the choices in (nearly) all rows."""
    frame = pl.DataFrame({"c": candidate.lists, "l": label.values.str.strip_chars()})
    if candidate.labels is not None:
        frame = frame.with_columns(k=candidate.labels.values)
    frame = frame.drop_nulls().filter(pl.col("l") != "", pl.col("c").list.len() > 1)
    if not len(frame):
        return None, ""
    if candidate.labels is not None and _share(frame, pl.col("k").list.contains(pl.col("l"))):
        path = candidate.labels.path
        return {"label_is": "letter", "choice_labels": path}, ""
    size = pl.col("c").list.drop_nulls().list.len().cast(pl.Int64)
    place = pl.col("l").str.to_uppercase().replace_strict(
        {letter: i for i, letter in enumerate(_LETTERS)}, default=None, return_dtype=pl.Int64
    )  # fmt: skip
    if _share(frame, place < size):
        return {"label_is": "letter"}, ""
    number = pl.col("l").cast(pl.Float64, strict=False)
    whole = pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False))
    zero, one = (
        _share(frame, whole.is_between(0, size - 1)),
        _share(frame, whole.is_between(1, size)),
    )
    if zero or one:
        last = whole == (size if one and not zero else size - 1)
        return _index(frame, zero=zero, one=one, tight=bool(frame.select(last.any())["l"][0]))
    if _share(
        frame, pl.col("c").list.eval(pl.element().str.strip_chars()).list.contains(pl.col("l"))
    ):
        return {"label_is": "text"}, ""
    return None, ""


def _index(
    frame: pl.DataFrame, *, zero: bool, one: bool, tight: bool
) -> tuple[dict[str, Any], str]:
    """Say from which number a label counts; it may be unclear in few rows."""
    first = frame["l"].is_in(["0", "0.0"]).any()
    if one and not first:
        doubt = "the labels may count from 0 or from 1: no row has 0 and none has the last number"
        unclear = zero or not tight
        return {"label_is": "index", "label_offset": 1}, doubt if unclear else ""
    return {"label_is": "index"}, "" if tight else "no label points at the last choice"


def _share(frame: pl.DataFrame, holds: pl.Expr) -> bool:
    """Whether something holds in nearly all rows."""
    return (
        float(frame.select(holds.fill_null(value=False).mean().alias("m"))["m"][0] or 0.0) > _ENOUGH
    )
