"""Text to text: the keys of its `fields`."""

from typing import ClassVar, Literal

from pipeline.config.forms.base import Stem, Text


class TextToText(Stem):
    """The answer is free text."""

    has_choices: ClassVar[bool] = False
    label_key: ClassVar[str] = "fields.target"

    form: Literal["text_to_text"]
    target: Text
