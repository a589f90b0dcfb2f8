"""What the columns of unknown records mean: a form and its fields, with all that is not certain.

A guess is by name first and by content second. What the content contradicts is never guessed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipeline.commands.guess_choices import Choice, find_choices
from pipeline.commands.guess_columns import Column, columns_of, is_boolean
from pipeline.errors import SourceError

_LABELS = (
    "label", "labels", "gold_label", "gold", "answerkey", "answer_key", "answer key", "answer_idx",
    "final_decision", "correct", "answer", "class", "category", "intent", "sentiment", "quality",
    "target",
    "y", "output", "polarity", "stance", "relation", "emotion", "emotions", "coarse_label", "tags",
    "is_duplicate",
)  # fmt: skip
_TARGETS = ("target", "answer", "output", "summary", "response", "completion", "label")
_CONTEXTS = (
    "context", "contexts", "passage", "paragraph", "para", "article", "premise", "premises", "story",
    "text", "sentence1", "ctx", "text_body", "document", "background", "question1", "sentence",
)  # fmt: skip
_QUESTIONS = (
    "question", "query", "hypothesis", "conclusion", "prompt", "goal", "sentence2", "question2", "stem",
    "question stem", "question_stem", "claim",
)  # fmt: skip
_HIDDEN = ("-", "-1", "?", "n/a", "N/A", "nan")
_SEPARATORS = (",", ";", "|", "#")
_MAX_CLASSES = 300


@dataclass
class Guess:
    """What goes under `fields:` of a card.

    Attributes:
        fields: A mapping that `TaskCard.fields` accepts.
        doubts: What is not certain, each with what to do; empty where the evidence is clear.
        left_out: Columns that are in no field.
        hidden: Splits without labels.
    """

    fields: dict[str, Any]
    doubts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


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


def _named(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Columns whose name is one of `names`, in the order of `names`; plain ones before nested."""
    ranked = sorted(columns, key=lambda column: column.path.count("."))
    return [column for name in names for column in ranked if column.name == name]


def _multiple_choice(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    labels = [c for c in [*_named(columns, _LABELS), *columns] if not c.is_id]
    found = find_choices(columns, labels)
    if found is None:
        return None
    if found.constant is not None and found.fit.label.shape == "one":
        fields = {
            "form": "classification",
            "label": found.fit.label.path,
            "classes": found.constant,
        }
        return _with_stem(fields, columns, used={found.fit.label.root, *found.roots}, doubts=[])
    fields = {"form": "multiple_choice", "choices": found.choices, **found.fit.keys}
    used = {*found.roots, found.fit.label.root}
    nested = found.roots if any("." in path or "[" in path for path in found.paths) else ()
    guess = _with_stem(
        fields, columns, used=used - set(nested), doubts=list(found.doubts), taken=_taken(found)
    )
    return guess


def _taken(found: Choice) -> set[str]:
    return {*found.paths, found.fit.label.path, *(str(value) for value in found.fit.keys.values())}


def _span(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    contexts = [c for c in _named(columns, _CONTEXTS) if c.shape == "one"]
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
                return _with_stem(fields, columns, used={answer.root}, doubts=[])
    return None


def _multi_label(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    for column in _named(columns, _LABELS):
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
                return _with_stem(fields, columns, used={column.root}, doubts=[doubt])
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
    return _with_stem(fields, columns, used={column.root}, doubts=doubts)


def _classification(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    named = [c for c in _named(columns, _LABELS) if c.shape == "one" and _is_class(c)]
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
    return _with_stem(fields, columns, used={label.root}, doubts=doubts, taken={label.path})


def _is_class(column: Column) -> bool:
    """Whether the values of a column may be classes: few, and each for several rows."""
    count = len(column.distinct)
    most = max(2, min(_MAX_CLASSES, len(column.filled) // 2))
    fractions = column.are_numbers and any(not float(v).is_integer() for v in column.distinct)
    return 2 <= count <= most and not column.is_id and not fractions and column.words < 8


def _text_to_text(train: pl.DataFrame, columns: Sequence[Column]) -> Guess | None:
    targets = [c for c in _named(columns, _TARGETS) if c.shape == "one" and len(c.filled)]
    if not targets:
        return None
    target = targets[0]
    fields = {"form": "text_to_text", "target": target.path}
    return _with_stem(fields, columns, used={target.root}, doubts=[])


def _with_stem(
    fields: dict[str, Any],
    columns: Sequence[Column],
    *,
    used: set[str],
    doubts: list[str],
    taken: Collection[str] = (),
) -> Guess:
    """Add context and question from the columns that are left."""
    free = [c for c in columns if c.root not in used and c.path not in taken]
    texts = _without_copies([c for c in free if c.is_text and not c.is_side and _is_plain(c)])
    context, question = _stem(texts)
    parts = [c for c in (*context, question) if c is not None]
    stem: dict[str, Any] = {}
    if context:
        stem["context"] = context[0].path if len(context) == 1 else [c.path for c in context]
    if question is not None:
        stem["question"] = question.path
    if not stem and fields.get("choices") is None:
        raise SourceError(
            f"no column looks like a text: {', '.join(c.path for c in columns)}",
            remedy="write the card by hand; docs/task-cards.md has an example of each layout",
        )
    doubts += [
        f"'{column.path}' is left out: is it part of the question?"
        for column in texts
        if column not in parts
    ]
    out = [c.path for c in free if c not in parts]
    return Guess({"form": fields.pop("form")} | stem | fields, doubts, out)


def _stem(texts: Sequence[Column]) -> tuple[list[Column], Column | None]:
    """Return the columns of the context and that of the question, by name, then by what is left."""
    context = next(iter(_named(texts, _CONTEXTS)), None)
    question = next((c for c in _named(texts, _QUESTIONS) if c is not context), None)
    named = [c for c in (context, question) if c is not None]
    long = [c for c in texts if not c.is_short]
    rest = [c for c in (long if named or long else texts) if c not in named]
    family = _family([c for c in texts if c not in named])
    if family and context is None:
        return family, question
    if context is None and question is None and rest:
        return [rest[0]], rest[1] if len(rest) == 2 else None
    if context is not None and question is None and len(rest) == 1:
        return [context], rest[0]
    if context is None and question is not None and len(rest) == 1:
        return [rest[0]], question
    return [] if context is None else [context], question


def _is_plain(column: Column) -> bool:
    """Whether a path leads to one text or one list of texts, not into lists of objects."""
    return "[]" not in column.path


def _family(columns: Sequence[Column]) -> list[Column]:
    """Return numbered columns of one stem: `line1`, `line2`, ..."""
    groups: dict[str, list[Column]] = {}
    for column in columns:
        found = re.fullmatch(r"(.*?)_?\d+", column.path)
        if found:
            groups.setdefault(found[1], []).append(column)
    best = max(groups.values(), key=len, default=[])
    return best if len(best) > 1 else []


def _without_copies(columns: Sequence[Column]) -> list[Column]:
    """Leave out a column whose texts hold those of another one."""
    kept = []
    for column in columns:
        others = [c for c in columns if c is not column and c.shape == column.shape == "one"]
        if not any(_holds(column, other) for other in others):
            kept.append(column)
    return kept


def _holds(column: Column, other: Column) -> bool:
    pair = pl.DataFrame({"a": column.values, "b": other.values}).drop_nulls().head(200)
    if not len(pair) or other.words < 2:
        return False
    held = pair.select(
        pl.col("a").str.contains(pl.col("b"), literal=True)
        & (pl.col("a").str.len_chars() > pl.col("b").str.len_chars())
    )
    return bool(held["a"].all())


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
