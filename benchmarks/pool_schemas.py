"""Schemas of the pool's datasets: as `dataset_infos.json` has them, or guessed from a template.

The files lie in the history of huggingface/datasets: folder `datasets/` at commit 1b607635, a file
a dataset.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import nodes

from pipeline.templates.syntax import CALLS, bound, fields

_TYPES: dict[str, Any] = {
    "string": pl.String(), "large_string": pl.String(), "bool": pl.Boolean(), "binary": pl.Binary(),
    "null": pl.Null(), "float16": pl.Float32(), "float32": pl.Float32(), "float64": pl.Float64(),
    "int8": pl.Int8(), "int16": pl.Int16(), "int32": pl.Int32(), "int64": pl.Int64(),
    "uint8": pl.UInt8(), "uint16": pl.UInt16(), "uint32": pl.UInt32(), "uint64": pl.UInt64(),
}  # fmt: skip


def known_schema(folder: Path, dataset: str, subset: str | None) -> dict[str, Any] | None:
    """Return the schema of a dataset; None where it is not known.

    Args:
        folder: Holds `<dataset>/dataset_infos.json`.
        dataset: Name of the dataset.
        subset: Its configuration; None for the only or the main one.
    """
    path = folder / dataset / "dataset_infos.json"
    if not path.exists():
        return None
    infos = json.loads(path.read_text(encoding="utf-8"))
    names = [subset] if subset else ["default", "plain_text", dataset, next(iter(infos))]
    info = next((infos[name] for name in names if name in infos), None)
    if info is None:
        return None
    return {name.replace("-", "_"): _type(feature) for name, feature in info["features"].items()}


def _type(feature: Any) -> Any:
    if isinstance(feature, list):
        return pl.List(_type(feature[0]))
    kind = feature.get("_type")
    if kind is None or isinstance(kind, dict):
        return pl.Struct({name: _type(inner) for name, inner in feature.items()})
    if kind == "Value":
        return _TYPES.get(feature["dtype"], pl.Datetime("us"))
    if kind == "Sequence":
        return _sequence(feature["feature"])
    if kind == "Translation":
        return pl.Struct({language: pl.String() for language in feature["languages"]})
    if kind == "TranslationVariableLanguages":
        return pl.Struct({"language": pl.List(pl.String()), "translation": pl.List(pl.String())})
    return pl.Int64() if kind == "ClassLabel" else pl.Binary()


def _sequence(inner: Any) -> Any:
    """A sequence of records is a record of lists."""
    made = _type(inner)
    if isinstance(made, pl.Struct) and not isinstance(inner, list) and "_type" not in inner:
        return pl.Struct({field.name: pl.List(field.dtype) for field in made.fields})
    return pl.List(made)


def guessed_schema(trees: Sequence[nodes.Template]) -> dict[str, Any]:
    """Guess the types of fields from their use: looped over or joined is a list, keyed is a record."""
    names = set[str]().union(*map(fields, trees)) - set[str]().union(*map(bound, trees))
    uses: dict[str, set[str]] = {n: set() for n in names - {"answer_choices", "loop", *CALLS}}
    for tree in trees:
        for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.For, nodes.Filter)):
            for name, use in _used(node):
                uses.get(name, set()).add(use)
    return {name: _guess(found) for name, found in sorted(uses.items())}


def _guess(uses: set[str]) -> Any:
    keys = {use.removeprefix("key ") for use in uses if use.startswith("key ")}
    if keys:
        return pl.Struct({key: pl.List(pl.String()) for key in sorted(keys)})
    if "list" in uses:
        return pl.List(pl.String())
    return pl.Int64() if "index" in uses else pl.String()


def _used(node: nodes.Node) -> Iterator[tuple[str, str]]:
    of = node.iter if isinstance(node, nodes.For) else node.node  # type: ignore[attr-defined]
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Name):
        yield node.arg.name, "index"
    if not isinstance(of, nodes.Name):
        return
    if isinstance(node, nodes.Getattr):
        yield of.name, f"key {node.attr}"
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        key = node.arg.value
        yield of.name, f"key {key}" if isinstance(key, str) else "list"
    elif isinstance(node, nodes.For) or (
        isinstance(node, nodes.Filter) and node.name in ("join", "choice", "first", "last")
    ):
        yield of.name, "list"
