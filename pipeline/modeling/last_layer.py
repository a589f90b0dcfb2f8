"""Computes the last feed-forward layer only for the tokens that a head reads.

The feed-forward output of a token depends on that token alone, so that the others can be left out. Scores
and gradients stay the same; the draws of dropout do not. Works for layers built like BERT's in
`transformers` (attention, then `feed_forward_chunk`).
"""

from typing import Any

from torch import Tensor
from transformers import PreTrainedModel


class _ReadLayer:
    """Mixed into the class of a layer; `read` is set before every forward pass."""

    read: tuple[Tensor, Tensor] | None = None
    """Sequence and token of every cell that is read, each once; None is all."""
    intermediate: Any
    output: Any

    def feed_forward_chunk(self, attention_output: Tensor) -> Tensor:
        """Replace the states of the read cells; the others are left as attention made them."""
        if self.read is None:
            whole: Tensor = super().feed_forward_chunk(attention_output)  # type: ignore[misc]
            return whole
        states = attention_output[self.read]
        done = self.output(self.intermediate(states), states)
        return attention_output.index_put(self.read, done.to(attention_output.dtype))


def reads_some(encoder: PreTrainedModel) -> "_ReadLayer | None":
    """Make the last layer able to compute some cells only, in place.

    Returns:
        The layer, or None where it is of another build and computes all.
    """
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    last = layers[-1] if layers is not None and len(layers) else None
    known = ("feed_forward_chunk", "intermediate", "output")
    if last is None or not all(hasattr(last, name) for name in known):
        return None
    if getattr(last, "chunk_size_feed_forward", 0):
        return None
    if not isinstance(last, _ReadLayer):
        kind = type(last)
        last.__class__ = type(f"Read{kind.__name__}", (_ReadLayer, kind), {})
    return last  # type: ignore[no-any-return]
