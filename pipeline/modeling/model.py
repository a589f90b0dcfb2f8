"""Encoder and heads as one module: scores for sequences, logits for masked tokens.

Knows how to call an encoder of `transformers`; knows no task, no batch plan and no loss.
"""

import inspect
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from pipeline.modeling.heads import Heads


@dataclass(frozen=True, slots=True)
class Inputs:
    """A padded batch of sequences; S sequences, L tokens of the longest."""

    ids_SL: Tensor
    """int64"""
    attention_SL: Tensor
    """bool; False on padding"""
    types_SL: Tensor
    """int64; 0 up to and including the first [SEP], then 1, as a tokenizer marks a pair of texts"""


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

    @property
    def embeddings(self) -> nn.Embedding:
        """The encoder's word embeddings."""
        table: nn.Embedding = self.encoder.get_input_embeddings()
        return table

    def scores(self, inputs: Inputs) -> Tensor:
        """Return one float32 score per sequence."""
        scores: Tensor = self.heads.scoring(self._hidden(inputs))
        return scores

    def masked_logits(self, inputs: Inputs, sequences_M: Tensor, tokens_M: Tensor) -> Tensor:
        """Return float32 logits over the vocabulary at M positions, given as two index vectors."""
        hidden_MW = self._hidden(inputs)[sequences_M, tokens_M]
        logits: Tensor = self.heads.masked(hidden_MW, self.embeddings.weight)
        return logits.float()

    def _hidden(self, inputs: Inputs) -> Tensor:
        arguments = {"input_ids": inputs.ids_SL, "attention_mask": inputs.attention_SL.long()}
        if self.takes_types:
            arguments["token_type_ids"] = inputs.types_SL
        hidden: Tensor = self.encoder(**arguments).last_hidden_state
        return hidden


def with_heads(encoder: PreTrainedModel, *, dropout: float, seed: int) -> ChoiceModel:
    """Put new heads, random from `seed`, on an encoder."""
    table = encoder.get_input_embeddings().weight
    heads = Heads(
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
