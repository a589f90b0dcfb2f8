"""What the columns of unknown records probably mean: a form and its fields, to be checked by a person.

Pure: takes a frame of the first records and returns what belongs under `fields:` of a card. A guess is
by name first and by content second; what cannot be guessed raises.
"""

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from pipeline.errors import SourceError

_LABELS = (
    "label", "labels", "answerkey", "answer_key", "answer_idx", "gold", "gold_label", "correct",
    "answer", "class", "category", "intent", "sentiment", "target", "y", "output", "coarse_label",
)  # fmt: skip
_TARGETS = ("target", "answer", "output", "summary", "response", "completion", "label")
_CHOICES = ("choices", "options", "endings", "candidates", "answers", "choice")
_CONTEXTS = ("context", "passage", "paragraph", "article", "premise", "story", "sentence1", "ctx")
_QUESTIONS = ("question", "query", "hypothesis", "prompt", "goal", "sentence2", "question2", "stem")
_NUMBERED = re.compile(r"^(?P<stem>.*?)_?(?P<nth>[0-9]|[A-Ha-h])$")
_LETTERS = re.compile(r"^[A-Z]$")
_MAX_CLASSES = 300


def guess_fields(frame: pl.DataFrame) -> dict[str, Any]:
    """Guess the `fields:` of a card.

    Args:
        frame: The first records of the train split, a few hundred are enough.

    Returns:
        A mapping that `TaskCard.fields` accepts.

    Raises:
        SourceError: No column looks like a label, a target or choices.
    """
    choices = _choices(frame)
    if choices is not None:
        label = _label(frame, taken=choices)
        if label is not None:
            return _multiple_choice(frame, choices, label)
    if _is_span(frame):
        return _span(frame)
    label = _label(frame, taken=())
    if label is not None and 2 <= frame[label].n_unique() <= _classes_allowed(frame):
        return _classification(frame, label)
    target = next((c for c in _named(frame, _TARGETS) if frame[c].dtype == pl.String), None)
    if target is None:
        raise SourceError(
            f"no column looks like a label, a target or choices: {', '.join(frame.columns)}",
            remedy="write the card by hand; CONTRIBUTING.md says how",
        )
    return {"form": "text_to_text", **_stem(frame, used={target}), "target": target}


def _classes_allowed(frame: pl.DataFrame) -> int:
    return max(2, min(_MAX_CLASSES, frame.height // 2))


def _named(frame: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """Columns whose name is one of `names`, in the order of `names`."""
    by_name = {column.lower(): column for column in frame.columns}
    return [by_name[name] for name in names if name in by_name]


def _choices(frame: pl.DataFrame) -> str | list[str] | None:
    """A list column, a path to one, or several numbered columns that hold the choices."""
    return _choices_in_a_list(frame) or _numbered_choices(frame)


def _choices_in_a_list(frame: pl.DataFrame) -> str | None:
    named = [c for c in _named(frame, _CHOICES) if not c.lower().startswith("answers")]
    paths: list[tuple[str, Any]] = [(column, frame.schema[column]) for column in named]
    for column, dtype in frame.schema.items():
        if isinstance(dtype, pl.Struct):
            inner = [field for field in dtype.fields if field.name.lower() in _CHOICES]
            paths += [(f"{column}.{field.name}", field.dtype) for field in inner]
    return next((path for pair in paths if (path := _list_path(*pair))), None)


def _numbered_choices(frame: pl.DataFrame) -> list[str] | None:
    groups: dict[str, list[str]] = {}
    for column in frame.columns:
        match = _NUMBERED.match(column)
        if match and frame.schema[column] == pl.String and match["stem"]:
            groups.setdefault(match["stem"], []).append(column)
    groups = {stem: group for stem, group in groups.items() if not _is_pair(stem, group)}
    return max(groups.values(), key=len, default=None)


def _is_pair(stem: str, columns: list[str]) -> bool:
    """Whether numbered columns are two texts to compare rather than choices."""
    texts = ("sentence", "text", "question", "string", "premise")
    return len(columns) < 2 or (len(columns) == 2 and stem.lower().strip("_ #") in texts)


def _list_path(path: str, dtype: Any) -> str | None:
    if isinstance(dtype, pl.List):
        if dtype.inner == pl.String:
            return path
        if isinstance(dtype.inner, pl.Struct):
            names = {field.name for field in dtype.inner.fields}
            return next((f"{path}[].{name}" for name in ("text", "choice") if name in names), None)
    if isinstance(dtype, pl.Struct):
        names = {f.name for f in dtype.fields if f.dtype == pl.List(pl.String)}
        return f"{path}.text" if "text" in names else None
    return None


def _label(frame: pl.DataFrame, *, taken: str | Sequence[str]) -> str | None:
    columns = [taken] if isinstance(taken, str) else list(taken)
    roots = {re.split(r"[.\[]", column)[0] for column in columns}
    scalar = [c for c in _named(frame, _LABELS) if not frame.schema[c].is_nested()]
    return next((column for column in scalar if column not in roots), None)


def _multiple_choice(frame: pl.DataFrame, choices: str | list[str], label: str) -> dict[str, Any]:
    used = {label, *(choices if isinstance(choices, list) else [re.split(r"[.\[]", choices)[0]])}
    values = frame[label].drop_nulls().cast(pl.String)
    fields: dict[str, Any] = {"form": "multiple_choice", **_stem(frame, used=used)}
    fields |= {"choices": choices, "label": label}
    numbers = values.cast(pl.Int64, strict=False)
    if values.str.contains(_LETTERS.pattern).all():
        fields["label_is"] = "letter"
    elif numbers.null_count() == 0:
        fields["label_is"] = "index"
        if numbers.min() == 1:
            fields["label_offset"] = 1
    else:
        fields["label_is"] = "text"
    return fields


def _classification(frame: pl.DataFrame, label: str) -> dict[str, Any]:
    values = frame[label].drop_nulls().unique().sort().to_list()
    classes: Any = [str(value) for value in values]
    if frame.schema[label] == pl.Boolean:
        classes = {False: "no", True: "yes"}
    elif frame.schema[label].is_integer():
        classes = {value: f"class {value}" for value in values}
    return {
        "form": "classification",
        **_stem(frame, used={label}),
        "label": label,
        "classes": classes,
    }


def _is_span(frame: pl.DataFrame) -> bool:
    dtype = frame.schema.get("answers")
    return (
        isinstance(dtype, pl.Struct)
        and "text" in {field.name for field in dtype.fields}
        and bool(_named(frame, _CONTEXTS))
    )


def _span(frame: pl.DataFrame) -> dict[str, Any]:
    stem = _stem(frame, used={"answers"})
    return {"form": "span", **stem, "answers": "answers.text"}


def _stem(frame: pl.DataFrame, *, used: set[str]) -> dict[str, str]:
    """Guess context and question among the text columns that are left."""
    texts = [c for c in frame.columns if frame.schema[c] == pl.String and c not in used]
    left = frame.select(texts)
    context = next(iter(_named(left, _CONTEXTS)), None)
    question = next(iter(_named(left, _QUESTIONS)), None)
    if context is None:
        lengths = {c: left[c].str.len_chars().fill_null(0).sum() for c in texts if c != question}
        lengths = {c: n for c, n in lengths.items() if not re.search(r"(^|_)(id|idx|uid)$", c)}
        longest = max(lengths, key=lambda c: (lengths[c], c), default=None)
        context = longest if question is None else None
    stem = {"context": context, "question": question}
    return {key: column for key, column in stem.items() if column is not None}
