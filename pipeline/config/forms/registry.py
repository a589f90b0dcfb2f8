"""All forms: a new one is one import and one member of the union."""

from typing import Annotated

from pydantic import Field

from pipeline.config.forms.classification import Classification
from pipeline.config.forms.multi_label import MultiLabel
from pipeline.config.forms.multiple_choice import MultipleChoice
from pipeline.config.forms.span import Span
from pipeline.config.forms.text_to_text import TextToText

Fields = Annotated[
    MultipleChoice | Classification | MultiLabel | TextToText | Span,
    Field(discriminator="form"),
]
