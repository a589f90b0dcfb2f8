"""The two heads that all tasks share: one score per option, and masked-token logits.

Knows hidden states; knows no encoder, no task and no loss.
"""

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
    """State of one token -> (pooler) -> dropout -> one number. No parameter belongs to a task."""

    def __init__(self, width: int, dropout: float, *, pooled: bool = False) -> None:
        super().__init__()
        self.pooler = Pooler(width, dropout) if pooled else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(width, 1)

    def forward(self, hidden_SW: Tensor) -> Tensor:
        """Return one float32 score per option from the hidden state where it is read."""
        scores: Tensor = self.score(self.dropout(self.pooler(hidden_SW)))
        return scores.squeeze(-1).float()


class MaskedTokenHead(nn.Module):
    """Dense, GELU, LayerNorm, then the word embeddings as decoder (tied) and a bias.

    It sees hidden states at masked positions only: logits over the vocabulary are the dearest part
    of the step.
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
    """Both heads, as `head.safetensors` keeps them."""

    def __init__(
        self,
        *,
        width: int,
        embedding_width: int,
        vocabulary: int,
        dropout: float,
        seed: int,
        pooled: bool = False,
    ) -> None:
        super().__init__()
        self.scoring = ScoringHead(width, dropout, pooled=pooled)
        self.masked = MaskedTokenHead(width, embedding_width, vocabulary)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "heads"))
            layers = [self.scoring.score, self.masked.dense]
            if isinstance(self.scoring.pooler, Pooler):
                layers.append(self.scoring.pooler.dense)
            for module in layers:
                nn.init.normal_(module.weight, std=_STD)
                nn.init.zeros_(module.bias)
