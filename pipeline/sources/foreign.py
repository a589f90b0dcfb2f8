"""What a file is that is no data file of the expected format, by its first bytes.

Pointers of version stores, web pages, archives, compressed bytes and other formats are named, with
what to do; they are never read as text.
"""

import re

from pipeline.config.source import Format
from pipeline.errors import SourceError

_FETCH = "fetch the real file: {how}"
_UNPACK = "unpack it, and name the files in it"
_HEAD = 4096
_TAR = 257

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}
_OTHER = {
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x80\x02": "a pickle, which could run code when it is read",
    b"\x80\x03": "a pickle, which could run code when it is read",
    b"\x80\x04": "a pickle, which could run code when it is read",
    b"\x80\x05": "a pickle, which could run code when it is read",
}
_POINTERS = (
    (re.compile(rb"version https://git-lfs\.github\.com/spec/"), "Git LFS", "`git lfs pull`"),
    (re.compile(rb"(/annex/objects/|\.git/annex/)\S+\s*\Z"), "git-annex", "`git annex get`"),
    (re.compile(rb"(outs:|md5:)[^\0]*\bpath: "), "DVC", "`dvc pull`"),
)
_PAGE = re.compile(
    rb"\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_BINARY: dict[bytes, Format] = {b"PAR1": "parquet", b"ARROW1": "arrow"}


def refuse_foreign(data: bytes, kind: Format, *, where: str) -> None:
    """Refuse bytes that are plainly no file of the expected format.

    Args:
        data: Of the file, decompressed where its name ends in `.gz`.
        kind: The expected format.
        where: File, for errors.

    Raises:
        SourceError: Naming what the file is.
    """
    head = data[:_HEAD]
    what, remedy = _packed(head) or _pointer(data, head) or _other(head, kind) or ("", "")
    if what:
        raise SourceError(f"is {what}, not {kind}", where=where, remedy=remedy)


def _packed(head: bytes) -> tuple[str, str] | None:
    if head[_TAR : _TAR + 5] == b"ustar":
        return "a tar archive", _UNPACK
    for mark, name in _PACKED.items():
        if not head.startswith(mark):
            continue
        if name == "zip" and b"[Content_Types].xml" in head:
            return "an Office document", "save its table as csv"
        if name in ("zip", "7z", "rar"):
            return f"a {name} archive, which is not read", _UNPACK
        ending = ", or end its name in .gz" if name == "gzip" else ""
        return f"compressed by {name}", f"decompress it{ending}"
    return None


def _pointer(data: bytes, head: bytes) -> tuple[str, str] | None:
    if len(data) > _HEAD:
        return None
    for pattern, store, command in _POINTERS:
        if pattern.match(head):
            return f"a pointer of {store}", _FETCH.format(how=command)
    return None


def _other(head: bytes, kind: Format) -> tuple[str, str] | None:
    for mark, name in _OTHER.items():
        if head.startswith(mark):
            return name, "export its table as csv, jsonl or parquet"
    if _PAGE.match(head):
        return "an HTML page", "fetch the file itself; a login or an error page was saved instead"
    for mark, name in _BINARY.items():
        if head.startswith(mark) and kind != name:
            return f"a file of the format {name}", f"set `format: {name}` on the card"
    if kind == "parquet" and not head.startswith(b"PAR1"):
        return "no Parquet file, by its first bytes", "set `format` on the card to what it is"
    if kind not in ("xml", "lines") and head.lstrip().startswith(b"<?xml"):
        return (
            "an XML file",
            "set `format: xml` on the card, or fetch it again if this is an error page",
        )
    return None
