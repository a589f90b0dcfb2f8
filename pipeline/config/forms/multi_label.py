"""Multi-label: the keys of its `fields`."""

from typing import ClassVar, Literal

from pipeline.config.forms.base import FixedClasses, unique_names


class MultiLabel(FixedClasses):
    """Any number of classes of a fixed set are right; the gold set may be empty."""

    label_key: ClassVar[str] = "fields.labels"

    form: Literal["multi_label"]
    labels: str
    """List column or path, or a text cut by `separator`."""
    separator: str | None = None
    none: str | None = None
    """Class that stands for the empty set; without it rows with no label are rejects."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; that of the empty set comes last, unless it is among them."""
        none = () if self.none is None else (self.none,)
        return unique_names((*super().class_names, *none))
