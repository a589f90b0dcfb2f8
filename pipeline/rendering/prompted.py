"""Rows seen through prompts: a `Format` of the text view that renders templates.

A prompt names the fields of an example (`context`, `question`, `choices`, `label`, `labels`,
`target`), or those of the raw record that the example was made of. If the example's own target is
hidden, the prompted one is hidden too, whatever the template prints.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.config.settings import PromptText
from pipeline.errors import DataError
from pipeline.rendering.text_view import PROMPTED, plain
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode
from pipeline.templates.render import PromptRenderer

FIELDS = ("context", "question", "choices", "label", "labels", "target")
"""Columns of an example that its own prompts see."""
ANSWERS = ("choices", "target")
"""Those of them that no limit on the length of fields cuts."""

_DRAWS = re.compile(r"\b(choice|random)\b")
"""What a template that draws names: its draws depend on the number of the row."""

Records = Callable[[pl.DataFrame], pl.DataFrame]
"""From examples to the raw records that they were made of, row by row."""
Shorten = Callable[[pl.DataFrame, Literal["example", "record"]], pl.DataFrame]
"""Cuts long fields of the rows that a prompt sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCounts:
    """What became of the rows that a prompt was to render.

    Attributes:
        id: The prompt's.
        name: The prompt's.
        asked: Rows that it was given.
        skipped: Rows that it gives no input or no single target for.
        foreign: Rows whose target is none of their options: they have no label.
        fallen: Rows that its compiled program left to a slower tier.
    """

    id: str
    name: str
    asked: int
    skipped: int = 0
    foreign: int = 0
    fallen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted:
    """How the rows of one task and role are seen.

    Attributes:
        prompts: In the order of the manifest.
        seed: Of the run; templates draw by it.
        records: Reads raw records; null where no prompt sees them.
        shorten: Cuts long fields; null cuts none.
        end: Put behind every input, so that a decoder's input and target tokenise apart as together.
        where: What an error names.
    """

    prompts: Sequence[PromptText]
    seed: int
    records: Records | None
    shorten: Shorten | None
    end: str
    where: str

    def rows(
        self, examples: pl.DataFrame, place_N: NDArray[np.int64] | None
    ) -> tuple[pl.DataFrame, list[PromptCounts]]:
        """Return rows of `PROMPTED`, those of an example together, in the prompts' order, and counts.

        Args:
            examples: Rows of `schema.EXAMPLE` of one task.
            place_N: The place of each row's prompt among `prompts`; null shows every row to each.

        Raises:
            DataError: A template fails on a row, is stopped, or none of its targets is an option.
            ConfigError: A template is not allowed.
        """
        record = None
        if self.records is not None and any(one.sees == "record" for one in self.prompts):
            record = self.records(examples)
        parts, counts = [], []
        for place, one in enumerate(self.prompts):
            at_K = (
                np.arange(examples.height) if place_N is None else np.flatnonzero(place_N == place)
            )
            fields = record if record is not None and one.sees == "record" else own(examples)
            made, count = self._one(one, examples, fields, at_K)
            parts.append(made.with_columns(place=pl.lit(place, pl.UInt32)))
            counts.append(count)
        return pl.concat(parts).sort("row", "place").drop("place"), counts

    def _one(
        self, one: PromptText, examples: pl.DataFrame, fields: pl.DataFrame, at_K: NDArray[np.int64]
    ) -> tuple[pl.DataFrame, PromptCounts]:
        if one.jinja is None:
            rows = plain(examples[at_K]).with_columns(row=pl.Series(at_K, dtype=pl.UInt32))
            return rows, PromptCounts(id=one.id, name=one.name, asked=len(at_K))
        made, fallen = self._rendered(one, fields, at_K)
        self._refuse_failed(one, made, examples, at_K)
        hidden = examples["target"].is_null().gather(at_K)
        rows, skipped, foreign = as_rows(made, hidden, at_K, end=self.end)
        self._refuse_foreign(one, rows, foreign)
        counts = PromptCounts(
            id=one.id, name=one.name, asked=len(at_K), skipped=skipped, foreign=foreign,
            fallen=fallen,
        )  # fmt: skip
        return rows.with_columns(prompt=pl.lit(one.id)).select(*PROMPTED), counts

    def _rendered(
        self, one: PromptText, fields: pl.DataFrame, at_K: NDArray[np.int64]
    ) -> tuple[pl.DataFrame, int]:
        """Return what the template makes of the rows, and how many fell back."""
        prompt = Prompt(one.id, one.name, one.jinja or "", one.answer_choices)
        draws = _DRAWS.search(f"{prompt.jinja} {prompt.answer_choices or ''}") is not None
        part = fields if draws else fields[at_K]
        place = f"{self.where}: prompt '{prompt.name}'"
        with PromptRenderer(prompt, fields.schema, Mode(seed=self.seed), where=place) as renderer:
            named = [name for name in fields.columns if name in renderer.plan.fields]
            shown = part.select(named) if named else part
            if self.shorten is not None and named:
                shown = self.shorten(shown, one.sees)
            made = renderer.render(shown)
            return (made[at_K] if draws else made), renderer.report.fallen

    def _refuse_failed(
        self, one: PromptText, made: pl.DataFrame, examples: pl.DataFrame, at_K: NDArray[np.int64]
    ) -> None:
        failed = (made["parts"] == 0).arg_true()
        if len(failed):
            first = int(failed[0])
            raise DataError(
                f"prompt '{one.name}' fails on {len(failed)} rows of {made.height}, the first is "
                f"{examples['example_id'][int(at_K[first])]}: {made['error'][first]}",
                where=self.where,
                remedy="mend the template ({% if %} around all of it skips a row), or take it out; a "
                "pool's can be copied into the project by `taskloom prompts import`",
            )

    def _refuse_foreign(self, one: PromptText, rows: pl.DataFrame, foreign: int) -> None:
        asked = rows.filter((pl.col("options").list.len() > 0) & pl.col("target").is_not_null())
        if foreign and foreign == asked.height:
            raise DataError(
                f"prompt '{one.name}': the target is among the options in none of {foreign} rows, such "
                f"as '{asked['target'][0][:60]}'",
                where=self.where,
                expected="one of: " + ", ".join(asked["options"][0].to_list())[:200],
                remedy="run `taskloom prompts lint`",
            )


