"""Models of random weights as the trainer sees one, and the FLOPs that they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from pipeline.training.loop import Trainer, new_trainer
from pipeline.training.progress import StepSums, Term
from pipeline.training.ranks import Ranks
from pipeline.training.run import TrainSettings
from pipeline.training.view import StepContext

OPTIONS = 4
"""Choices of a row, for the encoders."""


@dataclass(frozen=True)
class Case:
    """A model, and what one step of it reads."""

    name: str
    layers: int
    width: int
    heads: int
    key_heads: int
    feed_forward: int
    vocabulary: int
    tokens: int
    """Of a sequence."""
    sequences: int
    """Of a micro-batch."""
    micro: int
    """Micro-batches of a step."""
    causal: bool
    bar: float | None
    """Least utilisation that is aimed at."""


CASES = {
    "minilm": Case("minilm", 6, 384, 12, 12, 1536, 30522, 128, 512, 2, False, None),
    "large": Case("large", 24, 1024, 16, 16, 4096, 128100, 256, 64, 2, False, 0.45),
    "decoder": Case("decoder", 16, 2048, 32, 8, 8192, 32000, 2048, 4, 2, True, 0.50),
}
TINY: dict[str, Any] = {"layers": 2, "width": 32, "heads": 4, "feed_forward": 64, "vocabulary": 100}


def tiny(case: Case) -> Case:
    """Return the same kind of model at toy size."""
    keys = 2 if case.key_heads < case.heads else 4
    return replace(case, **TINY, key_heads=keys, tokens=16, sequences=8, bar=None)


def model_of(case: Case) -> PreTrainedModel:
    """Return the model with random weights."""
    shape: dict[str, Any] = {
        "vocab_size": case.vocabulary,
        "hidden_size": case.width,
        "num_hidden_layers": case.layers,
        "num_attention_heads": case.heads,
        "intermediate_size": case.feed_forward,
        "max_position_embeddings": case.tokens,
        "attn_implementation": "sdpa",
    }
    torch.manual_seed(0)
    if case.causal:
        config = LlamaConfig(
            **shape, num_key_value_heads=case.key_heads, use_cache=False, tie_word_embeddings=True
        )
        return LlamaForCausalLM(config)
    return BertModel(BertConfig(**shape, attention_probs_dropout_prob=0.0), add_pooling_layer=False)


def flops_of_token(case: Case, *, masked_half: bool) -> float:
    """Return the model's FLOPs for one token, forward and backward.

    Args:
        case: The model.
        masked_half: Whether the keys to the right of a causal model's token stay out.
    """
    keys = case.width * case.key_heads // case.heads
    projections = 2 * case.width**2 + 2 * case.width * keys
    feed_forward = (3 if case.causal else 2) * case.width * case.feed_forward
    attended = case.tokens * (0.5 if case.causal and masked_half else 1.0)
    forward = case.layers * (2 * (projections + feed_forward) + 4 * case.width * attended)
    if case.causal:
        forward += 2 * case.width * case.vocabulary
    return 3 * forward


@dataclass
class Synthetic:
    """A `training.view.View` of full sequences of random tokens, the same in every step."""

    case: Case
    model: nn.Module
    steps: int = 10**9
    prefixes: Mapping[str, int] = field(default_factory=lambda: {"random": 0})
    terms: Sequence[Term] = (Term("loss", 1.0),)
    tasks: Sequence[str] = ("random",)

    @property
    def embeddings(self) -> nn.Embedding:
        """The table of words."""
        table: nn.Embedding = self.transformer.get_input_embeddings()
        return table

    @property
    def transformer(self) -> PreTrainedModel:
        """The model without its score."""
        return self.model["transformer"]  # type: ignore[index]

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return all of them."""
        return dict(self.model.named_parameters())

    def examples(self, step: int) -> int:
        """Return the sequences of a step."""
        return self.case.sequences * self.case.micro

    def batch(self, step: int, *, rank: int, world: int) -> list[np.ndarray]:
        """Return the micro-batches of a step."""
        rng = np.random.default_rng(step)
        shape = (self.case.micro, self.case.sequences, self.case.tokens)
        return list(rng.integers(5, self.case.vocabulary, shape))

    def counts(self, batch: list[np.ndarray]) -> np.ndarray:
        """Return the micro-batches, over which the loss is a mean."""
        return np.array([float(len(batch))])

    def backward(
        self, batch: list[np.ndarray], totals: np.ndarray, context: StepContext
    ) -> StepSums:
        """Add the gradients of all micro-batches."""
        losses = []
        for place, ids in enumerate(batch):
            context.seed_dropout("random", place)
            with context.autocast():
                loss = self.loss(torch.from_numpy(ids).to(context.device, non_blocking=True))
            (loss / float(totals[0])).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        total = float(torch.stack(losses).sum())
        cells = float(sum(ids.size for ids in batch))
        terms = np.array([[total, len(batch)]])
        return StepSums(terms, cells, cells, np.array([[1.0, total, 0.0]]))

    def loss(self, ids_SL: Tensor) -> Tensor:
        """Return the mean loss: of every next token, or of choices scored at the first token."""
        if self.case.causal:
            loss: Tensor = self.transformer(input_ids=ids_SL, labels=ids_SL).loss
            return loss
        hidden_SLW = self.transformer(input_ids=ids_SL).last_hidden_state
        scores_RC = self.model["score"](hidden_SLW[:, 0]).view(-1, OPTIONS)  # type: ignore[index]
        gold_R = torch.zeros(len(scores_RC), dtype=torch.int64, device=ids_SL.device)
        return functional.cross_entropy(scores_RC.float(), gold_R)


def begun(case: Case, device: torch.device, *, compiled: bool) -> Trainer:
    """Return the case as a training before its first step."""
    model = nn.ModuleDict({"transformer": model_of(case)})
    if not case.causal:
        model["score"] = nn.Linear(case.width, 1)
    view: Any = Synthetic(case, model)
    return new_trainer(view, settings(compiled), seed=0, ranks=Ranks(0, 0, 1, device))


def settings(compiled: bool) -> TrainSettings:
    """Return the trainer's settings: those that no view looks at have any value."""
    given = {"precision": "bf16", "learning_rate": 1e-4, "clip": 1.0, "warmup": 0.0}
    given |= {
        "weight_decay": 0.01,
        "log_every": 10**9,
        "checkpoint_every": 10**9,
        "compile": compiled,
    }
    given |= {"best": False, "select_every": None, "gradient_checkpointing": False, "keep_last": 1}
    rest = {name: None for name in TrainSettings.__dataclass_fields__ if name not in given}
    return TrainSettings(**given, **rest)  # type: ignore[arg-type]


def counted_equal(case: Case) -> bool:
    """Compare the formula with torch's counter, which counts masked keys too, at toy size.

    Attention goes by plain products here, since the counter does not know every fused kernel.
    """
    small = tiny(case)
    training = begun(small, torch.device("cpu"), compiled=False)
    view: Any = training.view
    ids = torch.from_numpy(view.batch(0, rank=0, world=1)[0])
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        view.loss(ids).backward()
    training.batches.close()
    score = 0.0 if small.causal else 3 * 2 * small.width * small.sequences
    expected = flops_of_token(small, masked_half=False) * ids.numel() + score
    return bool(abs(counter.get_total_flops() - expected) < 1e-6 * expected)
