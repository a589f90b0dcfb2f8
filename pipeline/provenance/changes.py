"""Two nested mappings side by side: which keys have other values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import visible


class _Absent:
    """Stands for a key that is not there, which is not the same as null."""

    def __repr__(self) -> str:
        return "(none)"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """One key whose value is another; `ABSENT` where it is missing."""

    key: str
    """With dots between the levels."""
    before: Any
    after: Any

    def json(self) -> dict[str, Any]:
        """Return it as plain values; a side that is absent is left out."""
        sides = {"before": self.before, "after": self.after}
        return {"key": self.key} | {k: v for k, v in sides.items() if v is not ABSENT}

    def __str__(self) -> str:
        """Word it for a person: `key: before -> after`."""
        return f"{self.key}: {shown(self.before)} -> {shown(self.after)}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the keys that differ, in name order; a list of plain values counts as one value."""
    old, new = flat(before), flat(after)
    keys = sorted(old.keys() | new.keys())
    pairs = [(key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys]
    return tuple(Change(key, b, a) for key, b, a in pairs if not _same(b, a))


def _same(before: Any, after: Any) -> bool:
    # True == 1 in Python, and neither stands for the other in a card
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots; an empty one vanishes.

    Of a list of mappings the places, from 0, are keys.
    """
    result: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{prefix}{key}"
        plain = list(inner) if isinstance(inner, tuple) else inner
        if isinstance(plain, list) and any(isinstance(item, Mapping) for item in plain):
            plain = dict(enumerate(plain))
        if isinstance(plain, Mapping):
            result |= flat(plain, f"{name}.")
        else:
            result[name] = plain
    return result


_SHOWN = 60


def shown(value: Any) -> str:
    """Word a value on one line; a hash or a long text is shortened."""
    if value is None or value is ABSENT:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10_000:
        return str(int(value))
    text = " ".join(visible(str(value)).split()) or "(empty)"
    if len(text) >= 32 and set(text) <= set("0123456789abcdef"):
        return text[:12]
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 5].rstrip()} [...]"
