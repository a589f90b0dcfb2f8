"""DVC's own files, read without DVC: the stages, what the lock records of them, the cache.

Knows dvc.yaml as this project writes it: `${key}` in paths, `foreach` over a mapping.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.comparison.digests import FOLDER
from pipeline.errors import ConfigError

_KEY = re.compile(r"\$\{([a-z0-9_.]+)\}")


@dataclass(frozen=True, slots=True)
class Stage:
    """What dvc.yaml says of one stage."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What dvc.lock says of one run of a stage: MD5 by path."""

    deps: Mapping[str, str]
    outs: Mapping[str, str]
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By file."""


def stages(walk: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Stage]:
    """Return the stages of a dvc.yaml, by name, `foreach` ones as `name@key`.

    Args:
        walk: Its content.
        values: What `${...}` stands for: params.yaml with the mixture card laid over it.

    Raises:
        ConfigError: A path names a key that there is none of.
    """
    result = {}
    for name, entry in (walk.get("stages") or {}).items():
        if "foreach" not in entry:
            result[name] = _stage(name, entry, values)
            continue
        over = _value(entry["foreach"].strip("${}"), values)
        for key in over:
            each = f"{name}@{key}"
            result[each] = _stage(each, entry["do"], {**values, "key": key})
    return result


def _stage(name: str, entry: Mapping[str, Any], values: Mapping[str, Any]) -> Stage:
    return Stage(name, _paths(entry.get("deps"), values), _paths(entry.get("outs"), values))


def _paths(entries: Any, values: Mapping[str, Any]) -> tuple[str, ...]:
    # an entry with options is a mapping of one path
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries or ()]
    return tuple(_KEY.sub(lambda found: str(_value(found[1], values)), path) for path in paths)


def _value(key: str, values: Mapping[str, Any]) -> Any:
    value: Any = values
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise ConfigError(f"${{{key}}} stands for nothing", where="dvc.yaml")
        value = value[part]
    return value


def records(lock: Mapping[str, Any]) -> dict[str, Record]:
    """Return what a dvc.lock records, by stage."""
    return {
        name: Record(
            deps=_hashes(entry.get("deps")),
            outs=_hashes(entry.get("outs")),
            params=entry.get("params") or {},
        )
        for name, entry in (lock.get("stages") or {}).items()
    }


def _hashes(entries: Any) -> dict[str, str]:
    return {entry["path"]: str(entry.get("md5", "")) for entry in entries or ()}


def cache_folder(root: Path) -> Path:
    """Return where DVC keeps the files that it recorded, by its two configuration files."""
    folder = root / ".dvc" / "cache"
    for name in ("config", "config.local"):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(root / ".dvc" / name, encoding="utf-8")
        except configparser.Error:
            continue
        if parser.has_option("cache", "dir"):
            folder = root / ".dvc" / parser.get("cache", "dir").strip()
    return folder / "files" / "md5"


def cached(folder: Path, digest: str) -> bytes | None:
    """Return a file of the cache, or a folder's listing; null where it is gone or never was there."""
    if not re.fullmatch(rf"[0-9a-f]{{32}}({re.escape(FOLDER)})?", digest):
        return None
    path = folder / digest[:2] / digest[2:]
    return path.read_bytes() if path.is_file() else None
