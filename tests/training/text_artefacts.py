"""Tiny artefacts of the text view."""

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from token_folders import write_text

from pipeline.contract.files import read_arrow, sha256, write_arrow
from pipeline.contract.order import PACKING, PacksEntry, read_order_manifest, write_order_manifest
from pipeline.contract.tokens import read_tokens
from pipeline.stages.packs import packs_table
from pipeline.tokens.pack import packed

_SPEC = importlib.util.spec_from_file_location(
    "training_artefacts_of_text", Path(__file__).with_name("artefacts.py")
)
base = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(base)

SPECIAL = {"bos": 2, "eos": 3, "pad": 0}
MAX_TOKENS = 32
PACK_TOKENS = 64
TASKS = {"alpha": "multiple_choice", "beta": "classification", "gamma": "text_to_text"}


def rows_of(form: str, rows: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rows whose target begins with a word that the input begins with; the last task has no options."""
    result = []
    for row in range(rows):
        words = rng.integers(5, 35, rng.integers(1, 13)).tolist()
        count = {"multiple_choice": int(rng.integers(2, 6)), "classification": 3}.get(form, 0)
        gold = int(rng.integers(count)) if count else None
        options = []
        for option in range(count):
            text = rng.integers(40, 60, rng.integers(0, 4)).tolist()
            if form == "classification":
                text = [45] * option
            options.append([words[0] if option == gold else 36, *text])
        if form == "classification":
            words[0] = 5 + gold
            options = [[6 + option] + [50] * option for option in range(count)]
        target = options[gold] if count else words[:2]
        result.append(
            {"input": words, "target": target, "options": options, "label": gold, "row": row,
             "prompt": 0}
        )  # fmt: skip
    return result


@dataclass
class TextFolders:
    """All that a training of the text view reads, below one folder."""

    root: Path
    rows: int = 20
    positions: int = 78
    model: str = "causal"
    pack_tokens: int | None = PACK_TOKENS
    begins: bool = True
    vocabulary: int = 0
    undrawn: str | None = None
    prompts: int = 1
    """Prompts that each row is seen through; a row's input then ends in a word of its own for each."""

    def build(self, *, edit: Any = None) -> "TextFolders":
        self.vocabulary = base.tokenizer(self.root / "tokenizer")
        config = self.root / "tokenizer" / "tokenizer_config.json"
        ends = {"bos_token": "[CLS]", "eos_token": "[SEP]"}
        base.write_json(config, json.loads(config.read_text()) | ends)
        sha = sha256(self.root / "tokenizer" / "tokenizer.json")
        for seed, role in enumerate(("train", "select", "report")):
            self._shards(role, sha, seed, edit if role == "train" else None)
        folder, train = self.root / "mix", self.root / "tokens" / "train"
        base.mix(folder, train, positions=self.positions, undrawn=self.undrawn)
        if self.model == "causal" and self.pack_tokens:
            tokens = read_tokens(train)
            self._pack(folder, np.concatenate([tokens.row_tokens(task) for task in TASKS]))
        return self

    def _shards(self, role: str, sha: str, seed: int, edit: Any) -> None:
        tables = {}
        for index, (task, form) in enumerate(sorted(TASKS.items())):
            rows = self._prompted(rows_of(form, self.rows, np.random.default_rng([seed, index])))
            tables[task] = rows
            if edit is not None:
                edit(task, rows)
        write_text(
            self.root / "tokens" / role, tables, forms=TASKS, prompts=self.prompts, role=role,
            model=self.model, max_tokens=MAX_TOKENS, begins=self.begins, special=SPECIAL,
            vocabulary=self.vocabulary, tokenizer_sha256=sha,
        )  # fmt: skip

    def _prompted(self, table: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return each row once for every prompt."""
        return [
            row | {"prompt": prompt, "input": [*row["input"], *([36 + prompt] if prompt else [])]}
            for row in table
            for prompt in range(self.prompts)
        ]

    def _pack(self, folder: Path, lengths: np.ndarray) -> None:
        row = read_arrow(folder / "order.arrow").column("row").to_numpy()
        lines = packed(lengths[row], capacity=self.pack_tokens, window=40, seed=1)
        write_arrow(packs_table(lines), folder / "packs.arrow")
        packs = PacksEntry(
            algorithm=PACKING, pack_tokens=self.pack_tokens, window=40, lines=len(lines),
            sha256=sha256(folder / "packs.arrow"),
        )  # fmt: skip
        write_order_manifest(folder, replace(read_order_manifest(folder), packs=packs))

    def run(
        self, *, train: dict[str, Any] | None = None, model: dict[str, Any] | None = None,
        text: dict[str, Any] | None = None, name: str = "run", **changes: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Return a run.json as a dictionary."""
        pack = self.pack_tokens if self.model == "causal" else None
        settings = {"model": self.model, "attention": "mask", "score": "sum",
                    "pack_tokens": pack, "pack_window": 40} | (text or {})  # fmt: skip
        default = {"batch": 3 if pack else 8}
        folders = base.Folders(self.root)
        run = folders.run(train=default | (train or {}), model=model, name=name)
        return run | {"view": "text", "text": settings} | changes

    def write(self, run: dict[str, Any], name: str = "run") -> Path:
        path = self.root / name / "run.json"
        base.write_json(path, run)
        return path
