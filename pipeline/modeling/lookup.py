"""An embedding whose backward pass adds gradients to the rows that were read.

PyTorch makes a dense gradient of the whole table in every backward pass and adds it to `.grad`. With a
vocabulary of 30,000 this costs as much on CPU as dozens of tokens, in every micro-batch. Where a table is
only looked up, the sums here are the same, in the same order, to the last bit.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class RowEmbedding(nn.Embedding):
    """`nn.Embedding` for a table whose `.grad` exists, as the trainer's flat buffer makes it."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the rows of these ids."""
        if not torch.is_grad_enabled() or self.weight.grad is None:
            return super().forward(input)
        found: Tensor = _Rows.apply(self.weight, input, self.padding_idx)  # type: ignore[no-untyped-call]
        return found


class _Rows(torch.autograd.Function):
    """Looks rows up; adds their gradients to the table's `.grad` itself."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, ids: Tensor, padding: int | None) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.table, ctx.padding = table, padding
        return functional.embedding(ids, table)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None]:
        (ids,) = ctx.saved_tensors
        flat, gradient = ids.reshape(-1), gradients[0]
        gradient = gradient.reshape(len(flat), -1)
        if ctx.padding is not None:
            real = flat != ctx.padding
            flat, gradient = flat[real], gradient[real]
        rows, place = torch.unique(flat, return_inverse=True)
        sums = gradient.new_zeros(len(rows), gradient.shape[1]).index_add_(0, place, gradient)
        ctx.table.grad.index_add_(0, rows, sums)
        return None, None, None


def add_rows_only(table: nn.Embedding) -> None:
    """Make an embedding a `RowEmbedding`, in place; its name, weight and state stay as they are."""
    if type(table) is nn.Embedding and not table.sparse and table.max_norm is None:
        table.__class__ = RowEmbedding
