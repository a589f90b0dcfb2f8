"""The training itself: a plain loop over global batches, on one process or many.

The loss of a step is the weighted sum of its terms, each a mean over the global batch's items, whatever
the micro-batches and ranks. Every draw belongs to a position: batches, choices and masks are the same for
any number of ranks. Dropout belongs to the first position of its micro-batch: it repeats exactly on
resume, but not on another number of ranks, whose micro-batches differ. Looks at the `select` rows draw
nothing, so that no step depends on them.
"""

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import TrainingError
from pipeline.modeling.encoder import compile_transformer, recompute_activations
from pipeline.modeling.prefixes import prefix_rows
from pipeline.training import checkpoint as checkpoints
from pipeline.training.ahead import Ahead
from pipeline.training.balance import BALANCES, Balance
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.display import show_figures
from pipeline.training.fingerprint import Fingerprint
from pipeline.training.kinds import KINDS, Kind
from pipeline.training.looks import Looks, mean_prefixes, over_drawn_tasks, steps_between_looks
from pipeline.training.optimizer import FlatAdamW, learning_rate
from pipeline.training.progress import Progress, StepSums
from pipeline.training.ranks import Ranks
from pipeline.training.run import TrainSettings
from pipeline.training.track import Tracker
from pipeline.training.view import StepContext, View

_INITIAL = "prefixes.initial"
_COMPILER = ("torch._dynamo.", "torch._inductor.")
"""Where the compiler's errors are defined; importing them takes a second, so they go by name."""


@dataclass(slots=True)
class Trainer:
    """A view on its way through its order."""

    view: View[Any]
    kind: Kind
    train: TrainSettings
    seed: int
    ranks: Ranks
    progress: Progress
    looks: Looks
    balance: Balance
    optimizer: FlatAdamW
    batches: Ahead[Any]
    """This rank's parts of the global batches."""
    initial: Tensor
    """Prefix rows before the first step, tasks x width."""
    held_out: frozenset[str] = frozenset()
    """Tasks that are looked at and never drawn."""
    step: int = 0
    """Steps done."""

    def weights(self) -> dict[str, Tensor]:
        """Return the model's weights and the prefixes' initial rows."""
        return {**self.view.model.state_dict(), _INITIAL: self.initial}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Take up what `weights` returned."""
        rest = dict(weights)
        self.initial = rest.pop(_INITIAL)
        self.view.model.load_state_dict(rest)

    def state(self) -> Checkpoint:
        """Return the training as it stands."""
        return Checkpoint(
            self.step,
            self.weights(),
            self.optimizer.state(),
            self.progress.state(),
            self.looks.state(),
            self.balance.state(),
        )

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same run."""
        self.load_weights(checkpoint.model)
        self.optimizer.load_state(checkpoint.optimizer)
        self.progress.load_state(checkpoint.progress)
        self.looks.load_state(checkpoint.looks)
        self.balance.load_state(checkpoint.balance)
        self.step = checkpoint.step


def new_trainer(
    view: View[Any],
    train: TrainSettings,
    *,
    seed: int,
    ranks: Ranks,
    kind: Kind = KINDS["whole"],
    held_out: Collection[str] = (),
) -> Trainer:
    """Put a view at the start of a training, on the rank's device.

    Raises:
        TrainingError: The model cannot compute its activations again, and is asked to.
    """
    parameters = kind.prepare(view)
    initial = prefix_rows(view.embeddings, view.prefixes)
    view.model.to(ranks.device).train()
    if train.gradient_checkpointing:
        recompute_activations(view.model)
    if train.compile:
        compile_transformer(view.model)
    return Trainer(
        view=view,
        kind=kind,
        train=train,
        seed=seed,
        ranks=ranks,
        progress=Progress(view.tasks, view.terms, log_every=train.log_every),
        looks=Looks(steps_between_looks(train), train.best),
        balance=BALANCES["none"](view.tasks),
        optimizer=FlatAdamW(parameters, weight_decay=train.weight_decay, clip=train.clip),
        batches=Ahead(
            lambda step: view.batch(step, rank=ranks.rank, world=ranks.world), steps=view.steps
        ),
        initial=initial,
        held_out=frozenset(held_out),
    )


def train(
    run: Trainer, *, resume: Path, fingerprint: Fingerprint, tracker: Tracker, bar: Any
) -> dict[str, Any]:
    """Run all steps that are left, with a checkpoint every `checkpoint_every` of them.

    Args:
        run: At its start, or where a checkpoint left it.
        resume: Folder of the checkpoints.
        fingerprint: Of the run.
        tracker: Takes the figures of each line of the log.
        bar: Shows the steps; from `progress_bar`.

    Returns:
        What the resulting model, the last or the best, does on the `select` rows.

    Raises:
        TrainingError: The loss is not finite, on every rank, or memory ran out; the last checkpoint
            is intact.
    """
    steps, tokens = run.view.steps, run.progress.tokens
    try:
        while run.step < steps:
            line = one_step(run)
            if line is not None:
                read = run.progress.tokens - tokens
                show_figures(bar, loss=line["loss"], tokens=read, padding=run.progress.padding)
                tracker.log(int(line["step"]), line | run.progress.line_of_tasks())
            bar.update()
            if run.step < steps:
                _keep(run, resume, fingerprint, tracker)
    finally:
        run.batches.close()
    return _result(run, resume, _look(run, resume, tracker))