def own(examples: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of examples that a task's own prompts see."""
    return examples.select(FIELDS)


def as_rows(
    made: pl.DataFrame, hidden_K: pl.Series, at_K: NDArray[np.int64], *, end: str
) -> tuple[pl.DataFrame, int, int]:
    """Turn rendered rows into rows of `PROMPTED` without `prompt`.

    Args:
        made: Of `templates.table.SCHEMA`, K rows.
        hidden_K: Whether the example's own target is hidden.
        at_K: The examples' indices.
        end: Put behind every input.

    Returns:
        The rows that have an input and one target, which is null where it is hidden or empty; how many
        were skipped; and how many have a target that is none of their options.
    """
    whole = made.with_columns(row=pl.Series(at_K, dtype=pl.UInt32), hidden=hidden_K).filter(
        (pl.col("parts") == 2) & (pl.col("input") != "")
    )
    rows = whole.select(
        "row",
        input=pl.col("input") + end,
        target=pl.when(~pl.col("hidden") & (pl.col("target") != "")).then("target"),
        options=pl.col("options").fill_null(pl.lit([], pl.List(pl.String))),
    )
    label = found(rows["target"], rows["options"])
    known = rows["target"].is_not_null() & (rows["options"].list.len() > 0)
    foreign = int((known & label.is_null()).sum())
    return rows.with_columns(label=label), made.height - rows.height, foreign


def found(target_R: pl.Series, options_R: pl.Series) -> pl.Series:
    """Return the place of each row's target among its options, the first of equals; null where absent."""
    counts_R = options_R.list.len().to_numpy().astype(np.int64)
    ends_R = np.cumsum(counts_R)
    row_O = np.repeat(np.arange(len(counts_R)), counts_R)
    flat = options_R.explode(empty_as_null=False, keep_nulls=False)
    hits = np.flatnonzero((flat == target_R.gather(row_O)).fill_null(False).to_numpy())
    label_R = np.full(len(counts_R), -1, np.int64)
    rows, first = np.unique(row_O[hits], return_index=True)
    label_R[rows] = hits[first] - (ends_R - counts_R)[rows]
    return pl.Series(label_R).replace(-1, None).cast(pl.Int32)
