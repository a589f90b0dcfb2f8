"""What is wrong with a prompt: in its file, and on real rows.

Each rule caught a bug of the public pool: prompts that render empty after a dataset changed, options in
another order than the classes, inputs that name the answer. Pure: prompts and rows in, findings out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.errors import ConfigError
from pipeline.templates.prompt import RESERVED, SEPARATOR, Prompt
from pipeline.templates.reference import Mode
from pipeline.templates.render import PromptRenderer
from pipeline.templates.syntax import CALLS, bound, fields
from pipeline.templates.vector.compile import parsed

METRICS = frozenset(
    {
        "BLEU", "ROUGE", "Squad", "Trivia QA", "Accuracy", "Pearson Correlation", "Spearman Correlation",
        "MultiRC", "AUC", "COQA F1", "Edit Distance", "Mean Reciprocal Rank", "Other",
    }
)  # fmt: skip
"""Metrics that the format knows."""

_LANGUAGE = re.compile(r"[a-z]{2}")
_LONG_INPUT = 8_192
_LONG_TARGET = 2_048
_TELLING = 0.9
"""Share of rows from which on a pattern is no chance."""
_FEW_ROWS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or may be.

    Attributes:
        prompt: Name of the prompt.
        rule: Short name of the rule.
        message: What was seen.
        error: Whether it makes the prompt useless; otherwise a warning.
    """

    prompt: str
    rule: str
    message: str
    error: bool = False


def lint_file(prompts: Sequence[Prompt]) -> list[Finding]:
    """Check the prompts of one file without rows.

    Args:
        prompts: All prompts of one dataset.

    Returns:
        Findings in the order of the prompts.
    """
    found: list[Finding] = []
    for i, prompt in enumerate(prompts):
        for earlier in prompts[:i]:
            found += _duplicates(prompt, earlier)
        found += [
            Finding(prompt.name, rule, message, error)
            for rule, message, error in (*_metadata(prompt), *_syntax(prompt))
        ]
    return found


def _duplicates(prompt: Prompt, earlier: Prompt) -> Iterator[Finding]:
    if prompt.name == earlier.name:
        yield Finding(prompt.name, "name", "another prompt has this name", error=True)
    if prompt.id == earlier.id:
        yield Finding(prompt.name, "id", f"'{earlier.name}' has this id", error=True)
    if (prompt.jinja, prompt.answer_choices) == (earlier.jinja, earlier.answer_choices):
        yield Finding(prompt.name, "duplicate", f"the same as '{earlier.name}'")


def _metadata(prompt: Prompt) -> Iterator[tuple[str, str, bool]]:
    unknown = sorted(set(prompt.metrics or ()) - METRICS)
    if unknown:
        yield "metrics", f"unknown: {', '.join(unknown)}", False
    if not prompt.metrics:
        yield "metrics", "none is named", False
    wrong = [code for code in prompt.languages or () if not _LANGUAGE.fullmatch(code)]
    if wrong:
        yield "languages", f"no ISO 639-1 code: {', '.join(wrong)}", False
    if not prompt.languages:
        yield "languages", "none is named", False
    if prompt.original_task is None:
        yield "original_task", "is not said", False


def _syntax(prompt: Prompt) -> Iterator[tuple[str, str, bool]]:
    if SEPARATOR not in prompt.jinja:
        yield "separator", f"no {SEPARATOR} between input and target", True
    try:
        trees = parsed(prompt, where=prompt.name)
    except ConfigError as error:
        yield "syntax", error.what, True
        return
    used = RESERVED in fields(trees.main)
    if trees.choices is not None and not used:
        yield "answer_choices", "are declared and never used", False
    if trees.choices is None and used:
        yield "answer_choices", "are used and not declared", True


def lint_rows(
    prompt: Prompt, rows: pl.DataFrame, *, classes: Sequence[str] = (), label: str = "label"
) -> list[Finding]:
    """Check a prompt on rows of its dataset.

    Args:
        prompt: The prompt, which `lint_file` found to be readable.
        rows: A sample of real rows.
        classes: Names of the classes in the order of the labels; empty where there are none.
        label: Column of the labels, indices into `classes`.

    Returns:
        Findings; none where there are no rows.

    Raises:
        DataError: The prompt had to be stopped.
    """
    if not rows.height:
        return []
    found = list(_unknown_fields(prompt, rows))
    with PromptRenderer(prompt, rows.schema) as renderer:
        made = renderer.render(rows)
    with PromptRenderer(prompt, rows.schema, Mode(strict=True)) as renderer:
        strict = renderer.render(rows)
    for checks in (_failures(made, strict), _objects(made), _lengths(made), _options(made)):
        found += [Finding(prompt.name, *finding) for finding in checks]
    found += [Finding(prompt.name, *finding) for finding in _leaks(prompt, made)]
    if classes and label in rows.columns:
        found += [Finding(prompt.name, *f) for f in _class_order(made, rows[label], classes)]
    return found


_Checks = Iterator[tuple[str, str, bool]]


