"""Multiple choice: the keys of its `fields`."""

from typing import Literal

from pipeline.config.forms.base import ClassKey, Column, Stem, Wording
from pipeline.config.strict import Strict


class Split(Strict):
    """One text that holds all choices, cut by a pattern."""

    field: str
    pattern: str
    """A regular expression (RE2) that stands before each choice, for example `\\([A-Z]\\) `."""


class MultipleChoice(Stem):
    """The answer is one of several given texts, as many as each row has."""

    form: Literal["multiple_choice"]
    choices: Column | tuple[Column, ...] | Split
    """A list column or path; several columns, one choice each (null or empty ones are left out of a
    row); or one text to cut."""
    choice_labels: str | None = None
    """Path of the labels that belong to the choices, where letters are not simply A, B, C in order."""
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

    def explain(self, reason: str) -> Wording:
        """Say how a label names its choice where one does not."""
        if reason not in ("label_unknown", "label_out_of_range"):
            return super().explain(reason)
        expected = {
            "index": f"a number from {self.label_offset}, below that the number of choices",
            "letter": "the letter of a choice, the first being A or 1",
            "text": "the text of one of the choices",
            "flags": "flags of which one is true",
        }[self.label_is or "index"]
        remedy = "mend label_is, label_offset or choice_labels"
        return Wording(self.label_key, expected, remedy)
