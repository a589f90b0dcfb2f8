"""XML files as records.

An element becomes an object: attributes as `@name`, child elements by tag, as a list where the tag
repeats in any such element of the file, and its text as `#text`. An element that is only text
anywhere in the file becomes that text. Nothing outside the file is ever opened.
"""

import html
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lxml import etree

from pipeline.errors import SourceError, unknown_name
from pipeline.sources.records import Records, numbered
from pipeline.sources.unfold import unfold
from pipeline.sources.values import frame_of_objects

_Path = tuple[str, ...]


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
        `<data><text>`. Where text follows an element inside its parent anywhere in the file, as in
        `<p>a <b>big</b> dog</p>`, the `#text` of all such parents is their whole text as one reads it.

    Raises:
        SourceError: Not well-formed, entities are declared, no such element, or it occurs in several
            places.
    """
    root = _parsed(data, encoding, where)
    shapes = _Shapes(root)
    path = _record_path(shapes, element, where)
    value = shapes.value(root, path[:1])
    if len(path) == 1:
        record = value if isinstance(value, dict) else {"#text": value}
        return numbered(frame_of_objects([record]), where=where)
    shapes.repeat(path)
    frame = frame_of_objects([{path[0]: shapes.value(root, path[:1])}])
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

    def __init__(self, root: Any) -> None:
        self.seen: set[_Path] = set()
        self.nested: set[_Path] = set()
        self.mixed: set[_Path] = set()
        self.lists: dict[_Path, set[str]] = {}
        for element, path in _walk(root, (_name(root, root.tag),)):
            self.seen.add(path)
            children = Counter(_name(child, child.tag) for child in _elements(element))
            if element.attrib or children:
                self.nested.add(path)
            if any((child.tail or "").strip() for child in _elements(element)):
                self.mixed.add(path)
            for tag, count in children.items():
                if count > 1:
                    self.repeat((*path, tag))

    def repeat(self, path: _Path) -> None:
        """Take the elements at `path` for lists."""
        self.lists.setdefault(path[:-1], set()).add(path[-1])

    def value(self, element: Any, path: _Path) -> Any:
        """Return an element as an object, or as its text where all its like are only text."""
        text = _text(element, mixed=path in self.mixed).strip()
        if path not in self.nested:
            return text
        value: dict[str, Any] = {
            f"@{_name(element, name)}": text for name, text in element.attrib.items()
        }
        lists = self.lists.get(path, set())
        value |= {tag: [] for tag in sorted(lists)}
        for child in _elements(element):
            tag = _name(child, child.tag)
            inner = self.value(child, (*path, tag))
            if tag in lists:
                value[tag].append(inner)
            else:
                value[tag] = inner
        if text:
            value["#text"] = text
        return value

    def steps(self, path: _Path) -> list[str]:
        """Return the path of a record as steps for `unfold`."""
        steps: list[str] = []
        for length in range(1, len(path) + 1):
            steps.append(path[length - 1])
            if path[length - 1] in self.lists.get(path[: length - 1], ()):
                steps.append("[]")
        return steps


def _walk(element: Any, path: _Path) -> Iterator[tuple[Any, _Path]]:
    yield element, path
    for child in _elements(element):
        yield from _walk(child, (*path, _name(child, child.tag)))


def _elements(element: Any) -> list[Any]:
    """Return an element's child elements; an entity, whose tag is no text, is none."""
    return [child for child in element if isinstance(child.tag, str)]


def _name(element: Any, name: str) -> str:
    """Return a tag or an attribute's name as the file writes it, with the prefix of its namespace."""
    if not name.startswith("{"):
        return name
    uri, _, local = name[1:].partition("}")
    prefixes = [prefix for prefix, known in element.nsmap.items() if known == uri]
    prefix = "xml" if uri == "http://www.w3.org/XML/1998/namespace" else prefixes[0]
    return f"{prefix}:{local}" if prefix else local


def _text(element: Any, *, mixed: bool) -> str:
    """Return an element's own text; where it is `mixed`, with that of its elements between."""
    parts = [element.text or ""]
    for child in element:
        if child.tag is etree.Entity:
            parts.append(html.unescape(child.text))
        elif mixed:
            parts.append(_text(child, mixed=True))
        parts.append(child.tail or "")
    return "".join(parts)


_PARSER = {
    "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False,
    "remove_comments": True, "remove_pis": True,
}  # fmt: skip


def _parsed(data: bytes, encoding: str | None, where: str) -> Any:
    """Parse without opening anything else, within the limits that libxml2 has on depth and size.

    Entities must be refused though they are not resolved: in attributes libxml2 resolves them.
    """
    parser = etree.XMLParser(encoding=encoding, **_PARSER)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(
            f"not well-formed XML: {error.msg}",
            where=where,
            remedy="mend the file, or set its `encoding` on the card",
        ) from error
    subset = root.getroottree().docinfo.internalDTD
    for entity in [] if subset is None else subset.iterentities():
        raise SourceError(
            f"the file declares the entity '{entity.name}'",
            where=where,
            expected="no entity declarations, which can be made to fill the memory",
            remedy="write the text in place of the entity",
        )
    entities = [entity.text for entity in root.iter(etree.Entity)]
    unknown = [entity for entity in entities if html.unescape(entity) == entity]
    undefined = [entry for entry in parser.error_log if "WAR_UNDECLARED" in entry.type_name]
    if unknown:
        raise SourceError(f"the entity '{unknown[0]}' is not defined", where=where)
    if len(undefined) > len(entities):  # libxml2 leaves them out of attributes
        raise SourceError(
            "an attribute holds an entity that is not defined",
            where=f"{where}, line {undefined[0].line} or later",
            remedy="write the text in place of the entity",
        )
    return root
