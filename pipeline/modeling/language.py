"""Language models as the text view uses them: the log-probabilities of asked tokens.

A causal model reads lines that may hold several documents, or one context and several continuations,
kept apart by a mask over segments; an encoder-decoder reads inputs and what was written so far. Logits
are computed at asked places only: they cost more than any other part of a step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

Kind = Literal["causal", "seq2seq"]

SHARED = 0
"""Segment that every later token of its line may look at; other segments see themselves and it alone."""
PADDING = -1
"""Segment of padding."""


@dataclass(frozen=True, slots=True)
class LineInputs:
    """N padded lines of L tokens for a causal model; M tokens are asked for."""

    ids_NL: Tensor
    """int64"""
    place_NL: Tensor
    """int64: each token's position in its document."""
    segment_NL: Tensor
    """int64; see `SHARED` and `PADDING`."""
    line_M: Tensor
    """Line of each asked token."""
    at_M: Tensor
    """Place in the line of the token before it, which predicts it."""
    answer_M: Tensor
    """The asked token."""


@dataclass(frozen=True, slots=True)
class PairInputs:
    """E padded inputs of an encoder, and N texts of T tokens for its decoder; M tokens are asked for."""

    ids_EL: Tensor
    """int64"""
    real_EL: Tensor
    """bool; False on padding."""
    input_N: Tensor
    """Input that each text belongs to."""
    ids_NT: Tensor
    """int64: what the decoder reads, from the start token on."""
    line_M: Tensor
    """Text of each asked token."""
    at_M: Tensor
    """Place in the text of the token before it, which predicts it."""
    answer_M: Tensor
    """The asked token."""


@dataclass(frozen=True, slots=True)
class TokenCosts:
    """What a model says of M asked tokens."""

    cost_M: Tensor
    """Negative log-probability in nats, float32."""
    top_M: Tensor
    """Whether no token is more probable: greedy decoding writes it."""


