"""Where records come from: files, the Hugging Face hub, an installed package, the embedded suite."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.config.strict import Strict
from pipeline.schema import Split

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow", "xml", "lines"]


class SplitBy(Strict):
    """How records of the same files belong to different splits. Give `values`, `ids` or `shares`.

    A record that belongs to none of the named splits is an error, unless `rest` says what it is.
    """

    column: str | None = None
    """Column or path that tells the split, of `values` and `ids`."""
    values: dict[Split, str | tuple[str, ...]] | None = None
    """What the column holds in the records of each split: `{train: train, test: [dev, test]}`."""
    ids: dict[Split, str] | None = None
    """By split, a file beside the data that lists what the column holds, one a line."""
    shares: dict[Split, Annotated[float, Field(gt=0.0, le=1.0)]] | None = None
    """By split, its share; 1 in all. The hash of a record's content decides, so that equal records are
    on one side, and a record that is added moves no other."""
    group: str | None = None
    """With `shares`: column or path whose text is hashed instead, so that records that share it, such
    as one passage, are on one side."""
    rest: Split | Literal["unused"] | None = None
    """What records are that `values` or `ids` do not name."""

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        rules = [name for name in ("values", "ids", "shares") if getattr(self, name) is not None]
        if len(rules) != 1:
            raise ValueError(
                f"give one of values, ids and shares, not {', '.join(rules) or 'none'}"
            )
        if (self.column is None) != (self.shares is not None):
            raise ValueError("'column' goes with 'values' and 'ids'")
        if self.group is not None and self.shares is None:
            raise ValueError("'group' goes with 'shares'")
        if self.shares is not None and abs(sum(self.shares.values()) - 1.0) > 1e-9:
            raise ValueError(f"the shares sum to {sum(self.shares.values()):g}, not to 1")
        return self


class Splitting(Strict):
    """What sources of several records to a file have in common."""

    records: str | dict[Split, str] | None = None
    """Path of lists to unfold into one record each, for example `data[].paragraphs[].qas[]`; `[1][]` in
    arrays of arrays; `data{}` for an object keyed by id, whose key becomes the column `@key`. What
    lies around a record stays at its path: `data.paragraphs.context`, `0`. By split where the splits
    of one file lie at different paths: `{train: "train[]", test: "test[]"}`."""
    split_by: SplitBy | None = None
    """How records of the same files belong to different splits."""

    @property
    def shares_files(self) -> bool:
        """Whether several splits may read one file."""
        return self.split_by is not None or isinstance(self.records, dict)


class Table(Splitting):
    """How to read files as rows and columns; what is left out is inferred from the file's name."""

    format: Format | None = None
    """Inferred from the suffix (a final `.gz` is looked through); `.txt` is `lines`."""
    encoding: str = "utf-8"
    """A Python codec. A byte order mark is always skipped; invalid bytes are rejects, never replaced."""
    columns: tuple[str, ...] | dict[str, tuple[str, ...]] | None = None
    """Names for a csv or tsv file without a header, or of the parts of a line (`text` where a line is
    kept whole); by alias where files are read side by side. Arrays name theirs `"0"`, `"1"`, ..."""
    separator: str | None = None
    """Of csv (`,`) and tsv (tab); for `lines`, cuts a line from the left into as many `columns`."""
    quote: bool | None = None
    """Whether `"` quotes fields in csv and tsv, or is text. Left out, the file decides; a file that
    contradicts the card, or itself, is refused."""
    escape: Literal["\\"] | None = None
    """What stands before a quote inside a quoted field of csv and tsv, where it is not doubled. Left
    out, the file decides."""
    element: str | None = None
    """Of xml: the tag that is one record, for example `item`. Attributes are `@name`, own text `#text`;
    the elements around it stay at their path from the root: `data.text.text_body`."""
    block: bool = False
    """Of lines: each record is as many lines as there are `columns`; a column `_` is left out."""
    from_path: str | None = None
    """A regular expression that a file's path below `folder` matches from its begin; its named groups
    become columns: `(?P<topic>[^/]+)/`."""
    stack: dict[str, tuple[str, ...]] | None = None
    """Columns to fold into several records per row: `{question: [q1, q2], answer: [a1, a2]}`."""
    key: str | None = None
    """Column that joins files read side by side (the first file's records count); without it row i
    belongs to row i."""

    @field_validator("from_path")
    @classmethod
    def _names_groups(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from None
        if not groups:
            raise ValueError(f"'{pattern}' has no named group such as (?P<topic>[^/]+)")
        return pattern


class FilesSource(Table):
    """Files below `data_dir`."""

    kind: Literal["files"]
    folder: str
    """Relative to `data_dir`; absolute paths and `..` are refused."""


class PackageSource(Table):
    """Files that an installed Python package ships."""

    kind: Literal["package"]
    package: str
    """Import name; it is located, never imported."""
    folder: str = ""


class HubSource(Splitting):
    """A dataset of the Hugging Face hub at one commit."""

    kind: Literal["hub"]
    id: str
    config: str | None = None
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    """A commit. Left out, it is resolved at the first fetch and kept in `mixtures/revisions.lock`."""
    data_files: dict[str, str | tuple[str, ...]] | None = None
    """For sets that are published as a script: their Parquet (or JSON, CSV) files by split name."""


class SuiteSource(Strict):
    """A task of the embedded suite, generated from the fact tables that ship in the package."""

    kind: Literal["suite"]
    recipe: str
    """Name of a generator in `pipeline/sources/suite/`."""
    rows: Annotated[int, Field(ge=50, le=1_000_000)] = 1000
    """Of the train split; validation and test follow the recipe's own rule."""
    options: dict[str, Any] = {}
    """Arguments of the generator; it validates them."""


Source = FilesSource | PackageSource | HubSource | SuiteSource
