"""Files of other stages, opened with a check: JSON manifests, Arrow files, their hashes.

The trainer's own reader, since it runs where the pipeline's tables module does not.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from pipeline.errors import ArtefactError

REMEDY = "run `dvc repro`, which makes what is missing; delete the folder first if it is damaged"


def read_manifest(
    folder: Path, *, version: int, keys: Sequence[str], view: str | None = None
) -> dict[str, Any]:
    """Read `manifest.json` of a folder.

    Args:
        folder: The folder.
        version: That it must have.
        keys: That it must have.
        view: Of the tokens, where it is a manifest of tokens: `choice` where it names none.

    Raises:
        ArtefactError: It is missing, not JSON, of another version or view, or lacks one of `keys`.
    """
    path = folder / "manifest.json"
    manifest = _read_json(path)
    if not isinstance(manifest, dict) or manifest.get("version") != version:
        found = manifest.get("version") if isinstance(manifest, dict) else manifest
        raise ArtefactError(
            f"version: is {found!r}", where=str(path), expected=str(version), remedy=REMEDY
        )
    lacking = [key for key in keys if key not in manifest]
    if lacking:
        raise ArtefactError(
            f"lacks '{lacking[0]}'", where=str(path), expected=", ".join(keys), remedy=REMEDY
        )
    found = manifest.get("view", "choice")
    if view is not None and found != view:
        raise ArtefactError(
            f"holds tokens of the view '{found}'",
            where=str(path),
            expected=f"'{view}'",
            remedy=REMEDY,
        )
    return manifest


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ArtefactError("does not exist", where=str(path), remedy=REMEDY) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(f"not JSON: {error}", where=str(path), remedy=REMEDY) from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        ArtefactError: The file is missing.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ArtefactError("does not exist", where=str(path), remedy=REMEDY) from None


def check_sha256(path: Path, expected: str) -> None:
    """Compare a file with the hash that its manifest gives.

    Raises:
        ArtefactError: It is missing, truncated or changed.
    """
    found = sha256(path)
    if found != expected:
        raise ArtefactError(
            f"has SHA-256 {found[:16]}..., so it was truncated or changed",
            where=str(path),
            expected=f"{expected[:16]}..., as its manifest says",
            remedy=REMEDY,
        )


def map_arrow(path: Path, columns: Mapping[str, pa.DataType]) -> pa.RecordBatch:
    """Memory-map the one record batch of an Arrow file.

    Args:
        path: The file.
        columns: Columns that it must have, and their types.

    Raises:
        ArtefactError: It is missing or truncated, has several batches, or lacks a column.
    """
    try:
        file = ipc.open_file(pa.memory_map(str(path)))
        batches = [file.get_batch(index) for index in range(file.num_record_batches)]
    except FileNotFoundError:
        raise ArtefactError("does not exist", where=str(path), remedy=REMEDY) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(
            f"not a readable Arrow file: {error}", where=str(path), remedy=REMEDY
        ) from error
    if len(batches) != 1:
        raise ArtefactError(
            f"has {len(batches)} record batches", where=str(path), expected="one", remedy=REMEDY
        )
    for name, kind in columns.items():
        index = batches[0].schema.get_field_index(name)
        found = batches[0].schema.field(index).type if index >= 0 else None
        if not _same(found, kind):
            raise ArtefactError(
                f"column '{name}' is {found or 'missing'}",
                where=str(path),
                expected=str(kind),
                remedy=REMEDY,
            )
    return batches[0]


def _same(found: pa.DataType | None, expected: pa.DataType) -> bool:
    """Whether two types are the same but for the names and nullability of list items."""
    if found is not None and pa.types.is_large_list(found) and pa.types.is_large_list(expected):
        return _same(found.value_type, expected.value_type)
    return bool(found == expected)
