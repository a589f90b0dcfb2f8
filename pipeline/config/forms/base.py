"""What all forms share: the fields of a question, and what a form says about itself.

A field is a string. It names a column (`sentence`), a path into nested data (`answers.text[0]`,
`question.choices[].text`, `a[@correct=True]`: the first `a` whose `@correct` reads `True`), or, when it
holds `{`, a template (`{obs1} Then: {obs2}`) whose braces hold columns or paths; `{}` stands for
nothing and makes a template of a constant. A list of fields where one text is wanted is joined by
spaces; so is a column that holds lists.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, model_validator

from pipeline.config.strict import Strict
from pipeline.errors import ConfigError

_DOUBLED = re.compile(r"\{\{\s*[\w.\[\]]+\s*\}\}")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def _check_template(text: str) -> str:
    """Refuse a template that gives every row the same text, unless it says so by `{}`."""
    plain = text.replace("{{", "").replace("}}", "")
    if _PLACEHOLDER.search(plain) or not set("{}") & set(text):
        return text
    doubled = _DOUBLED.search(text)
    if doubled:
        inner = doubled[0].strip("{} ")
        raise ValueError(
            f"'{text}' gives every row the same text: doubled braces stand for braces; write "
            f"{{{inner}}} for the column '{inner}'"
        )
    raise ValueError(f"'{text}' names no column; write {{column}}, or add {{}} to a constant text")


Column = Annotated[str, AfterValidator(_check_template)]
"""A column, a path or a template."""
Text = Column | tuple[Column, ...]
ClassKey = str | int | bool
Classes = tuple[str, ...] | dict[ClassKey, str]
"""The label values, in order (they then also name the classes), or value -> name."""

LOOK = "look at the raw records, then mend the card"


class Prefix(Strict):
    """Words that stand before every text and are no part of it."""

    prefix: str


CleanStep = Literal["tags", "entities", "spaces", "slashes", "letter"] | Prefix
"""`tags` of markup are left out; `entities` (`&amp;`) are the characters that they stand for; `spaces` in
a row are one; `slashes` before slashes and quotes are left out; a `letter` or number that
counts a choice (`A.`, `(b)`, `3)`) is left out; so is a `prefix`."""


class Wording(NamedTuple):
    """How rejects of one reason are explained to the author of a card.

    Attributes:
        key: The key of the card that they come from.
        expected: What that key should have led to.
        remedy: What to do.
    """

    key: str
    expected: str
    remedy: str


class Stem(Strict):
    """The parts of a question that every form has, and what a form says about itself."""

    has_choices: ClassVar[bool] = True
    """Whether examples have choices; without them the answer is a text."""
    label_key: ClassVar[str] = "fields.label"
    """The key of the card that names the answer."""

    context: Text | None = None
    question: Text | None = None
    clean: dict[
        Literal["context", "question", "choices", "target", "label"], tuple[CleanStep, ...]
    ] = {}
    """Steps that texts of a field go through, in order: `{context: [tags, entities]}`."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of the choices; empty where choices differ by row."""
        return ()

    @property
    def fixed_options(self) -> list[str] | None:
        """The choices that every row has, empty without choices; None where they differ by row."""
        return None if self.has_choices else []

    def explain(self, reason: str) -> Wording:
        """Return how to explain rejects of a reason."""
        if reason == "label_missing":
            remedy = "name the split under 'hidden' if its labels are withheld, or set hidden_label"
            return Wording(self.label_key, "a label in each row", remedy)
        return _WORDINGS.get(reason, Wording("source", "records that can be read", LOOK))


_WORDINGS = {
    "duplicate_choices": Wording("fields.choices", "two or more different texts in each row", LOOK),
    "too_few_choices": Wording("fields.choices", "two or more different texts in each row", LOOK),
    "missing_field": Wording(
        "fields", "a value in each row", "a template, '{column}', takes null as empty"
    ),
    "empty_text": Wording("fields", "text in context or question, and in every choice", LOOK),
    "bad_encoding": Wording("source.encoding", "text without control characters and U+FFFD", LOOK),
}


class FixedClasses(Stem):
    """A form whose choices are the same classes in every row."""

    classes: Classes = {}
    """The label values, in order (they then also name the classes), or value -> name."""
    classes_file: str | None = None
    """File beside the data that names the classes, instead of `classes`, or to be compared with them:
    one name a line in class order, `value<tab>name`, or JSON."""
    option: str = "{class}"
    """Carrier phrase of a choice: `the sentiment is {class}`."""

    @model_validator(mode="after")
    def _options_are_texts_that_differ(self) -> Self:
        if not self.classes and self.classes_file is None:
            raise ValueError("classes: is required, or classes_file")
        rest = self.option.replace("{class}", "")
        if rest == self.option or set("{}") & set(rest):
            raise ValueError(
                f"option: '{self.option}' must hold {{class}} and no other brace; it would give "
                f"'{self.option.replace('{class}', self.class_names[0] if self.class_names else '')}'"
            )
        seen: dict[str, str] = {}
        for name in self.class_names:
            if not name.strip():
                raise ValueError(f"classes: {name!r} is no name of a class")
            other = seen.setdefault(" ".join(name.split()).casefold(), name)
            if other != name:
                raise ValueError(f"classes: '{other}' and '{name}' differ in case or space alone")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the card's order, each once."""
        return unique_names(self.classes)

    @property
    def fixed_options(self) -> list[str]:
        """The classes in the carrier phrase, whose `{class}` stands for the name."""
        return [self.option.replace("{class}", name) for name in self.class_names]

    def with_classes(self, found: Mapping[ClassKey, str]) -> Self:
        """Return the fields with the classes that a file names; the card's own are compared with them.

        Raises:
            ConfigError: The file has other values, or gives a class the name of another.
        """
        if not self.classes:
            return type(self).model_validate(self.model_dump() | {"classes": dict(found)})
        own = self.classes if isinstance(self.classes, dict) else {n: n for n in self.classes}
        for value, name in own.items():
            named = found.get(value) or found.get(str(value))
            others = {_plain(other): key for key, other in own.items() if key != value}
            if named is None or (_plain(named) != _plain(name) and _plain(named) in others):
                raise ConfigError(
                    f"classes: '{value}' is '{name}', but {self.classes_file} "
                    + (f"calls it '{named}'" if named else "has no such class"),
                    expected=", ".join(f"{key}: {text}" for key, text in list(found.items())[:12]),
                )
        return self

    def explain(self, reason: str) -> Wording:
        """Name the classes where a label is none of them."""
        if reason != "label_unknown":
            return super().explain(reason)
        values = [str(value) for value in self.classes]
        shown = ", ".join(values[:12]) + (f" and {len(values) - 12} more" if values[12:] else "")
        return Wording(self.label_key, f"one of: {shown}", "mend classes, or set hidden_label")


def _plain(name: str) -> str:
    """Return the letters and digits of a name, to compare it."""
    return re.sub(r"[\W_]+", "", name).casefold()


def unique_names(classes: Iterable[str] | Mapping[ClassKey, str]) -> tuple[str, ...]:
    """Return the names of classes in the card's order, each once."""
    names = classes.values() if isinstance(classes, Mapping) else classes
    return tuple(dict.fromkeys(names))
