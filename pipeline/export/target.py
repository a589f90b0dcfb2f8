"""The folder of an export: which export it belongs to, which shards are complete, its manifest.

While an export runs, `.export/` holds its recipe and a note for each shard that is complete. The
manifest is written last; then `.export/` is removed.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.contract.files import read_json, sha256, write_json
from pipeline.errors import ArtefactError
from pipeline.export.request import Request, Shard

MANIFEST = "manifest.json"
SCRATCH = ".export"

Note = Mapping[str, Any]
"""What is known of a shard that is done: `file`, `rows`, `bytes`, `sha256`."""


def scratch(folder: Path) -> Path:
    """Return the folder that exists only while an export is unfinished."""
    return folder / SCRATCH


def check(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Check that a folder is new, empty, or holds this very export, before anything is written to it.

    Raises:
        ArtefactError: It is a file, or holds someone else's files, or another export; names what
            differs.
    """
    if folder.exists() and not folder.is_dir():
        raise ArtefactError("is a file", where=str(folder), expected="a new or empty folder")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there and not there & {MANIFEST, SCRATCH}:
        raise ArtefactError(
            f"holds {sorted(there)[0]} and is no export",
            where=str(folder),
            expected="a new or empty folder, or one with an unfinished export of the same mixture",
            remedy="choose another folder",
        )
    for path in (folder / MANIFEST, scratch(folder) / "recipe.json"):
        if path.exists():
            _refuse_other(read_json(path), recipe, folder)


def claim(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Make the folder this export's own, or find that it is already; see `check` for the errors."""
    check(folder, recipe)
    if not (folder / MANIFEST).exists():
        write_json(recipe, scratch(folder) / "recipe.json")


def _refuse_other(there: Any, recipe: Mapping[str, Any], folder: Path) -> None:
    if not isinstance(there, dict):
        there = {}
    differing = [key for key in recipe if there.get(key) != recipe[key]]
    if not differing:
        return
    shown = [f"{key} {_short(there.get(key))} against {_short(recipe[key])}" for key in differing]
    raise ArtefactError(
        f"holds another export: {'; '.join(shown)}",
        where=str(folder),
        expected="a new or empty folder, or one with an unfinished export of the same mixture",
        remedy="choose another folder, or delete this one",
    )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"of {len(value)} tasks" if "sha256" not in value else str(value["sha256"])[:12]
    return str(value)


def done(folder: Path, shards: Sequence[Shard]) -> dict[int, Note]:
    """Return the notes of the shards that are there whole, by index; reads and hashes them."""
    notes = _notes(folder)
    return {
        shard.index: notes[shard.file]
        for shard in shards
        if shard.file in notes and _is_whole(folder / shard.file, notes[shard.file])
    }


def _notes(folder: Path) -> dict[str, Note]:
    manifest = folder / MANIFEST
    finished = read_json(manifest)["shards"] if manifest.exists() else []
    running = [read_json(path) for path in sorted(scratch(folder).glob("shard-*.json"))]
    return {note["file"]: note for note in [*finished, *running]}


def _is_whole(path: Path, note: Note) -> bool:
    if not path.is_file() or path.stat().st_size != note["bytes"]:
        return False
    return bool(sha256(path) == note["sha256"])


def note_done(folder: Path, shard: Shard, *, rows: int) -> Note:
    """Hash a shard that was just written, and note that it is done."""
    path = folder / shard.file
    note = {
        "file": shard.file,
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
    }
    write_json(note, scratch(folder) / f"shard-{shard.index:05d}.json")
    return note


def finish(folder: Path, request: Request, notes: Sequence[Note], digest: str) -> None:
    """Write the manifest, the last file of an export, and remove what was needed on the way."""
    rows = sum(note["rows"] for note in notes)
    manifest = request.recipe() | {
        "mixture_sha256": digest,
        "rows": rows,
        "without_target": request.positions - rows,
        "tasks": [
            {"task": draw.task, "rows": draw.rows, "quota": draw.quota}
            | asdict(request.sources[draw.task])
            for draw in request.draws
        ],
        "shards": list(notes),
    }
    write_json(manifest, folder / MANIFEST)
    shutil.rmtree(scratch(folder), ignore_errors=True)
