"""The choice view: a score for each choice of a row, and masked tokens of its stem."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from pipeline.contract.choice import Shards
from pipeline.contract.ragged import Floats
from pipeline.metrics.answers import threshold
from pipeline.modeling.lookup import add_rows_only
from pipeline.modeling.model import (
    ChoiceModel,
    first_position,
    layer_weights,
    trained_parameters,
)
from pipeline.training.choice.batches import BatchPlan, RankBatch, rank_batch, steps
from pipeline.training.choice.export import save_model
from pipeline.training.choice.layouts import check_readable, scoring_layout, training_layout
from pipeline.training.choice.masks import Masking
from pipeline.training.choice.objective import choice_losses, masked_loss
from pipeline.training.choice.predict import answer_rows
from pipeline.training.choice.start import Artefacts, build_model, open_artefacts
from pipeline.training.choice.usage import Reader, usage
from pipeline.training.grouping import overhead
from pipeline.training.progress import StepSums, Term, task_sums
from pipeline.training.ranks import Ranks
from pipeline.training.run import Run, TrainSettings
from pipeline.training.view import OverShards, StepContext, to_host


def batch_plan(run: Run, shards: Shards, *, device: str, weights: int) -> BatchPlan:
    """Return what shapes the batches.

    Args:
        run: Names the layout and the losses.
        shards: To train on.
        device: Kind of device; shapes micro-batches only.
        weights: Of the encoder without embeddings; shape micro-batches only.

    Raises:
        ArtefactError: The tokenizer cannot be read, where the layout asks for it.
    """
    train = run.train
    masking = Masking(train.mlm_probability, train.mask_prefix, train.mlm_pass)
    return BatchPlan(
        seed=run.seed,
        batch=train.batch,
        token_budget=train.token_budget,
        max_options=train.max_options,
        masking=masking if train.mlm_weight > 0 else None,
        overhead=overhead(device, weights),
        layout=training_layout(train, tokenizer=Path(run.tokenizer), max_tokens=shards.max_tokens),
    )


def choice_view(run: Run, ranks: Ranks, say: Callable[[str], None]) -> "ChoiceView":
    """Open the artefacts of a run of the choice view and build its model, on the CPU.

    Raises:
        TrainingError: The model is not usable, or cannot read the layout.
        ArtefactError: Something is missing, damaged, or belongs to something else.
    """
    artefacts = open_artefacts(run, verify=ranks.local_rank == 0)
    model = build_model(run, artefacts.train, say=say)
    return view_of(run, artefacts, model, device=ranks.device.type)


def view_of(run: Run, artefacts: Artefacts, model: ChoiceModel, *, device: str) -> "ChoiceView":
    """Return the view that a run trains in.

    Args:
        run: Names the layout and the losses.
        artefacts: Opened.
        model: On the CPU.
        device: Kind of the device that it will train on.

    Raises:
        TrainingError: The encoder cannot read the layout.
        ArtefactError: The tokenizer cannot be read, where the layout asks for it.
    """
    check_readable(model, run.train, artefacts.train.special)
    if device == "cpu" and not run.train.compile and run.train.mlm_weight == 0:
        add_rows_only(model.embeddings)  # the masked-token head has a gradient for every row anyway
    if run.train.layout == "shared_context" and not run.train.compile:
        model.compute_what_is_read()  # not in the ragged layout, whose numbers are to stay
    weights = layer_weights(model.encoder)
    plan = batch_plan(run, artefacts.train, device=device, weights=weights)
    return ChoiceView(model, artefacts, run.train, plan, Path(run.tokenizer))


@dataclass(frozen=True, slots=True)
class ChoiceView(OverShards):
    """A `training.view.View` of rows with choices.

    Attributes:
        model: What is trained.
        artefacts: Shards and order.
        train: Settings.
        plan: What shapes the batches.
        tokenizer: Folder whose files go beside the model.
    """

    model: ChoiceModel
    artefacts: Artefacts
    train: TrainSettings
    plan: BatchPlan
    tokenizer: Path

    @property
    def terms(self) -> Sequence[Term]:
        """The choice loss, a mean over rows, and the masked-token loss, a mean over tokens."""
        return (Term("choice", 1.0), Term("mlm", self.train.mlm_weight))

    @property
    def steps(self) -> int:
        """Global batches of the whole order."""
        return steps(self.artefacts.order, self.plan)

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return what some loss looks at, by name."""
        return trained_parameters(self.model, masked=self.train.mlm_weight > 0)

    def examples(self, step: int) -> int:
        """Return the rows of a global batch."""
        return min(self.plan.batch, len(self.artefacts.order) - step * self.plan.batch)

    def batch(self, step: int, *, rank: int, world: int) -> RankBatch:
        """Return one rank's part of a global batch."""
        shards, order = self.artefacts.train, self.artefacts.order
        return rank_batch(shards, order, self.plan, step, rank=rank, world=world)

    def counts(self, batch: RankBatch) -> Floats:
        """Return rows with a gold choice, and masked tokens."""
        return np.array([batch.rows, batch.masked_tokens], dtype=np.float64)

    def backward(self, batch: RankBatch, totals: Floats, context: StepContext) -> StepSums:
        """Add the gradients of one rank's part of a global batch."""
        rows, tokens = totals.tolist()
        losses, rights, masked = [], [], []
        for choice in batch.choice:
            context.seed_dropout("choice", choice.position)
            with context.autocast():
                figures = choice_losses(self.model, choice, context.device)
            loss = context.weighted(figures.loss_R, choice.task).sum() / rows
            if figures.masked is not None:
                loss = loss + figures.masked * (self.train.mlm_weight / tokens)
                masked.append(figures.masked.detach())
            loss.backward()
            losses.append(figures.loss_R.detach())
            rights.append(figures.right_R)
        for stems in batch.masked:
            context.seed_dropout("masked", stems.position)
            with context.autocast():
                loss = masked_loss(self.model, stems, context.device)
            (loss * (self.train.mlm_weight / tokens)).backward()
            masked.append(loss.detach())
        return self._sums(batch, losses, rights, masked)

    def _sums(
        self, batch: RankBatch, losses: list[Tensor], rights: list[Tensor], masked: list[Tensor]
    ) -> StepSums:
        """Bring the figures of all micro-batches to the host in one go."""
        tokens, cells = batch.cells()
        loss_R, right_R = (to_host(values) for values in (losses, rights))
        tasks = [choice.task for choice in batch.choice]
        task_R = np.concatenate(tasks) if tasks else np.zeros(0, dtype=np.int64)
        masked_sum = to_host([value[None] for value in masked]).sum()
        terms = np.array([[loss_R.sum(), batch.rows], [masked_sum, batch.masked_tokens]])
        by_task = task_sums(task_R, loss_R, right_R, len(self.tasks))
        return StepSums(terms, float(tokens), float(cells), by_task)

    def select(self, ranks: Ranks) -> dict[str, Any]:
        """Return the accuracy of every task on its `select` rows, and thresholds of gold sets.

        Each rank answers its share of the rows; tasks with multi-label rows are answered whole by
        every rank, since a threshold needs all of them at once.
        """
        shards = self.artefacts.select
        accuracies: dict[str, float] = {}
        thresholds: dict[str, float] = {}
        for shard in shards.shards:
            whole = bool(shard.rows.multi.any())
            part = np.arange(
                0 if whole else ranks.rank, len(shard.rows), 1 if whole else ranks.world
            )
            answers = answer_rows(
                self.model,
                shard,
                shards.special,
                token_budget=self.train.token_budget,
                device=ranks.device,
                layout=scoring_layout(self.train.layout, self.train.readout),
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

    def usage(self) -> str:
        """Return how choices are scored in this layout with `transformers` alone."""
        first = first_position(self.model.encoder)
        reader = Reader(self.model.takes_types, first, self.model.heads.scoring.usage)
        return usage(self.train, reader, task=min(self.tasks))

    def save(self, out: Path) -> None:
        """Write encoder, heads and the tokenizer's files."""
        save_model(self.model, out, self.tokenizer)
