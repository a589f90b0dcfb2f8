"""Extractive span: the keys of its `fields`."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.forms.base import LOOK, Stem, Text, Wording


class Span(Stem):
    """The answer is a stretch of the context."""

    has_choices: ClassVar[bool] = False
    label_key: ClassVar[str] = "fields.answers"

    form: Literal["span"]
    context: Text
    answers: str | None = None
    """Path of the gold texts (a list or one text); the first is the target. An empty list or text is
    a row that has no answer; null is a missing value, which is a reject."""
    null_is_unanswerable: bool = False
    """Whether null in `answers` is a row that has no answer, too."""
    start: str | None = None
    """Path of the start offset in characters; null counts as 0 where `end` is given."""
    end: str | None = None
    """Path of the end offset (exclusive); with `start` it cuts the target out of the context."""
    unanswerable: str = Field(default="unanswerable")
    """Target of a row that has no answer."""

    def explain(self, reason: str) -> Wording:
        """Say what an answer is where one is not found."""
        if reason != "answer_not_in_context":
            return super().explain(reason)
        key = "fields.end" if self.end else self.label_key
        return Wording(key, "a stretch of the context, offsets in characters", LOOK)
