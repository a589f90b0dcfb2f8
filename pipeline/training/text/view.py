"""The text view: inputs, and the targets that a language model learns to write."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from pipeline.contract.order import Order
from pipeline.contract.ragged import Bools, Floats, Ints
from pipeline.contract.text import TextShards
from pipeline.errors import TrainingError
from pipeline.modeling.language import LanguageModel, trained_parameters
from pipeline.training.export import save_transformer
from pipeline.training.grouping import OVERHEAD
from pipeline.training.progress import StepSums, Term, task_sums
from pipeline.training.ranks import Ranks
from pipeline.training.run import Run, TextSettings
from pipeline.training.text.batches import TextPlan, TextRankBatch, text_rank_batch, text_steps
from pipeline.training.text.predict import (
    SCORES,
    ReadingPlan,
    answers_from,
    decodes_exactly,
    score_options,
    split_rows,
)
from pipeline.training.text.start import (
    TextArtefacts,
    build_language,
    open_text_artefacts,
    text_settings,
)
from pipeline.training.text.usage import text_usage
from pipeline.training.view import OverShards, StepContext, to_host


def text_view(run: Run, ranks: Ranks, say: Callable[[str], None]) -> "TextView":
    """Open the artefacts of a run of the text view and build its model, on the CPU.

    Raises:
        TrainingError: Flex attention is asked for without a GPU; or the model is not usable.
        ArtefactError: Something is missing, damaged, or belongs to something else.
    """
    text = text_settings(run)
    if text.attention == "flex" and ranks.device.type == "cpu":
        raise TrainingError(
            "'flex' has no backward pass without a GPU",
            where="text.attention",
            remedy="set it to mask, which gives the same numbers",
        )
    artefacts = open_text_artefacts(run, verify=ranks.local_rank == 0)
    model = build_language(run, artefacts.train, say=say)
    plan = TextPlan(
        batch=run.train.batch,
        token_budget=run.train.token_budget,
        overhead=OVERHEAD[ranks.device.type],
        start=model.start if model.kind == "seq2seq" else None,
    )
    return TextView(model, artefacts, plan, text, Path(run.tokenizer))


@dataclass(frozen=True, slots=True)
class TextView(OverShards):
    """A `training.view.View` of inputs and targets.

    Attributes:
        model: What is trained.
        artefacts: Shards, order and packs.
        plan: What shapes the batches.
        text: Settings of the view.
        tokenizer: Folder whose files go beside the model.
    """

    model: LanguageModel
    artefacts: TextArtefacts
    plan: TextPlan
    text: TextSettings
    tokenizer: Path

    @property
    def terms(self) -> Sequence[Term]:
        """The one loss: a mean over the supervised tokens of the global batch."""
        return (Term("token", 1.0),)

    @property
    def steps(self) -> int:
        """Global batches of the whole order."""
        return text_steps(self.artefacts.units, self.plan)

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return all weights by name, tied ones once."""
        return trained_parameters(self.model)

    def examples(self, step: int) -> int:
        """Return the rows of a global batch."""
        units, low = self.artefacts.units, step * self.plan.batch
        return units.rows(low, min(low + self.plan.batch, len(units)))

    def batch(self, step: int, *, rank: int, world: int) -> TextRankBatch:
        """Return one rank's part of a global batch."""
        shards, order, units = self.artefacts.train, self.artefacts.order, self.artefacts.units
        return text_rank_batch(shards, order, units, self.plan, step, rank=rank, world=world)

    def counts(self, batch: TextRankBatch) -> Floats:
        """Return the supervised tokens."""
        return np.array([batch.supervised], dtype=np.float64)

    def backward(self, batch: TextRankBatch, totals: Floats, context: StepContext) -> StepSums:
        """Add the gradients of one rank's part of a global batch."""
        supervised = float(totals[0])
        costs: list[Tensor] = []
        tops: list[Tensor] = []
        for micro in batch.micro:
            context.seed_dropout("text", micro.position)
            with context.autocast():
                said = self.model(micro.inputs_on(context.device))
            weighted = context.weighted(said.cost_M, batch.task[micro.asked.owner])
            loss: Tensor = weighted.sum() / supervised
            loss.backward()  # type: ignore[no-untyped-call]
            costs.append(said.cost_M.detach())
            tops.append(said.top_M)
        return self._sums(batch, to_host(costs), to_host(tops) > 0)

    def _sums(self, batch: TextRankBatch, costs: Floats, tops: Bools) -> StepSums:
        """Add up by row and by task: a row is right where greedy decoding would write its target."""
        tokens, cells = batch.cells()
        owners = [micro.asked.owner for micro in batch.micro]
        owner = np.concatenate(owners) if owners else np.zeros(0, dtype=np.int64)
        rows = len(batch.task)
        loss_R = np.bincount(owner, costs, rows).astype(np.float64)
        right_R = (np.bincount(owner, ~tops, rows) == 0).astype(np.float64)
        by_task = task_sums(batch.task, loss_R, right_R, len(self.tasks))
        terms = np.array([[costs.sum(), batch.supervised]], dtype=np.float64)
        return StepSums(terms, float(tokens), float(cells), by_task)

    def reading(self, ranks: Ranks) -> ReadingPlan:
        """Return how rows are read for evaluation."""
        shards = self.artefacts.select
        return ReadingPlan(shards.special, shards.max_tokens, self.plan, ranks.device)

    def select(self, ranks: Ranks) -> dict[str, Any]:
        """Return what the model does on the `select` rows of every task; each rank answers its share.

        `accuracy` is that of rank classification by `score` where a task has options, and of greedy
        decoding, exactly, where it has none; `accuracy_sum`, `accuracy_mean` and `exact_match` are all
        of one kind.
        """
        how = self.reading(ranks)
        found: dict[str, dict[str, float]] = {f"accuracy_{score}": {} for score in SCORES}
        found["exact_match"] = {}
        for shard in self.artefacts.select.shards:
            mine = np.arange(ranks.rank, len(shard.rows), ranks.world)
            for name, (known, right) in self._figures(shard.task, mine, how, ranks).items():
                if known:
                    found[name][shard.task] = right / known
        accuracy = dict(
            sorted({**found["exact_match"], **found[f"accuracy_{self.text.score}"]}.items())
        )
        macro = sum(accuracy.values()) / len(accuracy) if accuracy else None
        return {
            "score": self.text.score,
            "accuracy": accuracy,
            "accuracy_macro": macro,
            "thresholds": {},
            **found,
        }

    def _figures(
        self, task: str, mine: Ints, how: ReadingPlan, ranks: Ranks
    ) -> dict[str, tuple[float, float]]:
        """Return known and right rows of one task over all ranks, by kind of figure."""
        shard = self.artefacts.select.shards[self.artefacts.select.tasks.index(task)]
        ranked, free = split_rows(shard, mine)
        answered = {
            f"accuracy_{score}": answers_from(ranked, scores)
            for score, scores in score_options(self.model, ranked, how).items()
        }
        right = decodes_exactly(self.model, free, how)
        figures = [(a.known.sum(), a.right.sum()) for a in answered.values()]
        figures.append((len(right), right.sum()))
        totals = ranks.total(np.array(figures, dtype=np.float64)).tolist()
        names = (*answered, "exact_match")
        return {name: (known, hit) for name, (known, hit) in zip(names, totals, strict=True)}

    def usage(self) -> str:
        """Return how the saved folder ranks options, for its model card."""
        special = self.artefacts.train.special
        return text_usage(
            self.model.kind,
            task=self.tasks[0],
            begins=special.bos is not None,
            prefix=special.prefix,
        )

    def save(self, out: Path) -> None:
        """Write the model, the tokenizer's files, and the supervised tokens of each task."""
        save_transformer(self.model.transformer, out, self.tokenizer)
        text = supervised_csv(self.artefacts.train, self.artefacts.order)
        (out / "supervised.csv").write_text(text, encoding="utf-8")


def supervised_csv(shards: TextShards, order: Order) -> str:
    """Return, for each task, its examples in the order and their supervised tokens, as CSV.

    A pure function of shards and order: the same whatever the packs, and the same that the plan says.
    """
    times = np.bincount(order.row, minlength=int(shards.starts[-1]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("task", "examples", "supervised"))
    for shard in shards.shards:
        drawn = times[shard.start : shard.start + len(shard.rows)]
        supervised = int((drawn * (shard.rows.target.lengths + 1)).sum())
        writer.writerow([shard.task, int(drawn.sum()), supervised])
    return text.getvalue()
