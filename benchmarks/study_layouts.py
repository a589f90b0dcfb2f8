"""What does the shared-context layout cost in accuracy, and does anything win it back?

MiniLM is trained on five real tasks together, in the exact layout and in the shared-context layout with
either readout, for one epoch; and with the shared context and a [CLS] for each choice for two, which
takes about as long as one in the exact layout. Same rows, same global batches, bf16; each seed draws its
own order, heads and dropout. Accuracy is on rows that no training saw. Beside it: the CPU time of each
training.

A difference is taken within a seed, over the mean of the tasks; its standard error is that of the seeds,
which answer the same questions. Each training is kept in a file as soon as it is done, so that a study
that was stopped goes on.

Usage: python -m benchmarks.study_layouts [--seeds 3] [--rows 1200] [--max-tokens 64] [--threads 1]
       [--data FOLDER] [--cells FILE] [--out FILE]
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from benchmarks.harness import finish
from benchmarks.token_project import MINILM, ROOT, build_tokens, raw_files
from pipeline.config.params import ModelParams, TrainParams
from pipeline.contract.files import sha256

TASKS = ["comve_a", "comve_b", "sick", "snli", "sst2"]
"""Short texts, so that a training is long enough to leave chance behind."""
REPORT = 300
"""Rows of each task that accuracy is measured on, at most."""
TRAIN = {"batch": 32, "token_budget": 8192, "learning_rate": 2e-4, "mlm_weight": 0.0,
         "max_options": None, "precision": "bf16", "weight_decay": 0.01, "warmup": 0.06}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One way to train."""

    name: str
    layout: str
    readout: str
    epochs: int


EXACT = Variant("exact, 1 epoch", "ragged", "own_cls", 1)
VARIANTS = [
    EXACT,
    Variant("shared, own [CLS], 1 epoch", "shared_context", "own_cls", 1),
    Variant("shared, last [SEP], 1 epoch", "shared_context", "last_sep", 1),
    Variant("shared, own [CLS], 2 epochs", "shared_context", "own_cls", 2),
]
Cell = dict[str, Any]
"""One training: recipe, seed, variant, cpu_seconds, steps, accuracy by task."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing of the study and report."""
    options = _options(arguments)
    if not raw_files(TASKS, options.data):
        raise SystemExit(f"no raw files of {', '.join(TASKS)} below {options.data}: give --data")
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        tokens = build_tokens(
            Path(folder), TASKS, data=options.data, max_tokens=options.max_tokens,
            limits={"train": options.rows, "select": 50, "report": REPORT},
        )  # fmt: skip
        recipe = recipe_key(tokens)
        cells = read_cells(options.cells, recipe)
        missing = [
            (seed, variant)
            for seed in range(options.seeds)
            for variant in VARIANTS
            if (seed, variant.name) not in cells
        ]
        if missing:
            tell_cost(tokens, missing)
        for seed, variant in missing:
            cell = {"recipe": recipe, "seed": seed, "variant": variant.name}
            cell |= trained(tokens, variant, seed)
            append_cell(options.cells, cell)
            cells[seed, variant.name] = cell
            print(f"seed {seed}: {variant.name}: {mean(cell['accuracy'].values()):.3f} "
                  f"in {cell['cpu_seconds']:.0f} CPU seconds", flush=True)  # fmt: skip
    table = [line(cells, variant, options.seeds) for variant in VARIANTS]
    for row in table:
        print(json.dumps({key: value for key, value in row.items() if key != "by_task"}))
    finish(
        "layouts", {}, equal=True, out=options.out, packages=("torch", "transformers"),
        details={"seeds": options.seeds, "rows": options.rows, "report_rows": REPORT,
                 "max_tokens": options.max_tokens, "train": TRAIN, "variants": table},
    )  # fmt: skip


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1200, help="train rows of each task, at most")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "external")
    results = ROOT / "benchmarks" / "results"
    parser.add_argument("--cells", type=Path, default=results / "layouts_cells.jsonl")
    parser.add_argument("--out", type=Path, default=results / "layouts.json")
    options = parser.parse_args(arguments)
    options.cells, options.out = options.cells.absolute(), options.out.absolute()
    return options


def recipe_key(tokens: Path) -> str:
    """Return a hash of what a training depends on; a kept result counts for the same recipe only."""
    parts = [sha256(tokens / role / "manifest.json") for role in ("train", "report")]
    parts.append(json.dumps([TRAIN, REPORT], sort_keys=True))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def read_cells(path: Path, recipe: str) -> dict[tuple[int, str], Cell]:
    """Read the trainings that are already done under this recipe."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    cells = [json.loads(text) for text in lines]
    return {(c["seed"], c["variant"]): c for c in cells if c["recipe"] == recipe}


def append_cell(path: Path, cell: Cell) -> None:
    """Keep one training."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(cell, sort_keys=True) + "\n")


def tell_cost(tokens: Path, missing: Sequence[tuple[int, Variant]]) -> None:
    """Print how long the missing trainings will take, from two steps of each variant."""
    seconds = {variant: steps_of(tokens, variant, seed=0, most=2) for variant in VARIANTS}
    minutes = sum(seconds[variant] for _, variant in missing) / 60
    print(
        f"{len(missing)} trainings, about {minutes:.0f} CPU minutes, scoring left out", flush=True
    )


def steps_of(tokens: Path, variant: Variant, *, seed: int, most: int) -> float:
    """Return the CPU seconds of a whole training, from its first steps."""
    view, optimizer = prepared(tokens, variant, seed)
    started = time.process_time()
    for step in range(most):
        one_step(view, optimizer, step, seed)
    return (time.process_time() - started) / most * view.steps


