"""The task card: where one task's records come from and which columns mean what.

A card is a claim about data, so it holds no code, no prompt and no weight.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.config.forms.registry import Fields
from pipeline.config.source import Source, SuiteSource
from pipeline.config.strict import Name, Share, Strict
from pipeline.schema import Split

ValidationUse = Literal["select", "train", "unused"]
SplitSource = str | tuple[str, ...] | dict[str, str]
"""One file, glob or hub split; several, read one after the other; or several read side by side."""


class TaskCard(Strict):
    """One task.

    `splits` maps our split names to the source's own: a file name or glob for `files`, a split name
    for `hub`. A mapping (`{text: train.text.txt, label: train.labels.txt}`) reads several files side by
    side, row by row: a file of lines becomes a column of that name, any other file's columns become
    `NAME.column`.
    """

    task: Name
    family: Name
    """A coarse human grouping, used by baselines and in plots, never by a scorer's formula."""
    description: str = ""
    source: Annotated[Source, Field(discriminator="kind")]
    splits: dict[Split, SplitSource]
    hidden: tuple[Split, ...] = ()
    """Splits whose labels the publisher withholds: their rows keep a null label."""
    validation: ValidationUse = "select"
    """What becomes of the validation split where the test split has labels, too, and is reported on:
    `select` rows are drawn from it, it is added to `train`, or it is left `unused`."""
    fields: Fields
    max_rejects: Share = 0.01
    """Largest share of a split's records that may be no valid examples; more is an error."""
    homepage: str = ""
    licence: str
    citation: str = ""
    verified: bool = True
    """`false` on a card whose source was never fetched."""
    note: str = ""

    @model_validator(mode="after")
    def _splits_are_sane(self) -> Self:
        if "train" not in self.splits:
            raise ValueError("splits: 'train' is required")
        self._check_split_rule()
        seen: dict[str, str] = {}
        for split, source in self.splits.items():
            key = repr(source)
            if key in seen and not getattr(self.source, "shares_files", False):
                raise ValueError(
                    f"splits: '{seen[key]}' and '{split}' both read {key}; leave one out rather than "
                    "report on what was trained or tuned on, or say with source.split_by which records "
                    "are whose"
                )
            seen[key] = split
        unknown = sorted(set(self.hidden) - set(self.splits))
        if unknown:
            raise ValueError(f"hidden: {', '.join(unknown)} is not among the splits")
        if "train" in self.hidden:
            raise ValueError("hidden: the train split must have labels")
        return self

    def _check_split_rule(self) -> None:
        """Check that a rule inside of files names the splits that the card has."""
        source = self.source
        if isinstance(source, SuiteSource) or not source.shares_files:
            return
        rule = source.split_by
        named = source.records if rule is None else rule.values or rule.ids or rule.shares
        for split in dict.fromkeys([*(named or ()), *self.splits]):
            if split not in self.splits:
                raise ValueError(f"splits: lacks '{split}', which the source tells apart")
            if split not in (named or ()) and not (rule and rule.rest == split):
                raise ValueError(f"splits: '{split}' is not among what the source tells apart")
