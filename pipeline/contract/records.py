"""Dataclasses from JSON: built key by key, each value checked against its annotation.

A range stands in the annotation (`Count`, `Share`, ...). pydantic reads it there too, so that a setting
that a person writes and a value that the trainer reads have one definition.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pipeline.errors import PipelineError, unknown_name

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Within:
    """A range of numbers.

    Attributes:
        low: Least value.
        high: Largest value.
        above: Whether `low` itself is outside.
    """

    low: float
    high: float = math.inf
    above: bool = False

    def __contains__(self, value: float) -> bool:
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        start = f"above {self.low:g}" if self.above else f"from {self.low:g}"
        return start if self.high == math.inf else f"{start} to {self.high:g}"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """Add the range to pydantic's schema of the number; pydantic itself is not needed for it."""
        schema = handler(source)
        limits: dict[str, Any] = {"gt" if self.above else "ge": self.low}
        if self.high < math.inf:
            limits["le"] = self.high
        if schema["type"] == "float":
            limits["allow_inf_nan"] = False
        return schema | limits


Count = Annotated[int, Within(1)]
Size = Annotated[int, Within(0)]
Share = Annotated[float, Within(0, 1)]
Positive = Annotated[float, Within(0, above=True)]
NotNegative = Annotated[float, Within(0)]


@dataclass(frozen=True, slots=True)
class Reader:
    """Builds dataclasses from JSON.

    Attributes:
        where: What an error names: the file.
        error: Kind of error to raise.
        remedy: What an error says to do.
    """

    where: str
    error: type[PipelineError]
    remedy: str = ""

    def build(self, kind: type[Record], value: Any, key: str = "") -> Record:
        """Build a dataclass from a JSON object.

        Args:
            kind: The dataclass.
            value: The object; a key may be left out where its field has a default.
            key: Where the object stands in the file.

        Raises:
            PipelineError: Of the kind `error`: a key is missing or unknown, or a value is of another type
                or outside its range.
        """
        if not isinstance(value, Mapping):
            self._refuse(key or "the file", value, "an object")
        prefix = f"{key}." if key else ""
        known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
        for name in value:
            if name not in known:
                what, remedy = unknown_name("key", f"{prefix}{name}", [prefix + k for k in known])
                raise self.error(what, where=self.where, remedy=remedy)
        given = {}
        for name, item in known.items():
            if name in value and item.init:
                given[name] = self._value(item.type, value[name], prefix + name)
            elif item.init and item.default is MISSING:
                raise self.error(
                    f"{prefix}{name}: is missing", where=self.where, remedy=self.remedy
                )
        try:
            return kind(**given)
        except ValueError as error:
            raise self.error(f"{prefix}{error}", where=self.where, remedy=self.remedy) from None

    def _value(self, kind: Any, value: Any, key: str) -> Any:
        """Return `value` as the annotation `kind` wants it; a union is one of `X | None`."""
        origin, options = get_origin(kind), get_args(kind)
        if origin is UnionType:
            return None if value is None else self._value(options[0], value, key)
        if origin is Annotated:
            return self._number(options[0], value, key, options[1])
        if origin in (tuple, dict):
            return self._items(origin, options, value, key)
        if is_dataclass(kind):
            return self.build(kind, value, key)  # type: ignore[arg-type]
        return self._plain(kind, value, key)

    def _plain(self, kind: Any, value: Any, key: str) -> Any:
        if get_origin(kind) is Literal:
            if value not in get_args(kind):
                self._refuse(key, value, " or ".join(map(repr, get_args(kind))))
        elif kind in (int, float):
            return self._number(kind, value, key, None)
        elif not isinstance(value, kind):
            self._refuse(key, value, "true or false" if kind is bool else "a text")
        return value

    def _items(self, origin: type, options: Any, value: Any, key: str) -> Any:
        """Return a tuple of a list's values, or an object with its values checked."""
        listed = origin is tuple
        if not isinstance(value, list if listed else dict):
            self._refuse(key, value, "a list" if listed else "an object")
        if listed:
            return tuple(self._value(options[0], one, f"{key}.{i}") for i, one in enumerate(value))
        return {name: self._value(options[1], one, f"{key}.{name}") for name, one in value.items()}

    def _number(self, kind: type, value: Any, key: str, limits: Within | None) -> Any:
        name = "a whole number" if kind is int else "a number"
        right = isinstance(value, int if kind is int else int | float)
        if not right or isinstance(value, bool) or not math.isfinite(value):
            self._refuse(key, value, name)
        if limits is not None and value not in limits:
            self._refuse(key, value, f"{name} {limits}")
        return kind(value)

    def _refuse(self, key: str, value: Any, expected: str) -> None:
        raise self.error(
            f"{key}: is {value!r}", where=self.where, expected=expected, remedy=self.remedy
        )
