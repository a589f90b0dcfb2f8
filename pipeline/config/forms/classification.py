"""Classification: the keys of its `fields`."""

from typing import Literal

from pipeline.config.forms.base import ClassKey, FixedClasses


class Classification(FixedClasses):
    """The answer is one class of a fixed set; class names become the choices."""

    form: Literal["classification"]
    label: str
    """Column or path of the gold label."""
    hidden_label: ClassKey | None = None
    """The value that stands for a withheld label."""
