"""Folders of tokens from rows that a test writes down, made by the writers of `pipeline.contract`."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.contract.choice import CHOICE_SHARD, FRAME, ChoiceEntry, ChoiceManifest, LongRows
from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.manifest import write_manifest
from pipeline.contract.text import TEXT_SHARD, PromptEntry, TextEntry, TextManifest

Rows = list[dict[str, Any]]
NO_HASH = "0" * 64


def choice_row(context=(), choices=((),), *, question=(), label=0, labels=None, row=0):
    """Return a row of the choice view."""
    return {
        "context": list(context), "question": list(question), "choices": [list(c) for c in choices],
        "label": label, "labels": labels, "row": row,
    }  # fmt: skip


def write_choice(folder: Path, tasks: dict[str, Rows], *, forms=None, **head: Any) -> None:
    """Write shards and manifest of the choice view; `head` replaces keys of the manifest."""
    head = {
        "role": "train", "max_tokens": 64, "vocabulary": 100, "tokenizer_sha256": NO_HASH,
        "special": {"cls": 2, "sep": 3, "pad": 0, "mask": 4}, "tokenizer_files": {},
        "long_rows": LongRows(),
    } | head  # fmt: skip
    entries = []
    for index, (task, rows) in enumerate(sorted(tasks.items())):
        path = folder / f"{task}.arrow"
        write_arrow(pa.Table.from_pylist(rows, CHOICE_SHARD), path)
        lengths = [len(r["context"]) + FRAME + len(c) for r in rows for c in r["choices"]]
        entry = ChoiceEntry(
            task=task, form=(forms or {}).get(task, "multiple_choice"), rows=len(rows),
            curated_rows=len(rows), choices_max=max((len(r["choices"]) for r in rows), default=0),
            tokens=sum(lengths), long_rows=0, context_cut=0, choices_cut=0, dropped=0, split=0,
            tokens_lost=0, prefix_id=head["vocabulary"] - len(tasks) + index,
            sha256=sha256(path), curated_sha256=NO_HASH,
        )  # fmt: skip
        entries.append(entry)
    write_manifest(folder, ChoiceManifest(**head), entries)


def text_row(read=(), target=(), *, options=(), label=None, row=0, prompt=0):
    """Return a row of the text view."""
    return {
        "input": list(read), "target": list(target), "options": [list(o) for o in options],
        "label": label, "row": row, "prompt": prompt,
    }  # fmt: skip


def write_text(
    folder: Path, tasks: dict[str, Rows], *, forms=None, prompts=1, draw="all", **head: Any
) -> None:
    """Write shards and manifest of the text view; `head` replaces keys of the manifest."""
    head = {
        "role": "train", "max_tokens": 64, "vocabulary": 100, "tokenizer_sha256": NO_HASH,
        "special": {"bos": 2, "eos": 3, "pad": 0}, "tokenizer_files": {}, "model": "causal",
        "target_tokens": 8, "cut": "input_start", "long_rows": "truncate", "begins": True,
        "prefix": True,
    } | head  # fmt: skip
    manifest, entries = TextManifest(**head), []
    for index, (task, rows) in enumerate(sorted(tasks.items())):
        path = folder / f"{task}.arrow"
        write_arrow(pa.Table.from_pylist(rows, TEXT_SHARD), path)
        targets = sum(len(r["target"]) for r in rows)
        made = [
            PromptEntry(id=f"p{i}", name=f"prompt {i}", asked=len(rows)) for i in range(prompts)
        ]
        entry = TextEntry(
            task=task, form=(forms or {}).get(task, "text_to_text"), rows=len(rows),
            options_max=max((len(r["options"]) for r in rows), default=0),
            tokens=sum(len(r["input"]) for r in rows) + targets + manifest.extras * len(rows),
            supervised=targets + len(rows), input_cut=0, target_cut=0, options_cut=0,
            tokens_lost=0, dropped=0, untargeted=0, prompts=tuple(made), draw=draw,
            prefix_id=head["vocabulary"] - len(tasks) + index, sha256=sha256(path),
        )  # fmt: skip
        entries.append(entry)
    write_manifest(folder, manifest, entries)
