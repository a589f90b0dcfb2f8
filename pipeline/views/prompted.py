"""The prompts that a task's rows of the text view are seen through, and the raw records that they see."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl
from tokenizers import Tokenizer

from pipeline.config.forms.registry import Fields
from pipeline.config.params import TextParams
from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings import PromptText, TaskPrompts, TokenizeSettings
from pipeline.config.settings_file import read
from pipeline.config.strict import PLAIN
from pipeline.contract.files import sha256
from pipeline.contract.text import PromptEntry
from pipeline.errors import ArtefactError, DataError
from pipeline.rendering.pick import picked
from pipeline.rendering.prompted import ANSWERS, Prompted
from pipeline.rendering.text_view import text_view
from pipeline.schema import SPLITS, Role, Split
from pipeline.sources.dispatch import ROW, read_split
from pipeline.templates.cut import cut_tokens
from pipeline.templates.render import ALARM

_REMEDY = "run `dvc repro tokenize`"
_PLACE, _SPLIT, _FOUND = "__place__", "__split__", "__found__"
"""Columns beside those of records, which may themselves be called `split`."""


@dataclass(slots=True)
class RawRecords:
    """The raw records of one task, read again, each split once.

    Attributes:
        source: The task's resolved source.
    """

    source: NormalizeSource
    _splits: dict[str, pl.DataFrame] = field(default_factory=dict)

    def of(self, examples: pl.DataFrame) -> pl.DataFrame:
        """Return the records that examples of one role were made of, row by row.

        Hyphens in names of columns become underscores, as in PromptSource.

        Raises:
            SourceError: The source cannot be read.
            DataError: A record is not there any more.
        """
        names = examples["example_id"].cast(pl.String).str.split("/")
        rows = pl.DataFrame({ROW: names.list.get(-1).cast(pl.Int64), _SPLIT: names.list.get(-2)})
        parts = []
        for split in SPLITS:
            wanted = rows.with_row_index(_PLACE).filter(pl.col(_SPLIT) == split)
            if wanted.height:
                parts.append(wanted.join(self._split(split), on=ROW, how="left"))
        if not parts:
            return pl.DataFrame(schema={"__none__": pl.Null})
        found = pl.concat(parts, how="diagonal_relaxed").sort(_PLACE)
        lost = found.filter(pl.col(_FOUND).is_null())
        if lost.height:
            raise DataError(
                f"record {lost[ROW][0]} of {lost[_SPLIT][0]} is not in the source any more",
                where=self.source.card.task,
                remedy="run `dvc repro`, which reads it anew",
            )
        return found.drop(_PLACE, _SPLIT, ROW, _FOUND)

    def _split(self, split: Split) -> pl.DataFrame:
        if split not in self._splits:
            source = self.source
            records = read_split(
                source.card,
                split,
                data_dir=Path(source.data_dir),
                revision=source.revision,
                seed=source.seed,
            )
            self._splits[split] = named_as_prompts(records.frame).with_columns(
                pl.lit(True).alias(_FOUND)
            )
        return self._splits[split]


def named_as_prompts(records: pl.DataFrame) -> pl.DataFrame:
    """Return records as prompts see them: no hyphen in a name, no categories.

    Raises:
        DataError: Two names differ in hyphens alone.
    """
    names = sorted(records.columns)
    seen = [name.replace("-", "_") for name in names]
    twice = [name for name, one in zip(names, seen, strict=True) if seen.count(one) > 1]
    if twice:
        raise DataError(
            f"the columns '{twice[0]}' and '{twice[1]}' have one name where a prompt sees them",
            remedy="rename one of them in the source",
        )
    casts = pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String)
    return records.with_columns(casts).rename(lambda name: name.replace("-", "_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptedTask:
    """One task and its prompts.

    Attributes:
        task: Name.
        prompts: Its prompts; null where it is seen through the built-in format alone.
        text: Settings of the text view.
        seed: Of the run.
        tokenizer: Measures fields that may be too long.
        records: The raw records; null where no prompt sees them.
    """

    task: str
    prompts: TaskPrompts | None
    text: TextParams
    seed: int
    tokenizer: Tokenizer
    records: RawRecords | None = None

    @property
    def draw(self) -> str:
        """Whether a train row is seen through `all` prompts or `one`."""
        return self.prompts.draw if self.prompts else "all"

    @property
    def key(self) -> dict[str, Any] | None:
        """What the rows depend on beside the examples; null for the built-in format."""
        if self.prompts is None:
            return None
        fields = {name: getattr(self.text, name) for name in ("field_tokens", "eval_prompts")}
        return {"prompts": self.prompts.model_dump(mode="json"), "seed": self.seed, **fields}

    def view(
        self, examples: pl.DataFrame, role: Role, *, where: str
    ) -> tuple[pl.DataFrame, list[PromptEntry]]:
        """Return the rows of a role in the text view, and what became of each prompt's.

        Raises:
            DataError, MixtureError: See `rendering.prompted` and `rendering.text_view`.
        """
        if self.prompts is None:
            plain = PromptEntry(id=PLAIN, name=PLAIN, asked=examples.height)
            return text_view(examples, where=where), [plain]
        prompts: Sequence[PromptText] = self.prompts.prompts
        if role != "train":
            prompts = prompts[: self.text.eval_prompts]
        place_N = None
        if role == "train" and self.draw == "one":
            weights = {prompt.id: prompt.weight for prompt in prompts}
            place_N = picked(
                examples["example_id"].to_list(), weights, seed=self.seed, task=self.task
            )
        format_ = Prompted(
            prompts=prompts,
            seed=self.seed,
            records=self.records.of if self.records else None,
            shorten=self._shorten if self.text.field_tokens else None,
            end="\n" if self.text.model == "causal" else "",
            where=where,
        )
        rows, counts = format_.rows(examples, place_N)
        view = text_view(examples, lambda _: rows, where=where)
        return view, [PromptEntry(**asdict(count)) for count in counts]

    def _shorten(self, rows: pl.DataFrame, sees: Literal["example", "record"]) -> pl.DataFrame:
        kept: Iterable[str] = ANSWERS
        if sees == "record" and self.records is not None:
            kept = answer_columns(self.records.source.card.fields, rows.columns)
        return cut_tokens(rows, self.text.field_tokens or 1, self._ends, keep=kept)

    def _ends(self, texts: Sequence[str], most: int) -> list[int]:
        """Return the characters that the first tokens of each text cover."""
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            encoding.offsets[most - 1][1] if len(encoding.ids) > most else len(text)
            for encoding, text in zip(encodings, texts, strict=True)
        ]


def prompted_task(
    path: Path, settings: TokenizeSettings, task: str, tokenizer: Tokenizer
) -> PromptedTask:
    """Return a task with its prompts.

    Args:
        path: Its resolved source.
        settings: Of the stage `tokenize`.
        task: Name.
        tokenizer: Measures fields that may be too long.

    Raises:
        ArtefactError: A prompt sees raw records, and their source is missing or not that of `resolve`.
    """
    prompts, records = settings.prompts.get(task), None
    if prompts is not None and any(prompt.sees == "record" for prompt in prompts.prompts):
        source = read(NormalizeSource, path)
        if sha256(path) != prompts.source_sha256:
            raise ArtefactError("is not the one that the prompts were resolved with",
                                where=str(path), remedy=_REMEDY)  # fmt: skip
        records = RawRecords(source)
    return PromptedTask(
        task=task,
        prompts=prompts,
        text=settings.text or TextParams(),
        seed=settings.seed,
        tokenizer=tokenizer,
        records=records,
    )


_ANSWER_KEYS = ("label", "labels", "choices", "choice_labels", "target", "answers")
_NAME = re.compile(r"[^.\[\]{}]+")


def answer_columns(fields: Fields, columns: Sequence[str]) -> list[str]:
    """Return the columns of records that a task card takes answers or choices from.

    Args:
        fields: Of the card.
        columns: Names as prompts see them.
    """
    values = [getattr(fields, key, None) for key in _ANSWER_KEYS]
    texts: list[str] = []
    for value in values:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, tuple):
            texts += value
        elif value is not None:
            texts.append(value.field)
    roots = {_root(path) for text in texts for path in _paths(text)}
    return [name for name in columns if name in roots]


def _paths(text: str) -> list[str]:
    """Return the paths of a field: itself, or what stands in the braces of a template."""
    return re.findall(r"{([^{}]*)}", text) if "{" in text else [text]


def _root(path: str) -> str:
    found = _NAME.match(path)
    return found[0].replace("-", "_") if found else ""


def warnings(entries: Mapping[str, Mapping[Role, Iterable[PromptEntry]]]) -> Iterator[str]:
    """Word what a person should know of prompts: slow rows, and targets that are no option."""
    for task, roles in sorted(entries.items()):
        for role, prompts in roles.items():
            for one in prompts:
                name = f"{task}/{role}, prompt '{one.name}'"
                if one.fallen > ALARM * one.asked:
                    share = f"{one.fallen / one.asked:.1%}"
                    yield f"{name}: {share} of {one.asked} rows were rendered slowly"
                if one.foreign:
                    yield f"{name}: {one.foreign} of {one.asked} rows have a target that is no option"
                if one.asked and one.skipped == one.asked:
                    yield f"{name}: skips all of {one.asked} rows"
