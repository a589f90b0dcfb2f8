"""What columns mean, one model per form.

A field is a string. It names a column (`sentence`), a path into nested data (`answers.text[0]`,
`question.choices[].text`, `a[@correct=True]`: the first `a` whose `@correct` reads `True`), or, when it
holds `{`, a template (`{obs1} Then: {obs2}`) whose braces hold columns or paths; `{}` stands for
nothing and makes a template of a constant. A list of fields where one text is wanted is joined by
spaces; so is a column that holds lists.
"""

from typing import Literal

from pydantic import Field

from pipeline.config.strict import Strict

Text = str | tuple[str, ...]
ClassKey = str | int | bool


class Stem(Strict):
    """The parts of a question that every form with choices has."""

    context: Text | None = None
    question: Text | None = None


class Labelled(Stem):
    """How the source writes its gold label."""

    label: str
    """Column or path of the gold label."""
    label_is: Literal["index", "letter", "text", "flags"] | None = None
    """`index` into the choices (from `label_offset`), a `letter` (A, B, ...; digits count from 1), the
    `text` of the gold choice, or a list of `flags`, one per choice, of which one is true. Left out:
    `index` for numbers, else refused."""
    label_offset: int = 0
    """What the source calls the first choice, where labels are indices."""
    hidden_label: ClassKey | None = None
    """The value that stands for a withheld label, for example -1; any other label out of range is a
    reject."""


class Split(Strict):
    """One text that holds all choices, cut by a pattern."""

    field: str
    pattern: str
    """A regular expression (RE2) that stands before each choice, for example `\\([A-Z]\\) `."""


class MultipleChoice(Labelled):
    """The answer is one of several given texts, as many as each row has."""

    form: Literal["multiple_choice"]
    choices: str | tuple[str, ...] | Split
    """A list column or path; several columns, one choice each (null or empty ones are left out of a
    row); or one text to cut."""
    choice_labels: str | None = None
    """Path of the labels that belong to the choices, where letters are not simply A, B, C in order."""


class Classification(Stem):
    """The answer is one class of a fixed set; class names become the choices."""

    form: Literal["classification"]
    label: str
    classes: tuple[str, ...] | dict[ClassKey, str]
    """The label values, in order (they then also name the classes), or value -> name."""
    option: str = "{class}"
    """Carrier phrase of a choice: `the sentiment is {class}`."""
    hidden_label: ClassKey | None = None


class MultiLabel(Stem):
    """Any number of classes of a fixed set are right; the gold set may be empty."""

    form: Literal["multi_label"]
    labels: str
    """List column or path, or a text cut by `separator`."""
    separator: str | None = None
    classes: tuple[str, ...] | dict[ClassKey, str]
    option: str = "{class}"
    none: str | None = None
    """Class that stands for the empty set; without it rows with no label are rejects."""


class TextToText(Stem):
    """The answer is free text."""

    form: Literal["text_to_text"]
    target: Text


class Span(Stem):
    """The answer is a stretch of the context."""

    form: Literal["span"]
    context: Text
    answers: str | None = None
    """Path of the gold texts (a list or one text); the first is the target."""
    start: str | None = None
    """Path of the start offset in characters; null counts as 0 where `end` is given."""
    end: str | None = None
    """Path of the end offset (exclusive); with `start` it cuts the target out of the context."""
    unanswerable: str = Field(default="unanswerable")
    """Target of a row that has no answer."""


Fields = MultipleChoice | Classification | MultiLabel | TextToText | Span
