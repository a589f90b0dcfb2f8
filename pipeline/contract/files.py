"""JSON and Arrow files: written whole and byte-stable, read with a check; hashes of files.

A file appears under its name only when it is complete.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from pipeline.errors import ArtefactError

REMEDY = "run `dvc repro`, which makes what is missing; delete the folder first if it is damaged"

_NO_SPACE = "free some space and run it again; what was there before is still there"
_NOT_ALLOWED = "make it writable, or choose another place"
_BLOCKED = "a file lies where a folder should be: move it away"
_CANNOT_WRITE = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: "raise the limit on the size of files (`ulimit -f`)",
    errno.EROFS: _NOT_ALLOWED,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.ENOTDIR: _BLOCKED,
    errno.EEXIST: _BLOCKED,
}
"""What the system says of a place that takes no file, and what to do about it."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Word what the system says when `path`, or a temporary file for it, cannot be written.

    Raises:
        ArtefactError: No space, no permission, too large, or a file in the way. Any other error, and
            one about a file elsewhere, passes as it is.
    """
    try:
        yield
    except Exception as error:
        number = _os_error(error)
        place = getattr(error, "filename", None)
        elsewhere = place is not None and not Path(str(place)).is_relative_to(path.parent)
        if number not in _CANNOT_WRITE or (elsewhere and number == errno.EACCES):
            raise
        raise ArtefactError(
            f"cannot be written: {os.strerror(number)}",
            where=str(path),
            remedy=_CANNOT_WRITE[number],
        ) from error


def _os_error(error: Exception) -> int:
    """Return the system's number of an error, also of a Rust library's that only words it; else 0."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else 0


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    The temporary name is unique, so that two writers never share one, and it is removed when the
    block fails. What a killed writer of the same file left behind is removed first.

    Raises:
        ArtefactError: The file cannot be written (see `writing`); what was there is still there.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
        try:
            with temporary.open("wb") as held:
                _is_mine(held.fileno())
                yield temporary
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove temporary files for `path` that no living process holds."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.tmp")
    for entry in os.scandir(path.parent):
        if name.fullmatch(entry.name):
            with suppress(OSError), Path(entry.path).open("ab") as stale:
                if _is_mine(stale.fileno()):
                    Path(entry.path).unlink(missing_ok=True)


def _is_mine(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write `table` to `path` as an Arrow IPC file of one record batch, for memory mapping."""
    whole = table.combine_chunks()
    with whole_file(path) as temporary, ipc.new_file(str(temporary), whole.schema) as writer:
        for batch in whole.to_batches() or [_empty_batch(whole.schema)]:
            writer.write_batch(batch)


def _empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def read_arrow(path: Path, schema: pa.Schema | None = None) -> pa.RecordBatch:
    """Memory-map the one record batch of an Arrow IPC file; check that its lists lie inside it.

    Args:
        path: The file.
        schema: Columns that it must have, and their types. More columns are allowed.

    Raises:
        ArtefactError: The file is missing, truncated or damaged, has several batches, or lacks a
            column. Values that changed in place are found by their hash alone.
    """
    require(path)
    try:
        file = ipc.open_file(pa.memory_map(str(path)))
        batches = [file.get_batch(index) for index in range(file.num_record_batches)]
        for batch in batches:
            batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ArtefactError(
            f"not a readable Arrow file: {error}", where=str(path), remedy=REMEDY
        ) from error
    if len(batches) != 1:
        raise ArtefactError(
            f"has {len(batches)} record batches", where=str(path), expected="one", remedy=REMEDY
        )
    for field in schema or ():
        index = batches[0].schema.get_field_index(field.name)
        found = batches[0].schema.field(index).type if index >= 0 else None
        if found != field.type:
            raise ArtefactError(
                f"column '{field.name}' is {found or 'missing'}",
                where=str(path),
                expected=str(field.type),
                remedy=REMEDY,
            )
    return batches[0]


def write_json(value: Mapping[str, Any] | list[Any], path: Path) -> None:
    """Write `value` to `path` as JSON: sorted keys, two spaces, no NaN, a newline at the end."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ArtefactError: The file is missing or not JSON.
    """
    require(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(f"not JSON: {error}", where=str(path), remedy=REMEDY) from error


def require(path: Path) -> None:
    """Raise an `ArtefactError` that names the missing file or folder, if `path` does not exist."""
    if not path.exists():
        raise ArtefactError("does not exist", where=str(path), remedy=REMEDY)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        ArtefactError: The file is missing.
    """
    require(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
