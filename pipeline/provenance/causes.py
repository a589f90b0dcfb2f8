"""Why an artefact is out of date: what changed first, found from its stage upstream.

Example: a new weight of a task in the mixture card changes data/NAME/recipes/all, which the stage
`plan@compass` read: the cause of a stale `mix@compass` is that key, through `plan@compass`.

A stage's record says with which inputs it ran. What `resolve` writes is compared with what it would
write now, so that an edit is found before anything runs. Of other inputs, the stage that makes them is
looked at next. If that stage ran again since, the committed dvc.lock of the earlier run is used.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from pipeline.config.params import Params
from pipeline.provenance.changes import Change, changes
from pipeline.provenance.records import (
    FOLDER,
    Changed,
    Lock,
    Status,
    folder_md5,
    locks,
    md5,
    recorded_content,
    recorded_files,
)

Kind = Literal[
    "raw bytes", "task card", "hub commit", "mixture card", "prompts", "parameter", "model files",
    "code", "dvc.yaml", "never built", "missing", "changed on disk", "out of step", "unknown",
]  # fmt: skip
RESOLVE = "resolve"
_GONE = "what it held before is gone from DVC's cache"
_REMADE = "was made again since; no committed dvc.lock says from which inputs before"
_PARAMETERS = {
    "seed", "seeds", "batch", "max_tokens", "data_dir", "source", "revision", "rows", "state_rows",
    "threads", *Params.model_fields,
}  # fmt: skip
"""First parts of the keys of settings that come from params.yaml."""
_KINDS: Mapping[str, Kind] = {
    "card": "task card", "files": "raw bytes", "revision": "hub commit", "code": "code",
    "families": "task card", "licences": "task card", "prefixes": "task card",
    "prompts": "prompts", "model_sha256": "model files",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that changed first.

    Attributes:
        kind: What kind of thing it is.
        what: The file or folder that shows it.
        changes: Keys or files that differ, where both sides are known.
        note: What else there is to say.
        chain: Stages from the one that reads it down to the one that was asked about.
    """

    kind: Kind
    what: str
    changes: tuple[Change, ...] = ()
    note: str = ""
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What is known of the present.

    Attributes:
        lock: The present dvc.lock.
        status: What `dvc status` says of the runs in it; None where it does not see the mixture.
        texts: What `resolve` would write now, by path.
    """

    lock: Lock
    status: Status | None
    texts: Mapping[str, str]

    @cached_property
    def folders(self) -> set[str]:
        """The folders that `resolve` writes files into."""
        return {str(PurePosixPath(path).parent) for path in self.texts}

    def is_resolved(self, path: str) -> bool:
        """Whether `resolve` writes this path."""
        return path in self.folders or str(PurePosixPath(path).parent) in self.folders


def find_causes(stage: str, lock: Lock, evidence: Evidence) -> list[Cause]:
    """Return what changed since a stage ran, the nearest first; nothing where it is up to date.

    Args:
        stage: Its name.
        lock: In which the run is recorded, the present or an earlier one.
        evidence: What is known of the present.
    """
    found = [replace(cause, chain=(stage,)) for cause in _damage(stage, lock, evidence)]
    unlike: list[Cause] = []
    queue: deque[tuple[str, Lock, tuple[str, ...]]] = deque([(stage, lock, (stage,))])
    seen = set()
    while queue:
        name, made_by, chain = queue.popleft()
        if (name, id(made_by)) in seen:
            continue
        seen.add((name, id(made_by)))
        for step in _steps(name, made_by, evidence):
            if not isinstance(step, Cause):
                queue.append((*step, (step[0], *chain)))
            elif step.kind == "out of step":
                unlike.append(replace(step, chain=chain))
            else:
                found.append(replace(step, chain=chain))
    return list(_each_once(found)) or unlike[:1]


def _steps(name: str, lock: Lock, evidence: Evidence) -> Iterator[Cause | tuple[str, Lock]]:
    """Yield what changed among the inputs of one stage, and the runs that made the others."""
    changed = _changed(name, lock, evidence)
    if changed.command or changed.deps.keys() - lock[name].deps.keys():
        yield Cause("dvc.yaml", "dvc.yaml", note=f"it defines the stage {name} in another way")
    for dep, digest in lock[name].deps.items():
        if evidence.is_resolved(dep):
            yield from compare(dep, digest, evidence.texts)
            continue
        if dep in changed.deps:
            yield Cause("out of step", dep, note="not what was read; `dvc repro` brings it back")
        made_by = _runs_that_made(name, dep, lock, evidence)
        damage = [c for m in makers_of(dep, lock) for c in _damage(m, lock, evidence, within=dep)]
        yield from damage
        if made_by is not None:
            yield from ((maker, made_by) for maker in makers_of(dep, made_by))
        elif not damage:
            yield Cause("unknown", dep, note=_REMADE)


def _changed(stage: str, lock: Lock, evidence: Evidence) -> Changed:
    """Return what `dvc status` says of a run; it sees the present lock only."""
    known = evidence.status if lock is evidence.lock else None
    return (known or {}).get(stage, Changed())


def _runs_that_made(name: str, dep: str, lock: Lock, evidence: Evidence) -> Lock | None:
    """Return the lock that records how what a stage read was made; None where none is known."""
    here = lock is evidence.lock
    if here and evidence.status is not None and dep not in _changed(name, lock, evidence).deps:
        return lock
    digest, found = lock[name].deps[dep], None
    for old in locks() if here else [lock]:
        makers = makers_of(dep, old)
        if makers and name in old and old[name].deps.get(dep) == digest:
            written = [old[maker].outs.get(dep) for maker in makers]
            if digest in written:
                return old
            if not any(written):
                found = old  # made of parts: the earliest lock is the nearest to the run
    return found


def _damage(stage: str, lock: Lock, evidence: Evidence, *, within: str = "") -> Iterator[Cause]:
    """Yield the outputs of a run that are gone, or are not what it wrote."""
    for out, state in _changed(stage, lock, evidence).outs.items():
        if within and not overlap(out, within):
            continue
        if state == "deleted":
            yield Cause("missing", out, note="`dvc checkout` or `dvc repro` brings it back")
        elif state == "modified":
            note = "not what dvc.lock records: edited, damaged, or half of a run"
            yield Cause("changed on disk", out, _altered(out, lock[stage].outs[out]), note)


def _altered(out: str, digest: str) -> tuple[Change, ...]:
    """Return the files of a folder that are not what was written, where that is known."""
    before = recorded_files(out, digest)
    if before is None or not digest.endswith(FOLDER):
        return ()
    files = (path for path in Path(out).rglob("*") if path.is_file())
    return changes(before, {path.as_posix(): md5(path.read_bytes()) for path in files})


def _each_once(found: Iterable[Cause]) -> Iterator[Cause]:
    """Yield each cause without what a nearer one has said: a seed is in the settings of many stages."""
    said: set[tuple[str, str, str]] = set()
    for cause in found:
        of_a_task = "/sources/" in cause.what and cause.kind != "code"
        where = cause.what if of_a_task or not cause.changes else ""
        keys = [(cause.kind, where, repr(change)) for change in cause.changes or [None]]
        new = [i for i, key in enumerate(keys) if key not in said]
        said |= set(keys)
        if new:
            yield replace(cause, changes=tuple(cause.changes[i] for i in new if cause.changes))


def compare(path: str, digest: str, texts: Mapping[str, str]) -> Iterator[Cause]:
    """Yield what differs between a recorded file or folder of `resolve` and what it would write now.

    Args:
        path: Of a file or a folder.
        digest: MD5 that was recorded.
        texts: What `resolve` would write now, by path; what is not there belongs to a task or training
            that has left the mixture, whose card says so.
    """
    now = {name: md5(text.encode()) for name, text in texts.items() if overlap(name, path)}
    if not now or digest in (now.get(path), folder_md5(_below(path, now))):
        return
    recorded = recorded_files(path, digest)
    for name, old in (recorded or {}).items():
        if name in now and old != now[name]:
            yield from _compare_file(name, old, texts[name])
    if recorded is None:
        yield Cause("unknown", path, note=_GONE)


def _below(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(f"{folder}/"): digest for name, digest in files.items()}


def _compare_file(path: str, digest: str, text: str) -> Iterator[Cause]:
    content = recorded_content(path, digest)
    if content is None:
        yield Cause("unknown", path, note=_GONE)
        return
    by_kind: dict[Kind, list[Change]] = {}
    for change in changes(json.loads(content), json.loads(text)):
        by_kind.setdefault(kind_of(path, change.key), []).append(change)
    yield from (Cause(kind, path, tuple(found)) for kind, found in by_kind.items())


def kind_of(path: str, key: str) -> Kind:
    """Return what kind of cause a changed key of a file of `resolve` is."""
    folder, top = PurePosixPath(path).parts[2], key.split(".")[0]
    if folder == "base" and top == "files":
        return "model files"
    if folder == "sources" or top not in ("card", "files", "revision"):
        found = _KINDS.get(top)
        if found is not None:
            return found
    if folder == "recipes":
        return "mixture card"
    return "parameter" if top in _PARAMETERS else "mixture card"


def makers_of(path: str, lock: Lock) -> list[str]:
    """Return the stages that make a path, something in it, or a folder around it.

    Without `resolve`: what it writes is compared with what it would write now.
    """
    return [
        name
        for name, record in lock.items()
        if name != RESOLVE and any(overlap(out, path) for out in record.outs)
    ]


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)
