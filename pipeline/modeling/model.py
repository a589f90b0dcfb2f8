"""Encoder and heads as one module: scores for options, logits for masked tokens."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pipeline.modeling.heads import Heads
from pipeline.modeling.last_layer import reads_some


@dataclass(frozen=True, slots=True)
class Inputs:
    """A padded batch of sequences; S sequences, L tokens of the longest."""

    ids_SL: Tensor
    """int64"""
    attention_SL: Tensor
    """bool; False on padding"""
    types_SL: Tensor
    """int64; 0 up to and including the first [SEP], then 1, as a tokenizer marks a pair of texts"""
    places_SL: Tensor | None = None
    """int64; positions from 0 where the encoder is not to count from the left"""
    packed_row_SL: Tensor | None = None
    """int64; where given, i sees j if both are of one packed row, and j is shared or of i's choice"""
    choice_SL: Tensor | None = None
    """int64; 0 is the shared part of its packed row; given with the packed rows"""


@dataclass(frozen=True, slots=True)
class Cells:
    """N cells of a padded batch."""

    sequence_N: Tensor
    """int64"""
    token_N: Tensor
    """int64"""

    def of(self, hidden_SLW: Tensor) -> Tensor:
        """Return the hidden states of the cells, N x width."""
        return hidden_SLW[self.sequence_N, self.token_N]


class ChoiceModel(nn.Module):
    """An encoder with the scoring head and the masked-token head on top."""

    def __init__(self, encoder: PreTrainedModel, heads: Heads) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = heads
        self.takes_types = (
            "token_type_ids" in inspect.signature(encoder.forward).parameters
            and getattr(encoder.config, "type_vocab_size", 0) > 1
        )
        self.reads_some = False

    @property
    def embeddings(self) -> nn.Embedding:
        """The encoder's word embeddings."""
        table: nn.Embedding = self.encoder.get_input_embeddings()
        return table

    def compute_what_is_read(self) -> None:
        """Leave out, from now on, what the last layer would compute for cells that nobody reads."""
        self.reads_some = reads_some(self.encoder) is not None

    def hidden(self, inputs: Inputs, read: Cells | None = None) -> Tensor:
        """Return the encoder's last hidden states, sequences x tokens x width.

        Args:
            inputs: What to read.
            read: Cells that a head will look at, each once; after `compute_what_is_read` the others
                hold no states of use. None is all cells.
        """
        if self.reads_some:
            layer: Any = self.encoder.encoder.layer[-1]
            layer.read = None if read is None else (read.sequence_N, read.token_N)
        arguments: dict[str, Tensor] = {"input_ids": inputs.ids_SL}
        if inputs.packed_row_SL is None or inputs.choice_SL is None:
            arguments["attention_mask"] = inputs.attention_SL.long()
        else:
            arguments["attention_mask"] = self._mask(inputs.packed_row_SL, inputs.choice_SL)
        if inputs.places_SL is not None:
            arguments["position_ids"] = inputs.places_SL + first_position(self.encoder)
        if self.takes_types:
            arguments["token_type_ids"] = inputs.types_SL
        hidden: Tensor = self.encoder(**arguments).last_hidden_state
        return hidden

    def scored(self, hidden_SLW: Tensor, at: Cells) -> Tensor:
        """Return the float32 scores of options, each read at its cell."""
        scores: Tensor = self.heads.scoring(at.of(hidden_SLW))
        return scores

    def guessed(self, hidden_SLW: Tensor, at: Cells) -> Tensor:
        """Return float32 logits over the vocabulary at masked cells."""
        logits: Tensor = self.heads.masked(at.of(hidden_SLW), self.embeddings.weight)
        return logits.float()

    def _mask(self, packed_row_SL: Tensor, choice_SL: Tensor) -> Tensor:
        """Return which token sees which, S x 1 x L x L, as the encoder's attention takes it."""
        keys_S1L = choice_SL[:, None, :]
        seen = (keys_S1L == 0) | (keys_S1L == choice_SL[:, :, None])
        mask = (seen & (packed_row_SL[:, None, :] == packed_row_SL[:, :, None]))[:, None]
        if self.encoder.config._attn_implementation != "eager":
            return mask
        lowest = torch.finfo(self.encoder.dtype).min
        return torch.zeros_like(mask, dtype=self.encoder.dtype).masked_fill(~mask, lowest)


def first_position(encoder: PreTrainedModel) -> int:
    """Return the number that the encoder gives to the first position: 0, but after the padding's row.

    RoBERTa and its kin keep a row of the position table for padding, and start after it.
    """
    embeddings = getattr(encoder, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    return 0 if padding is None else int(padding) + 1


def layer_weights(encoder: PreTrainedModel) -> int:
    """Return how many weights every token is multiplied with: those of the layers."""
    unread = ("embeddings.", "pooler.")
    named = encoder.named_parameters()
    return sum(weight.numel() for name, weight in named if not name.startswith(unread))


def with_heads(
    encoder: PreTrainedModel, *, dropout: float, seed: int, scoring: str = "linear"
) -> ChoiceModel:
    """Put new heads, random from `seed`, on an encoder.

    Args:
        encoder: On the CPU.
        dropout: Of the scoring head.
        seed: Seed of the run.
        scoring: Kind of the scoring head, a key of `heads.SCORING_HEADS`.
    """
    table = encoder.get_input_embeddings().weight
    heads = Heads(
        scoring,
        width=encoder.config.hidden_size,
        embedding_width=table.shape[1],
        vocabulary=table.shape[0],
        dropout=dropout,
        seed=seed,
    )
    return ChoiceModel(encoder, heads)


def trained_parameters(model: ChoiceModel, *, masked: bool) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes, by name, in a fixed order.

    The encoder's pooler is never used, nor is the masked-token head without a masked-token loss:
    they stay out, so that weight decay does not change what no loss looks at.
    """
    unused = ("encoder.pooler.",) if masked else ("encoder.pooler.", "heads.masked.")
    named = dict(model.named_parameters())
    return {
        name: parameter
        for name, parameter in sorted(named.items())
        if not name.startswith(unused) and parameter.dtype == torch.float32
    }
