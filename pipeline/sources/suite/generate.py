"""From a card's suite source to records: which recipe, how many rows, which random stream.

Knows the recipes by name and no task.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from pipeline.config.load import check
from pipeline.config.source import SuiteSource
from pipeline.config.strict import Strict
from pipeline.errors import ConfigError, unknown_name
from pipeline.schema import Split
from pipeline.seeds import derive_rng
from pipeline.sources.suite import computed, lookup, picking, properties

EVALUATION_ROWS = 500
"""Rows of the validation and of the test split, whatever the size of the train split."""

RECIPES: Mapping[str, tuple[type[Strict], Callable[..., pl.DataFrame]]] = MappingProxyType(
    {
        "property": (properties.Property, properties.read_property),
        "noise": (properties.Noise, properties.read_noise),
        "traits": (properties.Traits, properties.read_traits),
        "pick": (picking.Pick, picking.read_pick),
        "contrast": (picking.Contrast, picking.read_contrast),
        "lookup": (lookup.Lookup, lookup.read_lookup),
        "arithmetic": (computed.Arithmetic, computed.read_arithmetic),
        "cycle": (computed.Cycle, computed.read_cycle),
        "compare": (computed.Compare, computed.read_compare),
    }
)
"""What a card may name as its recipe: the model of its options, and the generator."""

_STREAM = "stream"


def read_suite(source: SuiteSource, *, task: str, split: Split, seed: int) -> pl.DataFrame:
    """Generate the records of one split.

    The same source, stream, split and seed give the same records; a row that a recipe can put into
    one split never comes in another, of any task that shares its wording and table.

    Args:
        source: Recipe, train rows and the recipe's options. Beside these, the option `stream` names
            the random stream, by default the task: two tasks with one stream draw the same rows.
        task: Name of the task.
        split: `train` has `source.rows` rows, the others `EVALUATION_ROWS`.
        seed: Seed of the run.

    Returns:
        `context`, `question`, and by recipe `label`, `labels`, `choices`, `answer`.

    Raises:
        ConfigError: An unknown recipe, table, column, value or wording, or an option out of range.
    """
    where = f"task '{task}': source"
    options = dict(source.options)
    stream = options.pop(_STREAM, task)
    if not isinstance(stream, str):
        raise ConfigError(f"options.stream: must be a name, not {stream!r}", where=where)
    size = source.rows if split == "train" else EVALUATION_ROWS
    rng = derive_rng(seed, "suite", stream, split)
    try:
        model, read = _recipe(source.recipe)
        checked = check(model, options, where=f"{where}.options")
        return read(checked, size, split, rng)
    except ConfigError as error:
        if error.where:
            raise
        raise ConfigError(
            error.what, where=where, expected=error.expected, remedy=error.remedy
        ) from error


def _recipe(name: str) -> tuple[type[Strict], Callable[..., pl.DataFrame]]:
    if name not in RECIPES:
        what, remedy = unknown_name("recipe", name, RECIPES)
        raise ConfigError(what, remedy=remedy)
    return RECIPES[name]
