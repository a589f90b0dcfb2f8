"""What `causes` looks up: present hashes, old contents from DVC's cache, old code from Git."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.comparison import git
from pipeline.comparison.causes import Cause, Kind
from pipeline.comparison.changes import Change, changes
from pipeline.comparison.digests import (
    FOLDER,
    file_md5,
    listing_from_json,
    listing_md5,
    listing_of,
    md5,
    path_md5,
)
from pipeline.comparison.dvc_files import Record, cache_folder, cached, records
from pipeline.config.load import parse_yaml
from pipeline.errors import ConfigError

_MOST_COMMITS = 100
"""Commits that are searched for the code, or the lock, of an earlier run."""

_GONE = "what it held before is gone from DVC's cache"
_NOT_COMMITTED = "the code that it was built with is in none of the last commits"


class Evidence:
    """The world of one project, for `causes.Lookups`; remembers every hash that it takes."""

    def __init__(
        self,
        *,
        lock: Mapping[str, Record],
        resolved: Mapping[str, str],
        resolved_folders: tuple[str, ...],
        ignore: tuple[str, ...],
        kind_of: Callable[[str, str], Kind],
        code_of: Callable[[str, Mapping[str, bytes]], str],
        code_paths: tuple[str, ...],
    ) -> None:
        """Keep what is known.

        Args:
            lock: The records of dvc.lock.
            resolved: Text that `resolve` would write now, by path.
            resolved_folders: Folders whose files it writes.
            ignore: Lines of `.dvcignore`.
            kind_of: From a resolved file and a key in it to the kind of cause.
            code_of: From a resolved file and the code, content by path, to the hash that the file
                would hold of it.
            code_paths: Files and folders of that code.
        """
        self._lock, self._resolved, self._ignore = lock, resolved, ignore
        self._folders = tuple(map(PurePosixPath, resolved_folders))
        self._kind_of, self._code_of, self._code_paths = kind_of, code_of, code_paths
        self._hashes: dict[str, str | None] = {}
        self._blobs: dict[str, bytes] = {}

    def present(self, path: str) -> str | None:
        """See `causes.Lookups`."""
        if path in self._resolved:
            return md5(self._resolved[path].encode())
        if path not in self._hashes:
            self._hashes[path] = path_md5(Path(path), ignore=self._ignore)
        return self._hashes[path]

    def is_resolved(self, path: str) -> bool:
        """See `causes.Lookups`."""
        return any(PurePosixPath(path).is_relative_to(folder) for folder in self._folders)

    def record(self, stage: str) -> Record | None:
        """See `causes.Lookups`."""
        return self._lock.get(stage)

    def earlier(self, stage: str, dep: str, digest: str) -> Mapping[str, Record]:
        """See `causes.Lookups`: looks through the committed locks, newest first."""
        for lock in self._old_locks:
            if stage in lock and lock[stage].deps.get(dep) == digest:
                makers = [record for record in lock.values() if dep in record.outs]
                if all(record.outs[dep] == digest for record in makers):
                    return lock
        return {}

    def maker(self, stage: str, out: str, digest: str) -> Record | None:
        """Return the newest record of a run of `stage` that wrote `out` with this MD5."""
        for lock in ({**self._lock}, *self._old_locks):
            if stage in lock and lock[stage].outs.get(out) == digest:
                return lock[stage]
        return None

    @cached_property
    def _old_locks(self) -> list[dict[str, Record]]:
        locks = []
        for commit in git.history(["dvc.lock"], most=_MOST_COMMITS):
            text = git.read_files(commit, ["dvc.lock"]).get("dvc.lock")
            try:
                locks.append(records(parse_yaml((text or b"").decode(), where="dvc.lock")))
            except ConfigError:
                continue
        return locks

    def altered(self, out: str, written: str) -> tuple[Change, ...]:
        """See `causes.Lookups`."""
        listing = cached(cache_folder(Path()), written)
        if listing is None or not written.endswith(FOLDER) or not Path(out).is_dir():
            return ()
        now = listing_of(Path(out), ignore=self._ignore)
        return changes(listing_from_json(listing), now)

    def stale_settings(self) -> list[Cause]:
        """Return what differs between the resolved files that are there and those that would be now."""
        found = []
        for path in self._resolved:
            there = file_md5(Path(path)) if Path(path).exists() else None
            if there != self.present(path):
                found += self.explain(path, there) if there else [Cause("missing", path)]
        return found

    def explain(self, path: str, recorded: str | None) -> list[Cause]:
        """See `causes.Lookups`."""
        if not self.is_resolved(path):
            return [self._changed_code(path, recorded)]
        old = self._content(path, recorded)
        if old is None or path not in self._resolved:
            return [Cause("unknown", path, note=_GONE)]
        by_kind: dict[Kind, list[Change]] = {}
        for change in changes(json.loads(old), json.loads(self._resolved[path])):
            by_kind.setdefault(self._kind_of(path, change.key), []).append(change)
        return [
            self._changed_own_code(path, found[0].before)
            if kind == "code"
            else Cause(kind, path, tuple(found))
            for kind, found in by_kind.items()
        ]

    def _content(self, path: str, digest: str | None) -> bytes | None:
        """Return a file's old content: from the file itself where it is still that, else the cache."""
        if digest is None:
            return None
        if Path(path).is_file() and file_md5(Path(path)) == digest:
            return Path(path).read_bytes()
        return cached(cache_folder(Path()), digest)

    def _changed_code(self, path: str, recorded: str | None) -> Cause:
        if recorded is None:
            return Cause("code", path, note="a new dependency of the stage in dvc.yaml")
        if not Path(path).exists():
            return Cause("missing", path)
        if not recorded.endswith(FOLDER):
            return Cause("code", path, (Change(path, recorded, self.present(path)),))
        now = listing_of(Path(path), ignore=self._ignore)
        known = cached(cache_folder(Path()), recorded)
        if known is not None:
            return Cause("code", path, changes(listing_from_json(known), now))
        for commit in git.history([path], most=_MOST_COMMITS):
            files = self._files(commit, [path])
            old = {_below(name, path): md5(content) for name, content in files.items()}
            if listing_md5(old) == recorded:
                return Cause("code", path, changes(old, now), note=f"since commit {commit[:10]}")
        return Cause("code", path, note=_NOT_COMMITTED)

    def _changed_own_code(self, path: str, recorded: Any) -> Cause:
        """Say which files of the code differ whose hash stands in a resolved file."""
        what = "code that reads and normalises"
        now = {name: md5(content) for name, content in self._code_now.items()}
        for commit in git.history(self._code_paths, most=_MOST_COMMITS):
            files = self._files(commit, self._code_paths)
            if self._code_of(path, files) == recorded:
                old = {name: md5(content) for name, content in files.items()}
                return Cause("code", what, changes(old, now), note=f"since commit {commit[:10]}")
        return Cause("code", what, note=_NOT_COMMITTED)

    @cached_property
    def _code_now(self) -> dict[str, bytes]:
        roots = [Path(path) for path in self._code_paths]
        files = [f for root in roots for f in (root.rglob("*") if root.is_dir() else [root])]
        return {
            f.as_posix(): f.read_bytes()
            for f in files
            if f.is_file() and "__pycache__" not in f.parts
        }

    def _files(self, commit: str, paths: tuple[str, ...] | list[str]) -> dict[str, bytes]:
        """Return the contents of files of a commit, by path."""
        found = {
            name: blob for path in paths for name, blob in git.files_below(commit, path).items()
        }
        new = set(found.values()) - set(self._blobs)
        self._blobs |= git.blobs(new) if new else {}
        return {name: self._blobs[blob] for name, blob in found.items()}


def _below(name: str, folder: str) -> str:
    return PurePosixPath(name).relative_to(folder).as_posix()
