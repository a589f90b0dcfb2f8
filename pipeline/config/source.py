"""Where records come from: files, the Hugging Face hub, an installed package, the embedded suite."""

from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.config.strict import Strict

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow", "xml", "lines"]


class Table(Strict):
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
    records: str | None = None
    """Path of lists to unfold into one record each, for example `data[].paragraphs[].qas[]`; `[1][]` in
    arrays of arrays. What lies around a record stays at its path: `data.paragraphs.context`, `0`."""
    stack: dict[str, tuple[str, ...]] | None = None
    """Columns to fold into several records per row: `{question: [q1, q2], answer: [a1, a2]}`."""
    key: str | None = None
    """Column that joins files read side by side (the first file's records count); without it row i
    belongs to row i."""


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


class HubSource(Strict):
    """A dataset of the Hugging Face hub at one commit."""

    kind: Literal["hub"]
    id: str
    config: str | None = None
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    """A commit. Left out, it is resolved at the first fetch and kept in `mixtures/revisions.lock`."""
    data_files: dict[str, str | tuple[str, ...]] | None = None
    """For sets that are published as a script: their Parquet (or JSON, CSV) files by split name."""
    records: str | None = None
    """As for files: a path of lists to unfold."""


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