def trained(tokens: Path, variant: Variant, seed: int) -> Cell:
    """Train one variant and return its CPU time and its accuracy on the report rows."""
    import torch

    from pipeline.contract.choice import open_shards
    from pipeline.training.choice.layouts import scoring_layout
    from pipeline.training.choice.predict import answer_rows

    view, optimizer = prepared(tokens, variant, seed)
    started = time.process_time()
    for step in range(view.steps):
        one_step(view, optimizer, step, seed)
    seconds = time.process_time() - started
    shards = open_shards(tokens / "report")
    layout = scoring_layout(variant.layout, variant.readout)
    accuracy = {}
    for shard in shards.shards:
        answers = answer_rows(
            view.model, shard, shards.special, token_budget=8192, device=torch.device("cpu"),
            layout=layout,
        )  # fmt: skip
        accuracy[shard.task] = round(float((answers.predicted == answers.label).mean()), 4)
    return {"cpu_seconds": round(seconds, 1), "steps": view.steps, "accuracy": accuracy}


def prepared(tokens: Path, variant: Variant, seed: int) -> tuple[Any, Any]:
    """Return the view and the optimizer of a training at its start."""
    from pipeline.base_model import model_folder
    from pipeline.contract.choice import open_shards
    from pipeline.contract.order import Order
    from pipeline.modeling.encoder import pretrained_encoder
    from pipeline.modeling.load import quiet_transformers
    from pipeline.modeling.model import with_heads
    from pipeline.modeling.prefixes import initialize_prefixes
    from pipeline.training.choice.start import Artefacts
    from pipeline.training.choice.view import view_of
    from pipeline.training.optimizer import FlatAdamW

    quiet_transformers()
    run = run_of(tokens, variant, seed)
    shards = open_shards(tokens / "train")
    rng = np.random.default_rng([seed, 17])
    total = int(shards.starts[-1])
    rows = np.concatenate([rng.permutation(total) for _ in range(variant.epochs)])
    epochs = np.repeat(np.arange(variant.epochs), total)
    order = Order(rows.astype(np.uint32), epochs.astype(np.uint8), "")
    encoder, _ = pretrained_encoder(
        model_folder(MINILM, None), vocabulary=shards.vocabulary, max_tokens=shards.max_tokens,
        dropout=0.1, seed=seed,
    )  # fmt: skip
    model = with_heads(encoder, dropout=0.1, seed=seed)
    initialize_prefixes(model.embeddings, shards.prefixes, init="shared", seed=seed)
    view = view_of(run, Artefacts(shards, shards, order), model.train(), device="cpu")
    optimizer = FlatAdamW(
        view.parameters(), weight_decay=run.train.weight_decay, clip=run.train.clip
    )
    return view, optimizer


def run_of(tokens: Path, variant: Variant, seed: int) -> Any:
    """Return a run with the defaults of `params.yaml`'s model but for what this study sets."""
    from pipeline.training.run import read_run

    changes = {"layout": variant.layout, "readout": variant.readout, "threads": 1}
    value = {
        "version": 1, "name": "study", "which": "compass", "seed": seed, "mix": "-",
        "tokens": {"train": str(tokens / "train"), "select": str(tokens / "select")},
        "tokenizer": str(tokens.parent / "tokenizer"), "model_path": None, "init": None,
        "model": ModelParams(source=MINILM).model_dump(mode="json"), "out": "-", "resume": "-",
        "train": TrainParams(**TRAIN, **changes).model_dump(mode="json"),
    }  # fmt: skip
    path = tokens.parent / "run.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return read_run(path)[0]


def one_step(view: Any, optimizer: Any, step: int, seed: int) -> None:
    """Do one global batch."""
    import torch

    from pipeline.training.optimizer import learning_rate
    from pipeline.training.view import StepContext

    batch = view.batch(step, rank=0, world=1)
    totals = np.maximum(view.counts(batch), 1.0)
    view.backward(batch, totals, StepContext(torch.device("cpu"), seed, "bf16"))
    train = view.train
    optimizer.step(
        learning_rate(step, steps=view.steps, peak=train.learning_rate, warmup=train.warmup)
    )


def line(cells: Mapping[tuple[int, str], Cell], variant: Variant, seeds: int) -> dict[str, Any]:
    """Return a variant's accuracy and time over the seeds, and how far it is from the exact layout."""
    ours = [cells[seed, variant.name] for seed in range(seeds)]
    exact = [cells[seed, EXACT.name] for seed in range(seeds)]
    means = [mean(cell["accuracy"].values()) for cell in ours]
    losses = [a - mean(cell["accuracy"].values()) for a, cell in zip(means, exact, strict=True)]
    times = [a["cpu_seconds"] / b["cpu_seconds"] for a, b in zip(ours, exact, strict=True)]
    by_task = {
        task: round(mean(cell["accuracy"][task] for cell in ours), 4)
        for task in ours[0]["accuracy"]
    }
    return {
        "variant": variant.name,
        "accuracy": round(mean(means), 4),
        "over_exact": round(mean(losses), 4),
        "over_exact_by_seed": [round(loss, 4) for loss in losses],
        "se": round(stdev(losses) / seeds**0.5, 4) if seeds > 1 else None,
        "cpu_seconds": round(mean(cell["cpu_seconds"] for cell in ours), 1),
        "time_over_exact": round(mean(times), 3),
        "by_task": by_task,
    }


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
