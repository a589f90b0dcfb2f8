"""YAML texts as plain data, within limits: the only module that uses the YAML library.

No tag constructs anything, and no text can fill the memory: an alias inside an alias inside an alias
makes a file of one kilobyte stand for gigabytes, and brackets 100,000 deep overflow the stack.
"""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode
from ruamel.yaml.representer import SafeRepresenter

from pipeline.errors import ConfigError

MAX_BYTES = 16 << 20
"""Largest text, in bytes."""
MAX_DEPTH = 64
"""Most collections inside one another."""
MAX_REPEATED = 100_000
"""Most nodes that aliases may stand for, all of a text together."""


def parse(text: str, *, where: str, tags: Iterable[str] = (), old: bool = False) -> Any:
    """Parse a YAML text.

    Args:
        text: Of a file, of any revision.
        where: What the errors name.
        tags: Tags that are read as plain mappings or texts; any other tag is an error.
        old: Whether the rules of YAML 1.1 hold (`no` is false, `1e5` a text) instead of those of 1.2,
            which DVC uses (`no` is a text, `1e-5` a number).

    Returns:
        Mappings, lists, texts, numbers, booleans and null; None for an empty text.

    Raises:
        ConfigError: It is not YAML, holds a foreign tag or a duplicate key, or breaks a limit.
    """
    yaml = YAML(typ="safe")
    if old:
        yaml.version = (1, 1)
    yaml.Constructor = _constructor(tags, old)
    try:
        _check_limits(text, where)
        return yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        known = ", ".join(tags)
        raise ConfigError(
            f"not YAML: {error.problem}",
            where=f"{where}, line {line}",
            expected=f"plain YAML with no tags but {known}" if known else "",
        ) from error
    except (YAMLError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise ConfigError(f"not YAML: {error}", where=where) from error


def dump(value: Any, *, tags: Mapping[type, str] | None = None, old: bool = False) -> str:
    """Write plain data as block-style YAML, keys in their own order.

    Args:
        value: What `parse` returns.
        tags: Subclasses of dict that are written with a tag.
        old: Whether the rules of YAML 1.1 hold; lines are then never folded: folding loses spaces.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 1 << 20 if old else 100
    if old:
        yaml.version = (1, 1)
        yaml.allow_unicode = True
    yaml.Representer = _representer(tags or {})
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue().removeprefix("%YAML 1.1\n---\n")


def _check_limits(text: str, where: str) -> None:
    """Look at the events of a text, which takes no stack and little memory, before it is built."""
    if len(text) > MAX_BYTES:
        raise ConfigError(
            f"the text has {len(text)} characters", where=where, expected=f"at most {MAX_BYTES}"
        )
    tally = _Tally()
    for event in YAML(typ="safe").parse(text):
        complaint = tally.add(event)
        if complaint:
            raise ConfigError(complaint, where=f"{where}, line {event.start_mark.line + 1}")


class _Tally:
    """How deep a text is at an event, and how many nodes aliases have stood for until there."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.repeated = 0
        self.open: list[tuple[str | None, int]] = [(None, 0)]  # anchor, and nodes inside

    def add(self, event: Any) -> str:
        """Count one event; return what is wrong with it, or an empty text."""
        match event:
            case CollectionStartEvent():
                self.open.append((event.anchor, 1))
                return f"nested more than {MAX_DEPTH} deep" if len(self.open) > MAX_DEPTH else ""
            case CollectionEndEvent():
                self._close(*self.open.pop())
            case ScalarEvent():
                self._close(event.anchor, 1)
            case AliasEvent():
                if any(anchor == event.anchor for anchor, _ in self.open):
                    return f"'*{event.anchor}' stands for itself"
                size = self.sizes.get(event.anchor, 1)
                self.repeated += size
                self._close(None, size)
        too_many = self.repeated > MAX_REPEATED
        return f"the aliases stand for more than {MAX_REPEATED} values" if too_many else ""

    def _close(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self.sizes[anchor] = size
        above, inside = self.open[-1]
        self.open[-1] = (above, inside + size)


def _constructor(tags: Iterable[str], old: bool) -> Any:
    made: Any = type("Constructor", (SafeConstructor,), {})
    for tag in tags:
        made.add_constructor(tag, _plain)
    if old:
        made.add_constructor("tag:yaml.org,2002:float", _old_float)
    return made


def _plain(constructor: SafeConstructor, node: Any) -> Any:
    if isinstance(node, MappingNode):
        return SafeConstructor.construct_mapping(constructor, node, deep=True)
    return constructor.construct_scalar(node)


def _old_float(constructor: SafeConstructor, node: Any) -> Any:
    """In YAML 1.1 a number without a dot, such as 1e5, is a text; ruamel would make it a number."""
    text = constructor.construct_scalar(node)
    plain = "." in text or "e" not in text.lower()
    return SafeConstructor.construct_yaml_float(constructor, node) if plain else text


def _representer(tags: Mapping[type, str]) -> Any:
    made: Any = type("Representer", (SafeRepresenter,), {})
    for kind, tag in tags.items():
        made.add_representer(
            kind, lambda representer, value, tag=tag: representer.represent_mapping(tag, value)
        )
    return made
