"""XML files as records.

An element becomes an object: attributes as `@name`, child elements by tag, as a list where the tag
repeats in any such element of the file, text of its own as `#text`; an element that is only text
anywhere in the file becomes that text. Nothing outside the file is ever opened. Knows no card.
"""

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from pipeline.errors import SourceError, unknown_name
from pipeline.sources.records import Records, numbered
from pipeline.sources.unfold import unfold
from pipeline.sources.values import frame_of_objects

_DEPTH = 100
_Path = tuple[str, ...]


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    children: list["_Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text, without that of its children, without white space at the ends."""
        return "".join(self.texts).strip()


def read_xml(data: bytes, *, element: str | None, encoding: str | None, where: str) -> Records:
    """Read the elements named `element` as records.

    Args:
        data: The file's bytes.
        element: Tag of one record.
        encoding: Overrides the one that the file declares; None to believe the file.
        where: File, for errors.

    Returns:
        Columns from each record's own attributes, children and text, and one column, named by the root's
        tag, that holds the elements around it: `data.text.text_body` for a record below
        `<data><text>`.

    Raises:
        SourceError: Not well-formed, entities are declared, no such element, or it occurs in several
            places.
    """
    root = _parsed(data, encoding, where)
    shapes = _Shapes(root)
    path = _record_path(shapes, element, where)
    if len(path) == 1:
        value = shapes.value(root, path)
        record = value if isinstance(value, dict) else {"#text": value}
        return numbered(frame_of_objects([record]), where=where)
    shapes.repeat(path)
    frame = frame_of_objects([{root.tag: shapes.value(root, (root.tag,))}])
    return unfold(numbered(frame, where=where), shapes.steps(path), where=where)


def _record_path(shapes: "_Shapes", element: str | None, where: str) -> _Path:
    paths = sorted(path for path in shapes.seen if path[-1] == element)
    if not paths:
        what, remedy = unknown_name("element", element or "", {path[-1] for path in shapes.seen})
        raise SourceError(
            what if element else "which element is a record?",
            where=where,
            remedy=f"set `element` on the card; {remedy}",
        )
    if len(paths) > 1:
        places = ", ".join("/".join(path) for path in paths)
        raise SourceError(f"element '{element}' occurs in several places: {places}", where=where)
    return paths[0]


class _Shapes:
    """Which elements of a file repeat, and which are more than text, by path from the root."""

    def __init__(self, root: _Element) -> None:
        self.seen: set[_Path] = set()
        self.nested: set[_Path] = set()
        self.lists: dict[_Path, set[str]] = {}
        for element, path in _walk(root, (root.tag,)):
            self.seen.add(path)
            if element.attributes or element.children:
                self.nested.add(path)
            for tag, count in Counter(child.tag for child in element.children).items():
                if count > 1:
                    self.repeat((*path, tag))

    def repeat(self, path: _Path) -> None:
        """Take the elements at `path` for lists."""
        self.lists.setdefault(path[:-1], set()).add(path[-1])

    def value(self, element: _Element, path: _Path) -> Any:
        """Return an element as an object, or as its text where all its like are only text."""
        if path not in self.nested:
            return element.text
        value: dict[str, Any] = {f"@{name}": text for name, text in element.attributes.items()}
        lists = self.lists.get(path, set())
        value |= {tag: [] for tag in sorted(lists)}
        for child in element.children:
            inner = self.value(child, (*path, child.tag))
            if child.tag in lists:
                value[child.tag].append(inner)
            else:
                value[child.tag] = inner
        if element.text:
            value["#text"] = element.text
        return value

    def steps(self, path: _Path) -> list[str]:
        """Return the path of a record as steps for `unfold`."""
        steps: list[str] = []
        for length in range(1, len(path) + 1):
            steps.append(path[length - 1])
            if path[length - 1] in self.lists.get(path[: length - 1], ()):
                steps.append("[]")
        return steps


def _walk(element: _Element, path: _Path) -> Iterator[tuple[_Element, _Path]]:
    yield element, path
    for child in element.children:
        yield from _walk(child, (*path, child.tag))


def _parsed(data: bytes, encoding: str | None, where: str) -> _Element:
    builder = _Builder(where)
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.EntityDeclHandler = builder.declared
    parser.SkippedEntityHandler = builder.skipped
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SourceError(
            f"not well-formed XML: {expat.ErrorString(error.code)} in line {error.lineno}, "
            f"column {error.offset + 1}",
            where=where,
            remedy="mend the file, or set its `encoding` on the card",
        ) from error
    except LookupError as error:
        raise SourceError(f"the file declares an {error}", where=where) from error
    return builder.root


class _Builder:
    """Builds the tree of elements from the parser's events."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.top = _Element("", {})
        self.stack = [self.top]

    @property
    def root(self) -> _Element:
        return self.top.children[0]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        element = _Element(tag, attributes)
        self.stack[-1].children.append(element)
        self.stack.append(element)
        if len(self.stack) > _DEPTH:
            raise SourceError(f"elements nested more than {_DEPTH} deep", where=self.where)

    def end(self, tag: str) -> None:
        self.stack.pop()

    def text(self, text: str) -> None:
        self.stack[-1].texts.append(text)

    def declared(self, name: str, *_: Any) -> None:
        raise SourceError(
            f"the file declares the entity '{name}'",
            where=self.where,
            expected="no entity declarations, which can be made to fill the memory",
            remedy="write the text in place of the entity",
        )

    def skipped(self, name: str, is_parameter: bool) -> None:
        text = html.unescape(f"&{name};")
        if not is_parameter and text == f"&{name};":
            raise SourceError(f"the entity '&{name};' is not defined", where=self.where)
        if not is_parameter:
            self.text(text)
