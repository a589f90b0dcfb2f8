"""Tiny token shards, orders, tokenizers and run.json files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from token_folders import write_choice
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.order import (
    ORDER,
    SHUFFLED,
    Draw,
    OrderManifest,
    PhasePlan,
    write_order_manifest,
)
from pipeline.contract.tokens import read_tokens

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SPECIAL = {"cls": 2, "sep": 3, "pad": 0, "mask": 4}
WORDS = 60
FIRST_WORD = len(SPECIALS)
TASKS = {"alpha": "multiple_choice", "beta": "classification", "gamma": "multi_label"}
MAX_TOKENS = 32

MODEL = {
    "source": "small", "revision": None, "layers": 1, "width": 16, "heads": 2, "vocabulary": 300,
    "dropout": 0.0,
}  # fmt: skip
TRAIN = {
    "batch": 8, "token_budget": 160, "learning_rate": 3e-3, "warmup": 0.1, "weight_decay": 0.01,
    "clip": 1.0, "mlm_weight": 0.1, "mlm_probability": 0.25, "mask_prefix": "like_any_token",
    "max_options": 4, "prefix_init": "shared", "precision": "fp32", "threads": 1, "log_every": 1,
    "checkpoint_every": 3, "keep_last": 2, "best": False, "select_every": None,
    "gradient_checkpointing": False, "compile": False,
    "layout": "ragged", "readout": "own_cls", "mlm_pass": "second",
}  # fmt: skip


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def tokenizer(folder: Path) -> int:
    """Write a word-level tokenizer with the prefixes; return its size."""
    names = [*SPECIALS, *(f"w{i}" for i in range(WORDS))]
    model = Tokenizer(WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    model.pre_tokenizer = WhitespaceSplit()
    model.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip
    fast.add_tokens([f"[task: {task}]" for task in sorted(TASKS)])
    fast.save_pretrained(folder)
    return len(fast)


def rows_of(form: str, rows: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rows whose gold choice shares its first word with the context."""
    result = []
    for row in range(rows):
        count = 3 if form != "multiple_choice" else int(rng.integers(2, 7))
        context = rng.integers(FIRST_WORD, FIRST_WORD + 30, rng.integers(1, 9)).tolist()
        question = rng.integers(FIRST_WORD + 30, FIRST_WORD + WORDS, rng.integers(0, 4)).tolist()
        gold = int(rng.integers(count))
        choices = []
        for choice in range(count):
            text = rng.integers(FIRST_WORD + 40, FIRST_WORD + WORDS, rng.integers(1, 6)).tolist()
            if form == "multiple_choice":
                text = [context[0] if choice == gold else FIRST_WORD + 39, *text]
            else:
                text = [FIRST_WORD + choice]
                context[0] = FIRST_WORD + gold
            choices.append([*question, 3, *text] if question else text)
        golds = sorted({gold, (gold + row % 2) % count}) if form == "multi_label" else None
        result.append(
            {
                "context": context,
                "question": question,
                "choices": choices,
                "label": None if golds else gold,
                "labels": golds,
                "row": row,
            }
        )
    return result


def shards(
    folder: Path, role: str, *, rows: int, size: int, tokenizer_sha: str, seed: int = 0,
    edit: Any = None,
) -> None:  # fmt: skip
    """Write token shards of all tasks."""
    tables = {}
    for index, (task, form) in enumerate(sorted(TASKS.items())):
        tables[task] = rows_of(form, rows, np.random.default_rng([seed, index]))
        if edit is not None:
            edit(task, tables[task])
    write_choice(
        folder, tables, forms=TASKS, role=role, max_tokens=MAX_TOKENS, vocabulary=size,
        special=SPECIAL, tokenizer_sha256=tokenizer_sha,
    )  # fmt: skip


def mix(
    folder: Path, tokens: Path, *, positions: int, seed: int = 0, undrawn: str | None = None
) -> None:
    """Write an order that walks over all rows, but for those of one task, in shuffled epochs."""
    tasks = read_tokens(tokens).manifest.tasks
    drawn = np.concatenate(
        [np.arange(t.start, t.start + t.rows) for t in tasks if t.task != undrawn]
    )
    rng = np.random.default_rng([seed, 99])
    epochs = -(-positions // len(drawn))
    row = np.concatenate([rng.permutation(drawn) for _ in range(epochs)])[:positions]
    epoch = np.repeat(np.arange(epochs), len(drawn))[:positions]
    columns = [pa.array(row, pa.uint32()), pa.array(epoch, pa.uint8())]
    write_arrow(pa.table(columns, schema=ORDER), folder / "order.arrow")
    quotas = {t.task: int(((row >= t.start) & (row < t.start + t.rows)).sum()) for t in tasks}
    write_order_manifest(
        folder,
        OrderManifest(
            name="toy", which="compass", algorithm=SHUFFLED, batch=None, seed=seed,
            positions=positions, sha256=sha256(folder / "order.arrow"),
            phases=(PhasePlan(name="all", positions=positions, quotas=quotas),),
            tasks=tuple(
                Draw(task=t.task, start=t.start, rows=t.rows, quota=quotas[t.task]) for t in tasks
            ),
        ),
    )  # fmt: skip


@dataclass
class Folders:
    """All that a training reads, below one folder."""

    root: Path
    rows: int = 20
    positions: int = 78
    vocabulary: int = 0
    undrawn: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    def build(self, *, edit: Any = None) -> "Folders":
        self.vocabulary = tokenizer(self.root / "tokenizer")
        sha = sha256(self.root / "tokenizer" / "tokenizer.json")
        for seed, role in enumerate(("train", "select", "report")):
            folder = self.root / "tokens" / role
            shards(
                folder, role, rows=self.rows, size=self.vocabulary, tokenizer_sha=sha, seed=seed,
                edit=edit if role == "train" else None,
            )  # fmt: skip
        mix(
            self.root / "mix", self.root / "tokens" / "train", positions=self.positions,
            undrawn=self.undrawn,
        )  # fmt: skip
        return self

    def run(
        self, *, train: dict[str, Any] | None = None, model: dict[str, Any] | None = None,
        name: str = "run", **changes: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Return a run.json as a dictionary."""
        return {
            "version": 1, "name": "toy", "which": "compass", "seed": 13,
            "tokens": {r: str(self.root / "tokens" / r) for r in ("train", "select")},
            "mix": str(self.root / "mix"), "tokenizer": str(self.root / "tokenizer"),
            "model": MODEL | (model or {}), "model_path": None, "init": None,
            "train": TRAIN | (train or {}), "out": str(self.root / name / "out"),
            "resume": str(self.root / name / "resume"), **changes,
        }  # fmt: skip

    def write(self, run: dict[str, Any], name: str = "run") -> Path:
        path = self.root / name / "run.json"
        write_json(path, run)
        return path
