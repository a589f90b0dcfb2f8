"""Multi-label: the keys of its `fields`."""

from typing import ClassVar, Literal

from pipeline.config.forms.base import FixedClasses, Wording, unique_names


class MultiLabel(FixedClasses):
    """Any number of classes of a fixed set are right; the gold set may be empty."""

    label_key: ClassVar[str] = "fields.labels"

    form: Literal["multi_label"]
    labels: str | tuple[str, ...]
    """List column or path, or a text cut by `separator`; or one column of flags for each class."""
    labels_are: Literal["values", "flags"] | None = None
    """`values`: which classes are right; `flags`: one of 0 and 1, or false and true, for each class in
    the order of `classes`. Left out, it is `values`, and lists that look like flags are refused;
    several columns are flags."""
    separator: str | None = None
    none: str | None = None
    """Class that stands for the empty set; without it rows with no label are rejects."""

    @property
    def are_flags(self) -> bool:
        """Whether there is one flag for each class."""
        return self.labels_are == "flags" or isinstance(self.labels, tuple)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; that of the empty set comes last, unless it is among them."""
        none = () if self.none is None else (self.none,)
        return unique_names((*super().class_names, *none))

    def explain(self, reason: str) -> Wording:
        """Say what to do with rows of no class."""
        if reason != "label_missing" or self.none is not None:
            return super().explain(reason)
        remedy = "set `none` to the name of a class that stands for none of the others"
        return Wording(self.label_key, "a class in each row", remedy)
