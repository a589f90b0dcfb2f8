"""The fact tables, wordings and fillers of the suite, read from `facts/` beside this module.

Knows their file format; nothing of recipes, tasks or randomness.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.errors import ConfigError, unknown_name

FACTS = Path(__file__).parent / "facts"

Ids = npt.NDArray[np.int64]

_SLOT = re.compile(r"\{(?:(an|An) )?([a-z]+)(\d?)\}")
_VOWEL = r"(?i)^[aeiou]"


@dataclass(frozen=True)
class Slot:
    """A hole of a template.

    Attributes:
        article: `an` or `An` where the value gets an indefinite article, else empty.
        kind: What fills it: a column of the fact table, a filler, or a value that the recipe makes.
        number: Empty, or the digit that tells several of a kind apart.
    """

    article: str
    kind: str
    number: str

    @property
    def name(self) -> str:
        """Name of the column of ids that fills the slot, for example `animal2`."""
        return self.kind + self.number


@dataclass(frozen=True)
class Template:
    """One way to put a row: literal text and slots by turns, for the context and the question."""

    context: tuple[str | Slot, ...]
    question: tuple[str | Slot, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the slots in use, sorted."""
        parts = self.context + self.question
        return tuple(sorted({part.name for part in parts if isinstance(part, Slot)}))


@dataclass(frozen=True)
class Wording:
    """A set of templates under one name, with the values that may fill their free slots."""

    name: str
    templates: tuple[Template, ...]
    fillers: dict[str, pl.Series]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """One slot per name in use in any template, sorted by name."""
        found = {
            part.name: part
            for template in self.templates
            for part in template.context + template.question
            if isinstance(part, Slot)
        }
        return tuple(found[name] for name in sorted(found))


def table(name: str, *columns: str) -> pl.DataFrame:
    """Read a fact table; all columns are strings.

    Args:
        name: File name without its suffix.
        *columns: Columns that must exist.

    Raises:
        ConfigError: There is no such table or column.
    """
    frame = _read("table", name, name)
    for column in columns:
        if column not in frame.columns:
            what, remedy = unknown_name(f"column of '{name}'", column, frame.columns)
            raise ConfigError(what, remedy=remedy)
    return frame


def require_value(column: str, value: str, known: list[str]) -> None:
    """Raise a `ConfigError` unless a column of a fact table holds `value`."""
    if value not in known:
        what, remedy = unknown_name(f"value of '{column}'", value, known)
        raise ConfigError(what, remedy=remedy)


def require_slot(wording: "Wording", kind: str) -> None:
    """Raise a `ConfigError` unless a wording speaks of `kind`."""
    kinds = sorted({slot.kind for slot in wording.slots})
    if kind not in kinds:
        raise ConfigError(
            f"wording '{wording.name}' has no slot {{{kind}}}",
            expected=f"a wording that names it; this one names {', '.join(kinds) or 'nothing'}",
        )


def wording(name: str) -> Wording:
    """Read a set of templates.

    Raises:
        ConfigError: There is no such wording.
    """
    frame = _read("wording", name, f"wording_{name}")
    templates = tuple(
        Template(_parse(context), _parse(question))
        for context, question in frame.select("context", "question").rows()
    )
    values = _read("table", "fillers", "fillers").partition_by("slot", as_dict=True)
    return Wording(name, templates, {str(key[0]): part["value"] for key, part in values.items()})


def with_article(values: pl.Series, article: str) -> pl.Series:
    """Put the indefinite article (by spelling) in front of each value; none where `article` is ''."""
    if not article:
        return values
    before_vowel, else_ = ("An ", "A ") if article == "An" else ("an ", "a ")
    word = pl.col("value")
    spoken = pl.when(word.str.contains(_VOWEL)).then(pl.lit(before_vowel)).otherwise(pl.lit(else_))
    return values.to_frame("value").select(value=spoken + word)["value"]


def _read(kind: str, name: str, stem: str) -> pl.DataFrame:
    path = FACTS / f"{stem}.tsv"
    prefix = "wording_" if kind == "wording" else ""
    known = [file.stem.removeprefix(prefix) for file in sorted(FACTS.glob(f"{prefix}*.tsv"))]
    if kind == "table":
        known = [one for one in known if not one.startswith("wording_")]
    if name not in known:
        what, remedy = unknown_name(kind, name, known)
        raise ConfigError(what, remedy=remedy)
    return pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None).fill_null("")


def _parse(text: str) -> tuple[str | Slot, ...]:
    parts: list[str | Slot] = []
    end = 0
    for match in _SLOT.finditer(text):
        parts += [text[end : match.start()], Slot(match[1] or "", match[2], match[3])]
        end = match.end()
    return tuple(part for part in (*parts, text[end:]) if part != "")
