"""The training itself: a plain loop over global batches, on one process or many.

The loss of a step is the weighted sum of its terms, each a mean over the global batch's items,
whatever the micro-batches and ranks. Every draw belongs to a position: batches, choices and masks are
the same for any number of ranks. Dropout belongs to the first position of its micro-batch: it repeats
exactly on resume, but not on another number of ranks, whose micro-batches differ. Knows a view and
ranks; reads and writes no file but checkpoints.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from pipeline.errors import TrainingError
from pipeline.modeling.prefixes import prefix_rows
from pipeline.seeds import derive_seed
from pipeline.training import checkpoint as checkpoints
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.fingerprint import Fingerprint
from pipeline.training.optimizer import FlatAdamW, learning_rate
from pipeline.training.progress import Progress, StepSums
from pipeline.training.ranks import Ranks
from pipeline.training.run import TrainSettings
from pipeline.training.track import Tracker
from pipeline.training.view import Pass, View

_INITIAL = "prefixes.initial"


@dataclass(slots=True)
class Trainer:
    """A view on its way through its order."""

    view: View[Any]
    train: TrainSettings
    seed: int
    ranks: Ranks
    progress: Progress
    optimizer: FlatAdamW
    initial: Tensor
    """Prefix rows before the first step, tasks x width."""
    step: int = 0
    """Steps done."""

    def state(self) -> Checkpoint:
        """Return the training as it stands."""
        model = {**self.view.model.state_dict(), _INITIAL: self.initial}
        return Checkpoint(self.step, model, self.optimizer.state(), self.progress.state())

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same run."""
        weights = dict(checkpoint.model)
        self.initial = weights.pop(_INITIAL)
        self.view.model.load_state_dict(weights)
        self.optimizer.load_state(checkpoint.optimizer)
        self.progress.load_state(checkpoint.progress)
        self.step = checkpoint.step


def trainer(view: View[Any], train: TrainSettings, *, seed: int, ranks: Ranks) -> Trainer:
    """Put a view at the start of a training, on the rank's device."""
    initial = prefix_rows(view.embeddings, view.prefixes)
    view.model.to(ranks.device).train()
    optimizer = FlatAdamW(view.parameters(), weight_decay=train.weight_decay, clip=train.clip)
    progress = Progress(view.tasks, view.terms, log_every=train.log_every)
    return Trainer(view, train, seed, ranks, progress, optimizer, initial)


def train(run: Trainer, *, resume: Path, fingerprint: Fingerprint, tracker: Tracker) -> None:
    """Run all steps that are left, with a checkpoint every `checkpoint_every` of them.

    Raises:
        TrainingError: The loss is not finite, on every rank; the last checkpoint is intact.
    """
    steps = run.view.steps
    bar = tqdm(
        total=steps,
        initial=run.step,
        desc="train",
        unit="step",
        delay=2,
        leave=False,
        disable=not run.ranks.first,
    )
    started, tokens = time.monotonic(), run.progress.tokens
    with bar:
        while run.step < steps:
            line = one_step(run)
            bar.update()
            if line is not None:
                speed = (run.progress.tokens - tokens) / max(1e-9, time.monotonic() - started)
                bar.set_postfix(_postfix(line, speed, run.progress.padding), refresh=False)
                tracker.log(int(line["step"]), line)
            if run.step % run.train.checkpoint_every == 0 and run.step < steps:
                run.ranks.together(lambda: _save(run, resume, fingerprint))


def _postfix(line: dict[str, float], speed: float, padding: float) -> dict[str, str]:
    return {
        "loss": f"{line['loss']:.4f}",
        "tokens/s": f"{speed:,.0f}",
        "padding": f"{padding:.1%}",
    }


def _save(run: Trainer, resume: Path, fingerprint: Fingerprint) -> None:
    if run.ranks.first:
        checkpoints.save(resume, run.state(), fingerprint)


def one_step(run: Trainer) -> dict[str, float] | None:
    """Do one global batch: gradients of all micro-batches, one update.

    Returns:
        A new line of the log by column, if this step ends one.

    Raises:
        TrainingError: The loss is not finite; the parameters are as they were.
    """
    sums = gradients(run)
    loss = sums.losses(run.view.terms)[0]
    if not math.isfinite(loss) or not torch.isfinite(run.optimizer.gradient.sum()):
        raise _not_finite(run, loss)
    steps, examples = run.view.steps, run.view.examples(run.step)
    peak, warmup = run.train.learning_rate, run.train.warmup
    rate = learning_rate(run.step, steps=steps, peak=peak, warmup=warmup)
    run.optimizer.step(rate)
    run.step += 1
    return run.progress.add(
        sums, step=run.step, examples=examples, rate=rate, last=run.step == steps
    )


def gradients(run: Trainer) -> StepSums:
    """Put the gradients of the next global batch, over all ranks, into the optimizer's buffer.

    The losses are divided by the counts of the global batch, over all ranks, so that gradients and
    sums of the ranks only need adding up.

    Returns:
        The sums over all ranks.
    """
    ranks, view = run.ranks, run.view
    batch = view.batch(run.step, rank=ranks.rank, world=ranks.world)
    totals = np.maximum(ranks.total(view.counts(batch)), 1.0)
    mine = view.backward(batch, totals, _pass(run))
    sums = StepSums.from_vector(ranks.total(mine.vector()), terms=len(view.terms))
    ranks.sum_(run.optimizer.gradient)
    return sums


def _pass(run: Trainer) -> Pass:
    def seed_dropout(kind: str, position: int) -> None:
        torch.manual_seed(derive_seed(run.seed, "dropout", kind, position))

    def autocast() -> torch.autocast:
        bf16 = run.train.precision == "bf16"
        return torch.autocast(run.ranks.device.type, dtype=torch.bfloat16, enabled=bf16)

    return Pass(run.ranks.device, seed_dropout, autocast)


def _not_finite(run: Trainer, loss: float) -> TrainingError:
    kept = checkpoints_hint(run)
    return TrainingError(
        f"the {'loss' if not math.isfinite(loss) else 'gradient'} of step {run.step + 1} is not finite "
        f"(loss {loss})",
        where="training",
        expected="a finite number",
        remedy=f"lower train.learning_rate (now {run.train.learning_rate:g}) or train.clip; {kept}",
    )


def checkpoints_hint(run: Trainer) -> str:
    """Word what a person still has after a failure."""
    every = run.train.checkpoint_every
    last = run.step // every * every
    return f"the checkpoint of step {last} is intact" if last else "no checkpoint was written yet"