class LanguageModel(nn.Module):
    """A causal or encoder-decoder model of `transformers`.

    Weights that it has under several names (a head tied to the embeddings) are in its state once.

    Args:
        transformer: The model with its own head.
        kind: What it is.
    """

    def __init__(self, transformer: PreTrainedModel, kind: Kind) -> None:
        super().__init__()
        self.transformer = transformer
        self.kind = kind
        self._places: tuple[Tensor, Tensor] | None = None
        transformer.get_output_embeddings().register_forward_pre_hook(self._at_places)

    @property
    def embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        table: nn.Embedding = self.transformer.get_input_embeddings()
        return table

    @property
    def start(self) -> int:
        """Token that the decoder of an encoder-decoder starts from."""
        config = self.transformer.config
        found = config.decoder_start_token_id
        return int(config.pad_token_id if found is None else found)

    def forward(self, inputs: LineInputs | PairInputs) -> TokenCosts:
        """Return what the model says of the asked tokens."""
        call = self._call(inputs)
        self._places = (inputs.line_M, inputs.at_M)
        try:
            logits_MV: Tensor = self.transformer(**call, use_cache=False).logits[0].float()
        finally:
            self._places = None
        cost_M = functional.cross_entropy(logits_MV, inputs.answer_M, reduction="none")
        return TokenCosts(cost_M, logits_MV.detach().argmax(-1) == inputs.answer_M)

    def _at_places(self, head: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Give the head the hidden states at asked places alone, as one line of M."""
        if self._places is None:
            return arguments
        return (arguments[0][self._places][None], *arguments[1:])

    def _call(self, inputs: LineInputs | PairInputs) -> dict[str, Any]:
        """Return what the model is called with."""
        if isinstance(inputs, PairInputs):
            return self._pair_call(inputs)
        attention = self.transformer.config._attn_implementation
        return {
            "input_ids": inputs.ids_NL,
            "position_ids": inputs.place_NL,
            "attention_mask": segment_mask(inputs.segment_NL, attention),
        }

    def _pair_call(self, inputs: PairInputs) -> dict[str, Any]:
        """Encode every input once, however many texts belong to it."""
        real_EL = inputs.real_EL.long()
        encoder = self.transformer.get_encoder()
        hidden_ELW = encoder(input_ids=inputs.ids_EL, attention_mask=real_EL).last_hidden_state
        return {
            "encoder_outputs": BaseModelOutput(last_hidden_state=hidden_ELW[inputs.input_N]),
            "attention_mask": real_EL[inputs.input_N],
            "decoder_input_ids": inputs.ids_NT,
        }

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the weights by name, each under its first name."""
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        return {name: value for name, value in state.items() if name not in self._aliases()}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Take up what `state_dict` returned."""
        aliases = {name: state_dict[first] for name, first in self._aliases().items()}
        return super().load_state_dict({**state_dict, **aliases}, strict=strict, assign=assign)

    def _aliases(self) -> dict[str, str]:
        """Return further names of weights, and the first name of each."""
        first: dict[int, str] = {}
        names = [(n, id(p)) for n, p in self.named_parameters(remove_duplicate=False)]
        for name, weight in names:
            first.setdefault(weight, name)
        return {name: first[weight] for name, weight in names if first[weight] != name}


def trained_parameters(model: LanguageModel) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes, by name, in a fixed order; tied ones once."""
    named = dict(model.named_parameters())
    return {name: value for name, value in sorted(named.items()) if value.dtype == torch.float32}


def segment_mask(segment_NL: Tensor, attention: str) -> Any:
    """Return the mask under which a token sees what is before it in its own segment and in `SHARED`.

    Args:
        segment_NL: Segment of each token.
        attention: How the model attends: `flex_attention` takes a block mask, `eager` numbers to add
            to the scores, others booleans, N x 1 x L x L.
    """
    if attention == "flex_attention":
        return _block_mask(segment_NL)
    length = segment_NL.shape[1]
    earlier_LL = torch.ones(length, length, dtype=torch.bool, device=segment_NL.device).tril()
    asking_NL1, seen_N1L = segment_NL[:, :, None], segment_NL[:, None, :]
    mask_NLL = earlier_LL & ((asking_NL1 == seen_N1L) | (seen_N1L == SHARED))
    if attention == "eager":
        lowest = torch.finfo(torch.float32).min
        return torch.where(mask_NLL, 0.0, lowest)[:, None]
    return mask_NLL[:, None]


def _block_mask(segment_NL: Tensor) -> Any:
    """Return the same mask for PyTorch's flex attention."""
    from torch.nn.attention.flex_attention import create_block_mask

    def seen(line: Tensor, head: Tensor, asking: Tensor, key: Tensor) -> Tensor:
        there = segment_NL[line, key]
        return (asking >= key) & ((segment_NL[line, asking] == there) | (there == SHARED))

    lines, length = segment_NL.shape
    return create_block_mask(seen, lines, None, length, length, device=segment_NL.device.type)


@torch.no_grad()
def leak(model: LanguageModel) -> float:
    """Return by how much packed documents are read otherwise than alone; 0 but for rounding if not.

    Two short documents of arbitrary tokens, alone and in one line. Finds architectures that a mask and
    positions do not keep apart: recurrent ones, and those whose positions come from elsewhere.

    Returns:
        The largest difference of a token's log-probability.
    """
    device = model.embeddings.weight.device
    training = model.training
    model.eval()
    try:
        return _leak(model, device)
    finally:
        model.train(training)


def _leak(model: LanguageModel, device: torch.device) -> float:
    ids = torch.arange(1, 15, device=device) % model.embeddings.weight.shape[0]
    first, second = ids[:6], ids[6:]
    alone = [model(_document(part)).cost_M for part in (first, second)]
    place = torch.cat([torch.arange(len(part), device=device) for part in (first, second)])
    segment = torch.tensor([1] * len(first) + [2] * len(second), device=device)
    asked = torch.cat([torch.arange(len(first) - 1), torch.arange(len(first), len(ids) - 1)])
    asked = asked.to(device)
    together = LineInputs(
        ids[None], place[None], segment[None], torch.zeros_like(asked), asked, ids[asked + 1]
    )
    return float((model(together).cost_M - torch.cat(alone)).abs().max())


def _document(ids: Tensor) -> LineInputs:
    at = torch.arange(len(ids) - 1, device=ids.device)
    place = torch.arange(len(ids), device=ids.device)
    segment = torch.ones_like(place)
    return LineInputs(ids[None], place[None], segment[None], torch.zeros_like(at), at, ids[1:])
