"""The heads that all tasks share: a score for each option, and logits of masked tokens.

A scoring head is a class with a `kind`, which the exported model names, and an entry in `SCORING_HEADS`.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.seeds import derive_seed

_STD = 0.02  # of BERT's own initialisation


class Pooler(nn.Module):
    """Dropout, dense, GELU: what the published DeBERTa classifiers put between [CLS] and the score."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)

    def forward(self, hidden_SW: Tensor) -> Tensor:
        """Return the pooled states, of the same shape."""
        return functional.gelu(self.dense(self.dropout(hidden_SW)))


class ScoringHead(nn.Module):
    """State of one token -> dropout -> one number. No parameter belongs to a task."""

    kind: ClassVar[str] = "linear"
    usage: ClassVar[str] = ""
    """Python for the model card: changes `hidden`, of `head`'s weights, before the last linear layer."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(width, 1)

    def forward(self, hidden_SW: Tensor) -> Tensor:
        """Return one float32 score per option from the hidden state where it is read."""
        scores: Tensor = self.score(self.dropout(hidden_SW))
        return scores.squeeze(-1).float()


class PooledScoringHead(ScoringHead):
    """State of one token -> pooler -> dropout -> one number."""

    kind = "pooled"
    usage = """    dense = head["scoring.pooler.dense.weight"], head["scoring.pooler.dense.bias"]
    hidden = torch.nn.functional.gelu(torch.nn.functional.linear(hidden, *dense))
"""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(width, dropout)
        self.pooler = Pooler(width, dropout)

    def forward(self, hidden_SW: Tensor) -> Tensor:
        """Return one float32 score per option from the hidden state where it is read."""
        return super().forward(self.pooler(hidden_SW))


SCORING_HEADS = {head.kind: head for head in (ScoringHead, PooledScoringHead)}


class MaskedTokenHead(nn.Module):
    """Dense, GELU, LayerNorm, then the word embeddings as decoder (tied) and a bias.

    It sees hidden states at masked positions only: logits over the vocabulary cost more than any other
    part of the step.
    """

    def __init__(self, width: int, embedding_width: int, vocabulary: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, embedding_width)
        self.norm = nn.LayerNorm(embedding_width, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, hidden_MW: Tensor, embeddings_VE: Tensor) -> Tensor:
        """Return logits, masked positions x vocabulary."""
        states = self.norm(functional.gelu(self.dense(hidden_MW)))
        return functional.linear(states, embeddings_VE, self.bias)


class Heads(nn.Module):
    """Both heads, as `head.safetensors` keeps them.

    Args:
        scoring: Kind of the scoring head, a key of `SCORING_HEADS`.
        width: Of the encoder's hidden states.
        embedding_width: Of its word embeddings.
        vocabulary: Rows of its embedding table.
        dropout: Of the scoring head, in [0, 1].
        seed: Seed of the run; the weights depend on nothing else.
    """

    def __init__(
        self,
        scoring: str,
        *,
        width: int,
        embedding_width: int,
        vocabulary: int,
        dropout: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.scoring = SCORING_HEADS[scoring](width, dropout)
        self.masked = MaskedTokenHead(width, embedding_width, vocabulary)
        first = [self.scoring.score, self.masked.dense]  # drawn first, whatever else a head has
        linear = [layer for layer in self.scoring.modules() if isinstance(layer, nn.Linear)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "heads"))
            for layer in [*first, *(layer for layer in linear if layer not in first)]:
                nn.init.normal_(layer.weight, std=_STD)
                nn.init.zeros_(layer.bias)