def _keep(run: Trainer, resume: Path, fingerprint: Fingerprint, tracker: Tracker) -> None:
    """Look at the select rows and write a checkpoint, whichever is due after this step."""
    if run.looks.due(run.step):
        _look(run, resume, tracker)
    if run.step % run.train.checkpoint_every == 0:
        run.ranks.together(lambda: _save(run, resume, fingerprint))


def _save(run: Trainer, resume: Path, fingerprint: Fingerprint) -> None:
    if run.ranks.first:
        checkpoints.save(resume, run.state(), fingerprint, keep=run.train.keep_last)


def _look(run: Trainer, resume: Path, tracker: Tracker) -> dict[str, Any]:
    """Answer the select rows; keep the model if it is the best so far and not the last anyway."""
    view, examples = run.view, run.progress.examples_of_tasks()
    with mean_prefixes(view.embeddings, view.prefixes, held_out=run.held_out, examples=examples):
        seen = over_drawn_tasks(view.select(run.ranks), run.held_out)
    best = run.looks.add(run.step, seen)
    if run.looks.every is not None and seen["accuracy_macro"] is not None:
        tracker.log(run.step, {"select_accuracy_macro": seen["accuracy_macro"]})

    def save() -> None:
        if best and run.ranks.first and run.step < run.view.steps:
            checkpoints.save_best(resume, run.step, run.weights())

    if run.looks.wants_best:
        run.ranks.together(save)
    return seen


def _result(run: Trainer, resume: Path, last: dict[str, Any]) -> dict[str, Any]:
    """Make the model the one that is asked for, and return what it does on the select rows."""
    best = run.looks.best_step
    if best is None:
        return last
    if best < run.step:
        run.ranks.together(lambda: run.load_weights(checkpoints.load_best(resume, best)))
    return {**run.looks.best, "step": best}


def one_step(run: Trainer) -> dict[str, float] | None:
    """Do one global batch: gradients of all micro-batches, one update.

    Returns:
        A new line of the log by column, if this step ends one.

    Raises:
        TrainingError: The loss is not finite, or memory or the compiler failed; the parameters are as
            they were.
    """
    with _worded(run):
        sums = gradients(run)
    loss = sums.losses(run.view.terms)[0]
    if not math.isfinite(loss) or not torch.isfinite(run.optimizer.gradient.sum()):
        raise _not_finite(run, loss)
    view, train, step = run.view, run.train, run.step
    rate = learning_rate(step, steps=view.steps, peak=train.learning_rate, warmup=train.warmup)
    run.optimizer.step(rate)
    run.balance.update(step, sums)
    run.step += 1
    return run.progress.add(
        sums,
        step=run.step,
        examples=view.examples(step),
        rate=rate,
        last=run.step == view.steps,
    )


def gradients(run: Trainer) -> StepSums:
    """Put the gradients of the next global batch, over all ranks, into the optimizer's buffer.

    The losses are divided by the counts of the global batch, over all ranks, so that gradients and
    sums of the ranks only need adding up.

    Returns:
        The sums over all ranks.
    """
    ranks, view = run.ranks, run.view
    batch = run.batches.take(run.step)
    totals = np.maximum(ranks.total(view.counts(batch)), 1.0)
    weights = run.balance.weights(run.step)
    of_tasks = None if weights is None else torch.from_numpy(weights).float().to(ranks.device)
    context = StepContext(ranks.device, run.seed, run.train.precision, of_tasks)
    mine = view.backward(batch, totals, context)
    sums = StepSums.from_vector(ranks.total(mine.vector()), terms=len(view.terms))
    ranks.sum_(run.optimizer.gradient)
    return sums


@contextmanager
def _worded(run: Trainer) -> Iterator[None]:
    """Word what torch says when a device or a compiler fails."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the memory of {run.ranks.device} is too small for step {run.step + 1}",
            where="training",
            remedy=f"lower train.token_budget (now {run.train.token_budget}), or set "
            f"train.gradient_checkpointing to true; {_kept(run)}",
        ) from error
    except RuntimeError as error:
        if not type(error).__module__.startswith(_COMPILER):
            raise
        first = " ".join(str(error).strip().splitlines()[:2])
        raise TrainingError(
            f"torch.compile failed: {type(error).__name__}: {first}",
            where="train.compile",
            expected="a C++ compiler, or Triton on a GPU, that this version of torch can use",
            remedy="set train.compile to false",
        ) from error


def _not_finite(run: Trainer, loss: float) -> TrainingError:
    return TrainingError(
        f"the {'loss' if not math.isfinite(loss) else 'gradient'} of step {run.step + 1} is not finite "
        f"(loss {loss})",
        where="training",
        expected="a finite number",
        remedy=f"lower train.learning_rate (now {run.train.learning_rate:g}) or train.clip; {_kept(run)}",
    )


def _kept(run: Trainer) -> str:
    """Word what a person still has after a failure."""
    every = run.train.checkpoint_every
    last = run.step // every * every
    return f"the checkpoint of step {last} is intact" if last else "no checkpoint was written yet"
