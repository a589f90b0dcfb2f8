"""The training itself: a plain loop over global batches, on one process or many.

The loss of a step is the mean over the global batch's rows, plus the weighted mean over its masked
tokens, whatever the micro-batches and ranks. Every draw belongs to a position: batches, choices and
masks are the same for any number of ranks. Dropout belongs to the first position of its micro-batch:
it repeats exactly on resume, but not on another number of ranks, whose micro-batches differ. Knows a
model, batches and ranks; reads and writes no file but checkpoints.
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
from pipeline.modeling.model import ChoiceModel, trained_parameters
from pipeline.modeling.prefixes import prefix_rows
from pipeline.seeds import derive_seed
from pipeline.training import checkpoint as checkpoints
from pipeline.training.batches import OVERHEAD, Plan, RankBatch, rank_batch, steps
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.fingerprint import Fingerprint
from pipeline.training.masks import Masking
from pipeline.training.objective import choice_losses, masked_loss
from pipeline.training.optimizer import FlatAdamW, learning_rate
from pipeline.training.progress import Progress, StepSums, task_sums
from pipeline.training.ranks import Ranks
from pipeline.training.run import TrainSettings
from pipeline.training.start import Artefacts
from pipeline.training.track import Tracker

_INITIAL = "prefixes.initial"


def batch_plan(train: TrainSettings, *, seed: int, device: str) -> Plan:
    """Return what shapes the batches; the kind of device shapes micro-batches only."""
    masking = Masking(train.mlm_probability, train.mask_prefix) if train.mlm_weight > 0 else None
    return Plan(seed, train.batch, train.token_budget, train.max_options, masking, OVERHEAD[device])


@dataclass(slots=True)
class Trainer:
    """A model on its way through an order."""

    model: ChoiceModel
    artefacts: Artefacts
    train: TrainSettings
    seed: int
    ranks: Ranks
    progress: Progress
    optimizer: FlatAdamW
    initial: Tensor
    """Prefix rows before the first step, tasks x width."""
    step: int = 0
    """Steps done."""

    @property
    def plan(self) -> Plan:
        """What shapes the batches."""
        return batch_plan(self.train, seed=self.seed, device=self.ranks.device.type)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return steps(self.artefacts.order, self.plan)

    def examples(self, step: int) -> int:
        """Return the rows of a global batch; the last may be shorter."""
        return min(self.train.batch, len(self.artefacts.order) - step * self.train.batch)

    def state(self) -> Checkpoint:
        """Return the training as it stands."""
        model = {**self.model.state_dict(), _INITIAL: self.initial}
        return Checkpoint(self.step, model, self.optimizer.state(), self.progress.state())

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same run."""
        weights = dict(checkpoint.model)
        self.initial = weights.pop(_INITIAL)
        self.model.load_state_dict(weights)
        self.optimizer.load_state(checkpoint.optimizer)
        self.progress.load_state(checkpoint.progress)
        self.step = checkpoint.step


def trainer(
    model: ChoiceModel, artefacts: Artefacts, train: TrainSettings, *, seed: int, ranks: Ranks
) -> Trainer:
    """Put a model at the start of a training, on the rank's device."""
    initial = prefix_rows(model.embeddings, artefacts.train.prefixes)
    model.to(ranks.device).train()
    parameters = trained_parameters(model, masked=train.mlm_weight > 0)
    optimizer = FlatAdamW(parameters, weight_decay=train.weight_decay, clip=train.clip)
    progress = Progress(artefacts.train.tasks, log_every=train.log_every)
    return Trainer(model, artefacts, train, seed, ranks, progress, optimizer, initial)


