"""One training from run.json to the output folder.

Joins the ranks, opens what run.json names, resumes or starts, trains, answers the `select` rows and
writes the results.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from pipeline.modeling.load import quiet_transformers
from pipeline.modeling.prefixes import prefix_rows
from pipeline.training import checkpoint as checkpoints
from pipeline.training.card import CARD, Trained, card
from pipeline.training.display import progress_bar
from pipeline.training.export import publish_folder, save_prefixes, save_records
from pipeline.training.fingerprint import fingerprint, mixture_sha256
from pipeline.training.kinds import KINDS
from pipeline.training.looks import set_mean_prefixes
from pipeline.training.loop import Trainer, new_trainer, train
from pipeline.training.ranks import Ranks, join_ranks
from pipeline.training.run import Run, read_run
from pipeline.training.track import open_tracker
from pipeline.training.views import VIEWS


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
    with join_ranks() as ranks:
        here = fingerprint(value)
        training = ranks.together(lambda: _started(run, ranks, here))
        select = _trained(run, training, here)
        ranks.together(lambda: _write(run, value, training, select))


def _started(run: Run, ranks: Ranks, here: dict[str, str]) -> Trainer:
    """Open, build, and take up the newest checkpoint if there is one."""

    def say(line: str) -> None:
        if ranks.first:
            print(f"model: {line}", file=sys.stderr)

    view = VIEWS[run.view].open(run, ranks, say)
    training = new_trainer(
        view,
        run.train,
        kind=KINDS[run.kind],
        seed=run.seed,
        ranks=ranks,
        held_out=run.held_out or (),
    )
    checkpoint = checkpoints.load_newest(Path(run.resume), here)
    if checkpoint is not None:
        training.load(checkpoint)
    return training


def _trained(run: Run, training: Trainer, here: dict[str, str]) -> dict[str, Any]:
    """Run the steps that are left, followed and shown; return the figures on `select` rows."""
    first, steps = training.ranks.first, training.view.steps
    if first and training.step:
        print(f"goes on from step {training.step} of {steps}", file=sys.stderr)
    follow = open_tracker(run.track, first=first, resumed=training.step > 0)
    bar = progress_bar(first=first, steps=steps, done=training.step)
    try:
        return train(training, resume=Path(run.resume), fingerprint=here, tracker=follow, bar=bar)
    finally:
        bar.close()
        follow.close()


def _write(run: Run, value: dict[str, Any], training: Trainer, select: dict[str, Any]) -> None:
    """Write the output folder on the first rank."""
    if not training.ranks.first:
        return
    view, progress = training.view, training.progress
    examples = progress.examples_of_tasks()
    set_mean_prefixes(view.embeddings, view.prefixes, held_out=training.held_out, examples=examples)
    final = prefix_rows(view.embeddings, view.prefixes)
    texts = {
        "log.csv": progress.log_csv(),
        "tasks.csv": progress.tasks_csv(),
        "task_log.csv": progress.task_log_csv(),
    }
    if training.looks.every is not None:
        texts["select.csv"] = training.looks.csv()
    texts[CARD] = card(
        Trained(
            run=run,
            usage=view.usage(),
            steps=view.steps,
            mixture_sha256=mixture_sha256(fingerprint(value)),
            examples=examples,
            select=select,
        )
    )
    with publish_folder(Path(run.out)) as folder:
        training.kind.save(view, folder)
        save_prefixes(folder, sorted(view.prefixes), initial=training.initial, final=final)
        save_records(folder, value, texts=texts, select=select)
