"""Why an artefact is not what it would be now: from a stage upstream to what changed first. Pure.

A stage's record says what its inputs were. Where an input is something that no stage makes, it is held
against what is there now; where a stage makes it, that stage is asked in turn, by the record that it had
when it made what was read. Knows no file: all that must be looked up comes through `Lookups`.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, Protocol

from pipeline.comparison.changes import Change
from pipeline.comparison.dvc_files import Record, Stage

Kind = Literal[
    "raw bytes", "task card", "hub commit", "mixture card", "prompts", "parameter", "tokenizer files",
    "order algorithm", "code", "missing", "changed on disk", "never built",
    "out of step", "unknown",
]  # fmt: skip


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


class Lookups(Protocol):
    """What the walk must know of the world."""

    def present(self, path: str) -> str | None:
        """Return the MD5 that a path has now, or would have after `resolve`; null where there is none."""

    def is_resolved(self, path: str) -> bool:
        """Whether `resolve` makes this path, which is held against what it would write now."""

    def record(self, stage: str) -> Record | None:
        """Return the record of a stage's last run."""

    def earlier(self, stage: str, dep: str, digest: str) -> Mapping[str, Record]:
        """Return all stages' records of a time when `stage` read `dep` with this MD5; none if unknown."""

    def altered(self, out: str, written: str) -> tuple[Change, ...]:
        """Return the files of an output that are not what was written, where that is known."""

    def explain(self, path: str, recorded: str | None) -> list[Cause]:
        """Say what differs between a path's recorded content and the present one."""


def causes(name: str, stages: Mapping[str, Stage], record: Record, look: Lookups) -> list[Cause]:
    """Return what changed since a stage ran, nearest first; nothing where it is up to date.

    Args:
        name: The stage.
        stages: All stages.
        record: Of the run that made what is asked about.
        look: The world.
    """
    found: dict[tuple[Kind, str], Cause] = {}
    queue: deque[tuple[str, Record, tuple[str, ...]]] = deque([(name, record, (name,))])
    seen = {(name, _key(record))}
    other: list[Cause] = []
    while queue:
        stage, read, chain = queue.popleft()
        other += _unlike(stage, stages, read, chain, look)
        for cause in _own(stage, stages, read, look):
            found.setdefault((cause.kind, cause.what), replace(cause, chain=chain))
        for maker, made_by in _upstream(stage, stages, read, look):
            if (maker, _key(made_by)) not in seen:
                seen.add((maker, _key(made_by)))
                queue.append((maker, made_by, (maker, *chain)))
    return list(found.values()) or other[:1]


def _unlike(
    stage: str, stages: Mapping[str, Stage], record: Record, chain: tuple[str, ...], look: Lookups
) -> Iterator[Cause]:
    """Yield inputs that are not what was read; they count where nothing says why."""
    for dep in stages[stage].deps:
        if look.present(dep) != record.deps.get(dep):
            note = "not what was read, but what it is made from is as it was: `dvc repro` brings it back"
            yield Cause("out of step", dep, note=note, chain=chain)


def _key(record: Record) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**record.deps, **record.outs}.items()))


def _own(stage: str, stages: Mapping[str, Stage], record: Record, look: Lookups) -> Iterator[Cause]:
    """Yield what changed among the inputs of one stage that are nobody's output, and lost outputs."""
    for dep in stages[stage].deps:
        recorded, makers = record.deps.get(dep), makers_of(dep, stages)
        if look.is_resolved(dep) or not makers:
            if look.present(dep) != recorded:
                yield from look.explain(dep, recorded)
        elif look.present(dep) != recorded:
            yield from _disturbed(stage, dep, recorded, makers, stages, look)


def _disturbed(
    stage: str,
    dep: str,
    recorded: str | None,
    makers: list[str],
    stages: Mapping[str, Stage],
    look: Lookups,
) -> Iterator[Cause]:
    """Yield why another stage's output is not what this stage read, unless the other's inputs tell."""
    told = False
    for maker in makers:
        made_by = look.record(maker)
        if made_by is None:
            told = True
            yield Cause("never built", maker)
            continue
        for cause in lost(made_by, look, within=dep):
            told = True
            yield cause
    if not told and not (recorded and look.earlier(stage, dep, recorded)):
        again = ", ".join(makers) if len(makers) <= 3 else f"one of {len(makers)} stages"
        note = f"{again} ran again since; no committed dvc.lock says with which inputs before"
        yield Cause("unknown", dep, note=note)


def lost(record: Record, look: Lookups, *, within: str = "") -> Iterator[Cause]:
    """Yield the outputs of a run that are gone, or are not what it wrote."""
    for out, written in record.outs.items():
        if within and not _overlap(out, within):
            continue
        there = look.present(out)
        if there is None:
            yield Cause("missing", out, note="`dvc checkout` or `dvc repro` brings it back")
        elif there != written and not look.is_resolved(out):
            note = "not what dvc.lock records: edited, damaged, or half of a run"
            yield Cause("changed on disk", out, look.altered(out, written), note=note)


def _upstream(
    stage: str, stages: Mapping[str, Stage], record: Record, look: Lookups
) -> Iterator[tuple[str, Record]]:
    """Yield the stages whose outputs one stage read, each with its record of that time."""
    for dep in stages[stage].deps:
        if look.is_resolved(dep):
            continue
        recorded = record.deps.get(dep)
        same = look.present(dep) == recorded
        before = {} if same or not recorded else look.earlier(stage, dep, recorded)
        for maker in makers_of(dep, stages):
            made_by = before.get(maker) or look.record(maker)
            if made_by is not None:
                yield maker, made_by


def makers_of(path: str, stages: Mapping[str, Stage]) -> list[str]:
    """Return the stages that make a path, something in it, or a folder around it."""
    return [
        name for name, stage in stages.items() if any(_overlap(out, path) for out in stage.outs)
    ]


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)
