"""One training from run.json to the output folder.

Joins the ranks, opens what run.json names, resumes or starts, trains, answers the `select` rows and
writes the results. Knows the sequence; each part is elsewhere.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.metrics.answers import threshold
from pipeline.modeling.encoder import quiet_transformers
from pipeline.modeling.prefixes import prefix_rows
from pipeline.training import checkpoint as checkpoints
from pipeline.training.export import save_model, save_prefixes, save_records
from pipeline.training.fingerprint import fingerprint
from pipeline.training.loop import Trainer, train, trainer
from pipeline.training.predict import answered
from pipeline.training.ranks import Ranks, joined_ranks
from pipeline.training.run import Run, read_run
from pipeline.training.start import build_model, open_artefacts
from pipeline.training.track import tracker


def run_session(path: Path) -> None:
    """Train as a run.json says.

    Raises:
        PipelineError: Settings, artefacts, checkpoint or loss are wrong; see the parts.
    """
    run, value = read_run(path)
    quiet_transformers()
    torch.set_num_threads(run.train.threads)
    torch.use_deterministic_algorithms(True)
    # nothing here reads uninitialised memory; filling it first takes a quarter of a step on CPU
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with joined_ranks() as ranks:
        here = fingerprint(value)
        resume = Path(run.resume)
        training = ranks.together(lambda: _started(run, ranks, here))
        if ranks.first and training.step:
            print(f"goes on from step {training.step} of {training.steps}", file=sys.stderr)
        follow = tracker(run.track, first=ranks.first, resumed=training.step > 0)
        train(training, resume=resume, fingerprint=here, tracker=follow)
        select = select_figures(training)
        follow.close()
        ranks.together(lambda: _write(run, value, training, select))


def _started(run: Run, ranks: Ranks, here: dict[str, str]) -> Trainer:
    """Open, build, and take up the newest checkpoint if there is one."""
    artefacts = open_artefacts(run, verify=ranks.local_rank == 0)

    def say(line: str) -> None:
        if ranks.first:
            print(f"model: {line}", file=sys.stderr)

    model = build_model(run, artefacts.train, say=say)
    training = trainer(model, artefacts, run.train, seed=run.seed, ranks=ranks)
    checkpoint = checkpoints.newest(Path(run.resume), here)
    if checkpoint is not None:
        training.load(checkpoint)
    return training


def select_figures(training: Trainer) -> dict[str, Any]:
    """Return the accuracy of every task on its `select` rows, and thresholds of gold sets.

    Each rank answers its share of the rows; tasks with multi-label rows are answered whole by every
    rank, since a threshold needs all of them at once.
    """
    shards = training.artefacts.select
    accuracies: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    for shard in shards.shards:
        whole = bool(shard.rows.multi.any())
        ranks = training.ranks
        part = np.arange(0 if whole else ranks.rank, len(shard.rows), 1 if whole else ranks.world)
        answers = answered(
            training.model,
            shard,
            shards.special,
            token_budget=training.train.token_budget,
            device=ranks.device,
            part=part,
        )
        figures = np.array([answers.known.sum(), answers.right.sum()], dtype=np.float64)
        known, right = figures if whole else ranks.total(figures)
        if known:
            accuracies[shard.task] = float(right / known)
        cut = threshold(answers)
        if cut is not None:
            thresholds[shard.task] = cut
    macro = sum(accuracies.values()) / len(accuracies) if accuracies else None
    return {"accuracy": accuracies, "accuracy_macro": macro, "thresholds": thresholds}


def _write(run: Run, value: dict[str, Any], training: Trainer, select: dict[str, Any]) -> None:
    if not training.ranks.first:
        return
    out, prefixes = Path(run.out), training.artefacts.train.prefixes
    save_model(training.model, out, Path(run.tokenizer))
    save_prefixes(
        out,
        sorted(prefixes),
        initial=training.initial,
        final=prefix_rows(training.model.embeddings, prefixes),
    )
    logs = {"log.csv": training.progress.log_csv(), "tasks.csv": training.progress.tasks_csv()}
    save_records(out, value, texts=logs, select=select)
