"""AdamW over one flat gradient, and the learning rate of each step.

All gradients are views into one buffer: one all-reduce and one norm for the whole model.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_STATE = ("exp_avg", "exp_avg_sq", "step")


def learning_rate(step: int, *, steps: int, peak: float, warmup: float) -> float:
    """Return the rate of a step: linear up over the first share `warmup`, then linear to 0.

    Args:
        step: Counted from 0, less than `steps`.
        steps: Of the whole run.
        peak: Highest rate, reached at the end of the warm-up.
        warmup: Share of the steps.
    """
    rising = round(warmup * steps)
    if step < rising:
        return peak * (step + 1) / rising
    return peak * (steps - step) / max(1, steps - rising)


class FlatAdamW:
    """AdamW whose gradients lie in one buffer; weights of one dimension are not decayed.

    Args:
        parameters: By name, in a fixed order, all float32 and on one device.
        weight_decay: Of matrices; biases and norms have none.
        clip: Largest norm of the whole gradient.
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], *, weight_decay: float, clip: float
    ) -> None:
        self._parameters = dict(parameters)
        self._clip = clip
        tensors = list(self._parameters.values())
        self.gradient = torch.zeros(
            sum(parameter.numel() for parameter in tensors), device=tensors[0].device
        )
        first = 0
        for parameter in tensors:
            part = self.gradient[first : first + parameter.numel()]
            parameter.grad = part.view_as(parameter)
            first += parameter.numel()
        groups = [
            {"params": [p for p in tensors if p.dim() > 1], "weight_decay": weight_decay},
            {"params": [p for p in tensors if p.dim() <= 1], "weight_decay": 0.0},
        ]
        self._adamw = torch.optim.AdamW(groups, lr=0.0, fused=True)

    def step(self, rate: float) -> None:
        """Clip the gradient, change the parameters, and set the gradient to zero."""
        norm = torch.linalg.vector_norm(self.gradient)
        self.gradient.mul_((self._clip / (norm + 1e-6)).clamp(max=1.0))
        for group in self._adamw.param_groups:
            group["lr"] = rate
        self._adamw.step()
        self.gradient.zero_()

    def state(self) -> dict[str, Tensor]:
        """Return the moments and step counts, as `KIND.PARAMETER`; empty before the first step."""
        return {
            f"{kind}.{name}": self._adamw.state[parameter][kind]
            for name, parameter in self._parameters.items()
            for kind in _STATE
            if parameter in self._adamw.state
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state` returned.

        Raises:
            KeyError: A parameter's moments are missing.
        """
        for name, parameter in self._parameters.items():
            moments = {kind: state[f"{kind}.{name}"] for kind in _STATE}
            self._adamw.state[parameter] = {
                kind: moment.to(parameter.device).clone() for kind, moment in moments.items()
            }