def train(run: Trainer, *, resume: Path, fingerprint: Fingerprint, tracker: Tracker) -> None:
    """Run all steps that are left, with a checkpoint every `checkpoint_every` of them.

    Raises:
        TrainingError: The loss is not finite, on every rank; the last checkpoint is intact.
    """
    bar = tqdm(
        total=run.steps,
        initial=run.step,
        desc="train",
        unit="step",
        delay=2,
        leave=False,
        disable=not run.ranks.first,
    )
    started, tokens = time.monotonic(), run.progress.tokens
    with bar:
        while run.step < run.steps:
            line = one_step(run)
            bar.update()
            if line is not None:
                speed = (run.progress.tokens - tokens) / max(1e-9, time.monotonic() - started)
                bar.set_postfix(_postfix(line, speed, run.progress.padding), refresh=False)
                tracker.log(int(line["step"]), line)
            if run.step % run.train.checkpoint_every == 0 and run.step < run.steps:
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
    batch = rank_batch(
        run.artefacts.train,
        run.artefacts.order,
        run.plan,
        run.step,
        rank=run.ranks.rank,
        world=run.ranks.world,
    )
    sums = StepSums.from_vector(run.ranks.total(gradients(run, batch).vector()))
    run.ranks.sum_(run.optimizer.gradient)
    loss = sums.losses(run.train.mlm_weight)[0]
    if not math.isfinite(loss) or not torch.isfinite(run.optimizer.gradient.sum()):
        raise _not_finite(run, loss)
    peak, warmup = run.train.learning_rate, run.train.warmup
    rate = learning_rate(run.step, steps=run.steps, peak=peak, warmup=warmup)
    run.optimizer.step(rate)
    examples = run.examples(run.step)
    run.step += 1
    return run.progress.add(
        sums,
        step=run.step,
        examples=examples,
        masked_weight=run.train.mlm_weight,
        rate=rate,
        last=run.step == run.steps,
    )


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


def gradients(run: Trainer, batch: RankBatch) -> StepSums:
    """Add the gradients of one rank's part of a global batch to the optimizer's buffer.

    The losses are divided by the counts of the global batch, over all ranks, so that gradients and
    sums of the ranks only need adding up.

    Returns:
        This rank's sums.
    """
    counts = np.array([batch.rows, batch.masked_tokens], dtype=np.float64)
    rows, tokens = np.maximum(run.ranks.total(counts), 1.0).tolist()
    device = run.ranks.device
    losses, rights, masked = [], [], []
    for choice in batch.choice:
        _seed_dropout(run, "choice", choice.position)
        with _autocast(run):
            figures = choice_losses(run.model, choice, device)
        (figures.loss_R.sum() / rows).backward()
        losses.append(figures.loss_R.detach())
        rights.append(figures.right_R)
    for stems in batch.masked:
        _seed_dropout(run, "masked", stems.position)
        with _autocast(run):
            loss = masked_loss(run.model, stems, device)
        (loss * (run.train.mlm_weight / tokens)).backward()
        masked.append(loss.detach())
    return _sums(run, batch, losses, rights, masked)


def _sums(
    run: Trainer, batch: RankBatch, losses: list[Tensor], rights: list[Tensor], masked: list[Tensor]
) -> StepSums:
    """Bring the figures of all micro-batches to the host in one go."""
    tokens, cells = batch.cells()
    loss_R, right_R = (_host(values) for values in (losses, rights))
    tasks = [choice.task for choice in batch.choice]
    task_R = np.concatenate(tasks) if tasks else np.zeros(0, dtype=np.int64)
    return StepSums(
        choice_loss=float(loss_R.sum()),
        rows=float(batch.rows),
        masked_loss=float(_host([value[None] for value in masked]).sum()),
        masked_tokens=float(batch.masked_tokens),
        tokens=float(tokens),
        cells=float(cells),
        tasks=task_sums(task_R, loss_R, right_R, len(run.artefacts.train.shards)),
    )


def _host(values: list[Tensor]) -> np.ndarray:
    return torch.cat(values).double().cpu().numpy() if values else np.zeros(0)


def _seed_dropout(run: Trainer, kind: str, position: int) -> None:
    torch.manual_seed(derive_seed(run.seed, "dropout", kind, position))


def _autocast(run: Trainer) -> Any:
    bf16 = run.train.precision == "bf16"
    return torch.autocast(run.ranks.device.type, dtype=torch.bfloat16, enabled=bf16)
