"""What `bench_normalize` runs against: the same two mappings, written by hand, in polars and in Python.

Nothing here imports the code under test but its hashing loop, which the polars version shares.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
import xxhash

from pipeline.normalize.content_hash import digests

TASK, SPLIT = "benchmark", "train"
CLASSES = ("entailment", "neutral", "contradiction")
OPTIONS = tuple(f"the relation is {name}" for name in CLASSES)
_RS, _US = "\x1e", "\x1f"
_DAMAGED = "[\x00-\x08\x0e-\x1f\x7f\ufffd]"
_NEAR = f"(?s)(.{{0,30}}{_DAMAGED}.{{0,30}})"
_LETTERS = {letter: place for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_PREFIX = f"[task: {TASK}]"

Frames = tuple[pl.DataFrame, pl.DataFrame]
"""Examples (columns of `schema.EXAMPLE`) and rejects (row, reason, detail)."""


def polars_multiple_choice(records: pl.DataFrame) -> Frames:
    """Hand-written polars: options in a list, a letter."""
    answer, choices, label = pl.col("answer"), pl.col("choices"), pl.col("label")
    rows = records.select(
        "__row__",
        context=pl.col("passage").str.strip_chars(),
        question=pl.col("question").str.strip_chars(),
        choices=pl.col("options").list.eval(pl.element().str.strip_chars()),
        given=answer,
        label=answer.str.strip_chars().replace_strict(
            _LETTERS, default=None, return_dtype=pl.Int32
        ),
    ).with_columns(_choice_reason())
    good = rows.filter(pl.col("reason").is_null()).with_columns(
        target=choices.list.get(label),
        encoded=pl.concat_str(
            "context", "question", choices.list.join(_US), pl.concat_str(pl.lit("#"), label),
            separator=_RS,
        ),
    )  # fmt: skip
    return _examples(good, "multiple_choice"), _rejects(rows)


def _choice_reason() -> pl.Expr:
    choices, label, given = pl.col("choices"), pl.col("label"), pl.col("given")
    length, texts = choices.list.len(), pl.col("context", "question")
    blank = (pl.col("context") == "") & (pl.col("question") == "")
    has_null = choices.list.eval(pl.element().is_null()).list.any()
    damaged = pl.any_horizontal(texts.str.contains(_DAMAGED)) | choices.list.join(" ").str.contains(
        _DAMAGED
    )
    faults = {
        "missing_field": pl.any_horizontal(texts.is_null()) | choices.is_null(),
        "empty_text": blank | choices.list.contains("") | has_null,
        "too_few_choices": length < 2,
        "duplicate_choices": choices.list.n_unique() < length,
        "label_missing": given.is_null() | (given == ""),
        "label_unknown": label.is_null(),
        "label_out_of_range": label >= length,
        "bad_encoding": damaged,
    }
    return _first(faults)


def _first(faults: dict[str, pl.Expr]) -> pl.Expr:
    reason = pl.lit(None, dtype=pl.String)
    for slug, holds in reversed(faults.items()):
        reason = pl.when(holds).then(pl.lit(slug)).otherwise(reason)
    return reason.alias("reason")


def polars_classification(records: pl.DataFrame) -> Frames:
    """Hand-written polars: a pair of texts, a number."""
    texts, label, given = ("context", "question"), pl.col("label"), pl.col("given")
    rows = records.select(
        "__row__",
        context=pl.col("premise").str.strip_chars(),
        question=pl.col("hypothesis").str.strip_chars(),
        choices=pl.lit(list(OPTIONS)),
        given="label",
        label=pl.when(pl.col("label").is_between(0, 2)).then(pl.col("label")).cast(pl.Int32),
    )
    pair = pl.col(*texts)
    faults = {
        "missing_field": pl.any_horizontal(pair.is_null()),
        "empty_text": (pl.col("context") == "") & (pl.col("question") == ""),
        "label_missing": given.is_null(),
        "label_unknown": label.is_null(),
        "bad_encoding": pl.any_horizontal(pair.str.contains(_DAMAGED)),
    }
    rows = rows.with_columns(_first(faults))
    good = rows.filter(pl.col("reason").is_null()).with_columns(
        target=pl.lit(pl.Series(OPTIONS)).gather(label),
        encoded=pl.concat_str(
            *texts, pl.lit(_US.join(OPTIONS)), pl.concat_str(pl.lit("#"), label), separator=_RS
        ),
    )
    return _examples(good, "classification"), _rejects(rows)


def _examples(good: pl.DataFrame, form: str) -> pl.DataFrame:
    return good.select(
        pl.concat_str(pl.lit(f"{TASK}/{SPLIT}/"), "__row__").alias("example_id"),
        pl.lit(TASK).alias("task"),
        pl.lit(form).alias("form"),
        pl.col("context", "question", "choices", "label", "target"),
        pl.lit(None, dtype=pl.List(pl.Int32)).alias("labels"),
        pl.lit(_PREFIX).alias("prefix"),
        digests(good["encoded"]).alias("content_hash"),
    )


def _rejects(rows: pl.DataFrame) -> pl.DataFrame:
    choices = pl.col("choices").list.eval(pl.element().fill_null(""))
    shown, reason = choices.list.join(" | "), pl.col("reason")
    text = pl.concat_str("context", "question", shown, separator="\n", ignore_nulls=True)
    missing = pl.concat_str(
        pl.when(pl.col("context").is_null()).then(pl.lit("context")),
        pl.when(pl.col("question").is_null()).then(pl.lit("question")),
        pl.when(choices.is_null()).then(pl.lit("choices")),
        separator=", ",
        ignore_nulls=True,
    )
    detail = (
        pl.when(reason == "missing_field")
        .then(missing)
        .when((reason == "empty_text") & ~choices.list.contains(""))
        .then(pl.lit("context, question"))
        .when(reason.is_in(["empty_text", "too_few_choices", "duplicate_choices"]))
        .then(shown)
        .when(reason == "bad_encoding")
        .then(text.str.extract(_NEAR))
        .otherwise(pl.col("given").cast(pl.String))
    )
    return rows.filter(reason.is_not_null()).select(
        pl.col("__row__").alias("row"),
        "reason",
        detail.fill_null("null").str.slice(0, 80).alias("detail"),
    )


Made = tuple[Any, ...]
"""Of one record: reason, detail (both None for an example), then the columns of an example."""

COLUMNS = ("reason", "detail", "example_id", "task", "form", "context", "question", "choices",
           "label", "target", "labels", "prefix", "content_hash")  # fmt: skip
_damaged, _near = re.compile(_DAMAGED).search, re.compile(_NEAR).search
_NOTHING = (None,) * (len(COLUMNS) - 2)


def _reject(reason: str, detail: Any) -> Made:
    return (reason, "null" if detail is None else str(detail)[:80], *_NOTHING)


def _made(row: int, form: str, context: str, question: str, choices: list[str], label: int) -> Made:
    joined = _US.join(choices)
    if _damaged(context) or _damaged(question) or _damaged(joined.replace(_US, " ")):
        found = _near("\n".join((context, question, " | ".join(choices))))
        return _reject("bad_encoding", found[1] if found else "")
    encoded = _RS.join((context, question, joined, f"#{label}")).encode()
    return (None, None, f"{TASK}/{SPLIT}/{row}", TASK, form, context, question, choices, label,
            choices[label], None, _PREFIX, xxhash.xxh3_128_digest(encoded))  # fmt: skip


def make_multiple_choice(
    row: int,
    passage: str | None,
    question: str | None,
    options: list[str] | None,
    answer: str | None,
) -> Made:
    """Plain Python: one record with options in a list and a letter."""
    if passage is None or question is None or options is None:
        given = {"context": passage, "question": question, "choices": options}
        return _reject("missing_field", ", ".join(k for k, v in given.items() if v is None))
    context, question = passage.strip(), question.strip()
    choices = [(option or "").strip() for option in options]
    reason = _choice_fault(context, question, choices)
    if reason is not None:
        shown = " | ".join(choices)
        return _reject(
            reason, "context, question" if reason == "empty_text" and all(choices) else shown
        )
    if not answer:
        return _reject("label_missing", answer)
    label = _LETTERS.get(answer.strip())
    if label is None or label >= len(choices):
        return _reject("label_unknown" if label is None else "label_out_of_range", answer)
    return _made(row, "multiple_choice", context, question, choices, label)


def _choice_fault(context: str, question: str, choices: list[str]) -> str | None:
    if "" in choices or not (context or question):
        return "empty_text"
    if len(choices) < 2:
        return "too_few_choices"
    return "duplicate_choices" if len(set(choices)) < len(choices) else None


def make_classification(
    row: int, premise: str | None, hypothesis: str | None, label: int | None
) -> Made:
    """Plain Python: one record with a pair of texts and a number."""
    if premise is None or hypothesis is None:
        given = {"context": premise, "question": hypothesis}
        return _reject("missing_field", ", ".join(k for k, v in given.items() if v is None))
    context, question = premise.strip(), hypothesis.strip()
    if not context and not question:
        return _reject("empty_text", "context, question")
    if label is None:
        return _reject("label_missing", label)
    if not 0 <= label < len(OPTIONS):
        return _reject("label_unknown", label)
    return _made(row, "classification", context, question, list(OPTIONS), label)


def by_batch(
    make: Callable[..., Made], names: Iterable[str], rejects: list[Made]
) -> Callable[..., Any]:
    """Return what `datasets.map(batched=True)` is to run; rejects are appended to `rejects`."""
    names = tuple(names)

    def function(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        kept = []
        for row, *values in zip(batch["__row__"], *(batch[name] for name in names), strict=True):
            made = make(row, *values)
            if made[0] is None:
                kept.append(made[2:])
            else:
                rejects.append((row, *made[:2]))
        columns = zip(*kept, strict=True)
        return {name: list(column) for name, column in zip(COLUMNS[2:], columns, strict=True)}

    return function


def by_row(make: Callable[..., Made], names: Iterable[str]) -> Callable[..., Any]:
    """Return what `datasets.map` is to run on single records; rejects are told by `reason`."""
    names = tuple(names)

    def function(record: dict[str, Any]) -> dict[str, Any]:
        made = make(record["__row__"], *(record[name] for name in names))
        return dict(zip(COLUMNS, made, strict=True))

    return function
