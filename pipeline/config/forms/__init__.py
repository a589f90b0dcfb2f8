"""The forms: what a card's `fields` may say. A new form is one line here.

The model of a form is in the file of its name in this package; how records become its examples is in the
file of the same name in `pipeline/normalize/`.
"""

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
