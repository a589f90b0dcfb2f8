"""What DVC has recorded: the runs in dvc.lock, old files in its cache, and what `dvc status` says."""

import configparser
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.config.load import parse_yaml
from pipeline.errors import ArtefactError, ConfigError
from pipeline.provenance.git import earlier_versions

LOCK = "dvc.lock"
FOLDER = ".dir"
"""Ends the MD5 of a folder, which is the MD5 of the JSON list of its files."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run of a stage: the MD5 of what it read and wrote, by path."""

    deps: Mapping[str, str]
    outs: Mapping[str, str]


Lock = Mapping[str, Record]
"""The last run of every stage, by the stage's name."""


@cache
def parse_lock(text: str) -> Lock:
    """Return the records of a dvc.lock, the same object for the same text.

    Raises:
        ConfigError: It is no YAML, or cut off.
    """
    value = parse_yaml(text or "{}", where=LOCK)
    try:
        return {
            name: Record(
                *({e["path"]: str(e["md5"]) for e in entry.get(kind) or ()} for kind in _KINDS)
            )
            for name, entry in (value.get("stages") or {}).items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(
            "is damaged or cut off",
            where=LOCK,
            remedy="run `git checkout dvc.lock`, or `dvc repro`",
        ) from error


_KINDS = ("deps", "outs")


def locks() -> Iterator[Lock]:
    """Yield the present dvc.lock, then the committed ones, the newest first."""
    path = Path(LOCK)
    yield parse_lock(path.read_text("utf-8")) if path.exists() else {}
    for text in earlier_versions(LOCK):
        try:
            yield parse_lock(text)
        except ConfigError:
            continue


def md5(content: bytes) -> str:
    """Return the MD5 of some bytes, in hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def folder_md5(files: Mapping[str, str]) -> str:
    """Return the MD5 of a folder, as DVC records it, from those of its files by relative path."""
    entries = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    return md5(json.dumps(entries, sort_keys=True).encode()) + FOLDER


def recorded_files(path: str, digest: str) -> dict[str, str] | None:
    """Return the MD5 of each recorded file, by path: of a folder its files, else the one file.

    None where DVC's cache no longer has the list of a folder.
    """
    if not digest.endswith(FOLDER):
        return {path: digest}
    content = cached(digest)
    if content is None:
        return None
    return {f"{path}/{entry['relpath']}": entry["md5"] for entry in json.loads(content)}


def recorded_content(path: str, digest: str) -> bytes | None:
    """Return a recorded file: the one on disk where it still has this MD5, else from the cache."""
    there = Path(path)
    content = there.read_bytes() if there.is_file() else b""
    return content if md5(content) == digest else cached(digest)


def cached(digest: str) -> bytes | None:
    """Return what DVC's cache has under an MD5; None where it has nothing."""
    if not re.fullmatch(rf"[0-9a-f]{{32}}({re.escape(FOLDER)})?", digest):
        return None
    path = _cache_folder() / digest[:2] / digest[2:]
    return path.read_bytes() if path.is_file() else None


def _cache_folder() -> Path:
    folder = Path(".dvc/cache")
    for name in (".dvc/config", ".dvc/config.local"):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(name, encoding="utf-8")
        except configparser.Error:
            continue
        if parser.has_option("cache", "dir"):
            folder = Path(".dvc", parser.get("cache", "dir").strip())
    return folder / "files" / "md5"


@dataclass(frozen=True, slots=True)
class Changed:
    """What differs from the last run of one stage, as `dvc status` sees it.

    Attributes:
        deps: `modified`, `deleted` or `new`, by path.
        outs: The same.
        command: Whether dvc.yaml has another command.
    """

    deps: Mapping[str, Any] = field(default_factory=dict)
    outs: Mapping[str, Any] = field(default_factory=dict)
    command: bool = False


Status = Mapping[str, Changed]
"""What `dvc status` sees, by stage; stages that did not change are left out."""


def dvc_status() -> Status:
    """Return what `dvc status` says of the active mixture.

    Raises:
        ArtefactError: DVC cannot say.
    """
    found = json.loads(run_dvc("status", "--json") or b"{}")
    return {name: _changed(entries) for name, entries in found.items()}


def run_dvc(*arguments: str) -> bytes:
    """Run one DVC command and return what it prints.

    Raises:
        ArtefactError: It fails.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", errors="replace").strip()
        raise ArtefactError(said.removeprefix("ERROR: "), where=f"dvc {arguments[0]}")
    return done.stdout


def _changed(entries: Any) -> Changed:
    found: dict[str, Any] = {}
    for entry in entries:
        found |= entry if isinstance(entry, dict) else {entry: True}
    return Changed(
        found.get("changed deps", {}), found.get("changed outs", {}), "changed command" in found
    )
