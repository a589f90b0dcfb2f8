import pytest
import torch
from torch import nn

from pipeline.training.optimizer import FlatAdamW, learning_rate


def test_the_rate_rises_and_falls_linearly():
    rates = [learning_rate(s, steps=10, peak=1.0, warmup=0.4) for s in range(10)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_a_run_without_warm_up_starts_at_the_peak():
    assert learning_rate(0, steps=1, peak=2.0, warmup=0.0) == 2.0
    assert learning_rate(0, steps=3, peak=2.0, warmup=1.0) == pytest.approx(2 / 3)


def model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 1))


def named(module):
    return dict(sorted(module.named_parameters()))


def test_one_flat_gradient_gives_the_updates_of_plain_adamw():
    flat, plain = model(), model()
    ours = FlatAdamW(named(flat), weight_decay=0.1, clip=0.05)
    weights = [p for p in plain.parameters() if p.dim() > 1]
    others = [p for p in plain.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    theirs = torch.optim.AdamW(groups, lr=0.01, foreach=False)
    for step in range(4):
        inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(step))
        for half in inputs.chunk(2):
            flat(half).square().sum().backward()
        ours.step(0.01)
        theirs.zero_grad()
        plain(inputs).square().sum().backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.05)
        theirs.step()
    for name, value in named(flat).items():
        torch.testing.assert_close(value, named(plain)[name], rtol=1e-4, atol=1e-6)


def test_state_is_taken_up_exactly():
    first, second = model(), model()
    one = FlatAdamW(named(first), weight_decay=0.1, clip=1.0)
    assert one.state() == {}
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    first(inputs).square().sum().backward()
    one.step(0.01)
    second.load_state_dict(first.state_dict())
    two = FlatAdamW(named(second), weight_decay=0.1, clip=1.0)
    two.load_state(one.state())
    for optimizer, module in ((one, first), (two, second)):
        module(inputs).square().sum().backward()
        optimizer.step(0.01)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    with pytest.raises(KeyError):
        two.load_state({})
