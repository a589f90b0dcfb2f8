"""What the columns of unknown records mean: a form and its fields, with all that is not certain.

A guess is by name first and by content second. What the content contradicts is never guessed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.commands.guess_choices import Choice, find_choices
from pipeline.commands.guess_columns import Column, columns_of, is_boolean
from pipeline.commands.guess_stem import CONTEXTS, Guess, named_columns, with_stem
from pipeline.errors import SourceError

_LABELS = (
    "label", "labels", "gold_label", "gold", "answerkey", "answer_key", "answer key", "answer_idx",
    "final_decision", "correct", "answer", "class", "category", "intent", "sentiment", "quality",
    "target",
    "y", "output", "polarity", "stance", "relation", "emotion", "emotions", "coarse_label", "tags",
    "is_duplicate",
)  # fmt: skip
_TARGETS = ("target", "answer", "output", "summary", "response", "completion", "label")
_HIDDEN = ("-", "-1", "?", "n/a", "N/A", "nan")
_SEPARATORS = (",", ";", "|", "#")
_MAX_CLASSES = 300


def guess_fields(frames: Mapping[str, pl.DataFrame]) -> Guess:
    """Guess the fields of a card.

    Args:
        frames: Records by split; `train` decides, the others are looked at for labels and classes.

    Raises:
        SourceError: No column looks like a label, a target or choices.
    """
    train = frames["train"]
    columns = columns_of(train)
    for attempt in (_multiple_choice, _span, _multi_label, _classification, _text_to_text):
        guess = attempt(train, columns)
        if guess is not None:
            _look_at_splits(guess, frames)
            return guess
    raise SourceError(
        f"no column looks like a label, a target or choices: {', '.join(c.path for c in columns)}",
        remedy="write the card by hand; docs/task-cards.md has an example of each layout",
    )


def _multiple_choice(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    labels = [c for c in [*named_columns(columns, _LABELS), *columns] if not c.is_id]
    found = find_choices(columns, labels)
    if found is None:
        return None
    if found.constant is not None and found.fit.label.shape == "one":
        fields = {
            "form": "classification",
            "label": found.fit.label.path,
            "classes": found.constant,
        }
        return with_stem(fields, columns, used={found.fit.label.root, *found.roots}, doubts=[])
    fields = {"form": "multiple_choice", "choices": found.choices, **found.fit.keys}
    used = {*found.roots, found.fit.label.root}
    nested = found.roots if any("." in path or "[" in path for path in found.paths) else ()
    guess = with_stem(
        fields, columns, used=used - set(nested), doubts=list(found.doubts), taken=_taken(found)
    )
    return guess


def _taken(found: Choice) -> set[str]:
    return {*found.paths, found.fit.label.path, *(str(value) for value in found.fit.keys.values())}


def _span(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    contexts = [c for c in named_columns(columns, CONTEXTS) if c.shape == "one"]
    answers = [c for c in columns if c.root.lower() in ("answer", "answers", "target") and c.name in
               ("text", "answers", "answer", "target")]  # fmt: skip
    for context in contexts:
        for answer in answers:
            text = answer.values.list.first() if answer.shape == "list" else answer.values
            pair = pl.DataFrame({"c": context.values, "a": text}).drop_nulls()
            pair = pair.filter(pl.col("a").str.strip_chars() != "")
            inside = pair.select(
                pl.col("c").str.contains(pl.col("a").str.strip_chars(), literal=True)
            )
            is_long = context.words > 8 and answer.root != context.root
            if len(pair) and is_long and float(inside["c"].mean() or 0) > 0.95:  # type: ignore[arg-type]
                fields = {"form": "span", "answers": answer.path}
                return with_stem(fields, columns, used={answer.root}, doubts=[])
    return None


def _multi_label(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    for column in named_columns(columns, _LABELS):
        if column.shape == "list":
            items = column.filled.explode().drop_nulls()
            distinct = sorted(items.unique().to_list())
            if len(distinct) > _MAX_CLASSES or len(items) < 2 * len(distinct):
                continue
            widths = column.filled.list.len().unique().to_list()
            if set(distinct) <= {"0", "1"} and len(widths) == 1:
                names = [f"class {i}" for i in range(widths[0])]
                fields = {"form": "multi_label", "labels": column.path, "labels_are": "flags",
                          "classes": names, "none": "none"}  # fmt: skip
                doubt = f"'{column.path}' has a flag for each of {widths[0]} classes: name them"
                return with_stem(fields, columns, used={column.root}, doubts=[doubt])
            return _label_set(column, distinct, None, columns)
        separator = _joined_by(column)
        if separator is not None:
            parts = column.filled.str.split(separator).explode().str.strip_chars()
            return _label_set(column, sorted(parts.unique().to_list()), separator, columns)
    return None


def _joined_by(column: Column) -> str | None:
    """Return what joins several labels to one text: its parts are few and occur alone, too."""
    values = column.filled
    for separator in _SEPARATORS:
        several = values.str.contains(separator, literal=True)
        if not several.any() or values.str.split(separator).list.len().max() > 20:  # type: ignore[operator]
            continue
        parts = set(values.filter(several).str.split(separator).explode().str.strip_chars())
        alone = set(values.filter(~several))
        short = max(map(len, parts), default=99) <= 40
        known = len(parts & alone) >= 0.5 * len(parts) and len(alone) * 2 <= len(values)
        always = bool(several.all()) and len(parts) <= len(column.distinct)
        if short and parts and (known or always):
            return separator
    return None


def _label_set(
    column: Column, classes: list[str], separator: str | None, columns: Sequence[Column]
) -> Guess:
    fields: dict[str, Any] = {"form": "multi_label", "labels": column.path}
    if separator is not None:
        fields["separator"] = separator
    doubts = []
    fields["classes"] = classes
    if separator is not None and column.filled.str.contains(separator, literal=True).all():
        doubts.append(
            f"every '{column.path}' holds a '{separator}': is it several labels, or one of the classes "
            f"{', '.join(column.distinct[:5])} (then `form: classification`, `label`, no separator)?"
        )
    if all(re.fullmatch(r"-?\d+", name) for name in classes):
        fields["classes"] = {int(name): f"class {name}" for name in classes}
        doubts.append(f"the classes of '{column.path}' are numbers: give each its name")
    if len(column.filled) < len(column.values):
        fields["none"] = "none"
        doubts.append(
            "some rows have no label: is `none` the right name for that, or are they to be rejects?"
        )
    return with_stem(fields, columns, used={column.root}, doubts=doubts)


def _classification(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    named = [c for c in named_columns(columns, _LABELS) if c.shape == "one" and _is_class(c)]
    others = [
        c for c in columns if c.shape == "one" and _is_class(c) and not c.is_id and c.words < 3
    ]
    candidates = named or others
    if not candidates:
        return None
    label, doubts = candidates[0], []
    rivals = [c.path for c in candidates[1:] if c.root != label.root]
    if not named and rivals:
        doubts.append(f"the label may also be {' or '.join(rivals)}; no column is called a label")
    fields: dict[str, Any] = {"form": "classification", "label": label.path}
    values = [value for value in label.distinct if value not in _HIDDEN]
    odd = [value for value in label.distinct if value in _HIDDEN]
    fields["classes"] = values
    if is_boolean(train, label):
        fields["classes"] = {False: "no", True: "yes"}
    elif label.are_numbers:
        keys = [int(float(value)) if float(value).is_integer() else value for value in values]
        fields["classes"] = {key: f"class {key}" for key in keys}
        doubts.append(
            f"the classes of '{label.path}' are numbers: give each its name under `classes`"
        )
    if odd:
        fields["hidden_label"] = odd[0]
    if len(odd) > 1:
        doubts.append(f"several values may stand for a hidden label: {', '.join(odd)}")
    return with_stem(fields, columns, used={label.root}, doubts=doubts, taken={label.path})


def _is_class(column: Column) -> bool:
    """Whether the values of a column may be classes: few, and each for several rows."""
    count = len(column.distinct)
    most = max(2, min(_MAX_CLASSES, len(column.filled) // 2))
    fractions = column.are_numbers and any(not float(v).is_integer() for v in column.distinct)
    return 2 <= count <= most and not column.is_id and not fractions and column.words < 8


def _text_to_text(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    targets = [c for c in named_columns(columns, _TARGETS) if c.shape == "one" and len(c.filled)]
    if not targets:
        return None
    target = targets[0]
    fields = {"form": "text_to_text", "target": target.path}
    return with_stem(fields, columns, used={target.root}, doubts=[])


def _look_at_splits(guess: Guess, frames: Mapping[str, pl.DataFrame]) -> None:
    """Find splits without labels, and classes that only other splits have."""
    label = guess.fields.get("label") or guess.fields.get("labels") or guess.fields.get("target")
    answers = label or guess.fields.get("answers")
    for split, frame in frames.items():
        found = {c.path: c for c in columns_of(frame)}
        column = found.get(answers) if isinstance(answers, str) else None
        values = pl.Series([]) if column is None else column.filled
        if split == "train":
            continue
        if not len(values) or (column is not None and set(column.distinct) <= {*_HIDDEN, ""}
                               and column.shape == "one"):  # fmt: skip
            guess.hidden.append(split)
        elif "classes" in guess.fields and column is not None:
            _add_classes(guess, column, split)


def _add_classes(guess: Guess, column: Column, split: str) -> None:
    classes = guess.fields["classes"]
    if guess.fields.get("labels_are") == "flags":
        return
    known = {str(value).lower() for value in classes} | set(_HIDDEN)
    separator = guess.fields.get("separator")
    values = column.filled if separator is None else column.filled.str.split(separator)
    found = values.explode() if values.dtype == pl.List(pl.String) else values
    more = [
        value for value in found.drop_nulls().str.strip_chars().unique().sort()
        if value.lower() not in known and re.sub(r"\.0*$", "", value) not in known
    ]  # fmt: skip
    if not more:
        return
    guess.doubts.append(f"{split} has classes that train lacks: {', '.join(more[:8])}")
    if isinstance(classes, list):
        classes += more
    else:
        classes |= {value: f"class {value}" for value in more}
