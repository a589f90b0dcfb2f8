"""One training from run.json to the output folder.

Joins the ranks, opens what run.json names, resumes or starts, trains, answers the `select` rows and
writes the results. Knows the sequence; each part is elsewhere.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pipeline.modeling.encoder import quiet_transformers
from pipeline.modeling.prefixes import prefix_rows
from pipeline.training import checkpoint as checkpoints
from pipeline.training.choice import ChoiceView, batch_plan
from pipeline.training.export import save_prefixes, save_records
from pipeline.training.fingerprint import fingerprint
from pipeline.training.loop import Trainer, train, trainer
from pipeline.training.ranks import Ranks, joined_ranks
from pipeline.training.run import Run, read_run
from pipeline.training.start import build_model, open_artefacts
from pipeline.training.track import tracker
from pipeline.training.view import View


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
            print(f"goes on from step {training.step} of {training.view.steps}", file=sys.stderr)
        follow = tracker(run.track, first=ranks.first, resumed=training.step > 0)
        train(training, resume=resume, fingerprint=here, tracker=follow)
        select = training.view.select(ranks)
        follow.close()
        ranks.together(lambda: _write(run, value, training, select))


def _started(run: Run, ranks: Ranks, here: dict[str, str]) -> Trainer:
    """Open, build, and take up the newest checkpoint if there is one."""

    def say(line: str) -> None:
        if ranks.first:
            print(f"model: {line}", file=sys.stderr)

    view = opened_view(run, ranks, say=say)
    training = trainer(view, run.train, seed=run.seed, ranks=ranks)
    checkpoint = checkpoints.newest(Path(run.resume), here)
    if checkpoint is not None:
        training.load(checkpoint)
    return training


def opened_view(run: Run, ranks: Ranks, *, say: Callable[[str], None]) -> View[Any]:
    """Open the artefacts of a run and build its model, on the CPU."""
    artefacts = open_artefacts(run, verify=ranks.local_rank == 0)
    model = build_model(run, artefacts.train, say=say)
    plan = batch_plan(run.train, seed=run.seed, device=ranks.device.type)
    return ChoiceView(model, artefacts, run.train, plan, Path(run.tokenizer))


def _write(run: Run, value: dict[str, Any], training: Trainer, select: dict[str, Any]) -> None:
    if not training.ranks.first:
        return
    out, view = Path(run.out), training.view
    view.save(out)
    save_prefixes(
        out,
        sorted(view.prefixes),
        initial=training.initial,
        final=prefix_rows(view.embeddings, view.prefixes),
    )
    logs = {"log.csv": training.progress.log_csv(), "tasks.csv": training.progress.tasks_csv()}
    save_records(out, value, texts=logs, select=select)