def _unknown_fields(prompt: Prompt, rows: pl.DataFrame) -> Iterator[Finding]:
    trees = parsed(prompt, where=prompt.name)
    both = [tree for tree in (trees.main, trees.choices) if tree is not None]
    known = {*rows.columns, RESERVED, "loop", *CALLS}.union(*map(bound, both))
    unknown = sorted(set[str]().union(*map(fields, both)) - known)
    if unknown:
        yield Finding(prompt.name, "fields", f"the rows have no {', '.join(unknown)}", error=True)


def _failures(made: pl.DataFrame, strict: pl.DataFrame) -> _Checks:
    failed = made.filter(pl.col("parts") == 0)
    if failed.height:
        yield "fails", f"{_share(failed, made)} of the rows: {failed['error'][0]}", True
    undefined = strict.filter((pl.col("parts") == 0) & (made["parts"] > 0))
    if undefined.height:
        yield "undefined", f"{_share(undefined, made)} of the rows: {undefined['error'][0]}", False
    many = made.filter(pl.col("parts") > 2)
    if many.height:
        yield "parts", f"{_share(many, made)} of the rows have {many['parts'][0]} parts", True
    skipped = made.filter(pl.col("parts") == 1)
    if skipped.height == made.height:
        yield "skipped", "no row has both an input and a target", True
    whole = made.filter(pl.col("parts") == 2)
    empty = whole.filter((pl.col("input") == "") != (pl.col("target") == ""))
    if empty.height:
        both = whole.height and empty.height == whole.height
        yield "empty", f"input or target is empty in {_share(empty, made)} of the rows", bool(both)


def _objects(made: pl.DataFrame) -> _Checks:
    """Find methods that were printed: `x.items` is the method of that name, not the field."""
    texts = pl.concat_str("input", "target", ignore_nulls=True)
    printed = made.filter(texts.str.contains(r"<(built-in|bound) method .* at 0x"))
    if printed.height:
        hint = 'write x["items"] where a method hides the field'
        yield "method", f"a method is printed in {_share(printed, made)} of the rows: {hint}", True


def _lengths(made: pl.DataFrame) -> _Checks:
    for part, most in (("input", _LONG_INPUT), ("target", _LONG_TARGET)):
        long = made.filter(pl.col(part).str.len_chars() > most)
        if long.height:
            yield (
                "length",
                f"{part} of more than {most:,} characters in {_share(long, made)} of the rows",
                False,
            )


def _options(made: pl.DataFrame) -> _Checks:
    asked = made.filter(
        (pl.col("parts") == 2) & pl.col("options").is_not_null() & (pl.col("target") != "")
    )
    foreign = asked.filter(~pl.col("options").list.contains(pl.col("target")))
    if foreign.height:
        shown = foreign["target"][0][:60]
        wrong = foreign.height == asked.height
        yield (
            "target",
            f"not among the options in {_share(foreign, asked)} of the rows, such as '{shown}'",
            wrong,
        )
    lists = asked["options"]
    repeated = asked.filter(lists.list.n_unique() < lists.list.len())
    if repeated.height:
        yield "options", f"an option occurs twice in {_share(repeated, asked)} of the rows", False


def _leaks(prompt: Prompt, made: pl.DataFrame) -> _Checks:
    """Find inputs that hold the target and none of the other options."""
    asked = made.filter((pl.col("parts") == 2) & (pl.col("target").str.len_chars() > 2))
    if asked.height < _FEW_ROWS:
        return
    has = [
        (
            row["target"] in row["input"],
            any(o in row["input"] for o in row["options"] or () if o != row["target"]),
        )
        for row in asked.select("input", "target", "options").iter_rows(named=True)
    ]
    alone = sum(gold and not others for gold, others in has)
    spread = asked["target"].n_unique() > 1
    if alone >= _TELLING * asked.height and spread and prompt.answer_choices is not None:
        share = f"{alone / asked.height:.0%}"
        yield "leak", f"the input holds the answer and no other option in {share} of the rows", True


def _class_order(made: pl.DataFrame, labels: pl.Series, classes: Sequence[str]) -> _Checks:
    """Compare what a label's rows have as target with the name of the class."""
    plain = {name.casefold().strip(): i for i, name in enumerate(classes)}
    swapped: dict[tuple[int, str], int] = {}
    for target, label in zip(made["target"].to_list(), labels.to_list(), strict=True):
        meant = plain.get((target or "").casefold().strip())
        if (
            isinstance(label, int)
            and meant is not None
            and 0 <= label < len(classes)
            and meant != label
        ):
            swapped[label, target] = swapped.get((label, target), 0) + 1
    for (label, target), count in sorted(swapped.items()):
        yield (
            "order",
            f"rows of class '{classes[label]}' have the target '{target}' ({count} rows)",
            True,
        )


def _share(some: pl.DataFrame, of: pl.DataFrame) -> str:
    return f"{some.height / of.height:.0%}" if some.height * 100 >= of.height else f"{some.height}"


def same_texts(rendered: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """Find prompts that make the same texts of all rows as another.

    Args:
        rendered: By name of the prompt, what `PromptRenderer.render` made of the same rows.
    """
    found, seen = [], dict[bytes, str]()
    for name, made in rendered.items():
        key = made.select("input", "target").hash_rows(seed=0).to_numpy().tobytes()
        if key in seen and made.height:
            found.append(Finding(name, "duplicate", f"makes the same texts as '{seen[key]}'"))
        seen.setdefault(key, name)
    return found
