import torch
from torch import nn

from pipeline.modeling.prefixes import initialize_prefixes, prefix_rows

PREFIXES = {"b": 9, "a": 8}


def table():
    torch.manual_seed(0)
    return nn.Embedding(10, 6, padding_idx=0)


def test_shared_prefixes_start_as_the_mean_of_the_other_rows():
    embedding = table()
    before = embedding.weight.detach().clone()
    initialize_prefixes(embedding, PREFIXES, init="shared", seed=1)
    expected = before[1:8].mean(0)
    torch.testing.assert_close(embedding.weight[8].detach(), expected)
    assert torch.equal(embedding.weight[8], embedding.weight[9])
    assert torch.equal(embedding.weight[:8], before[:8])


def test_random_prefixes_belong_to_their_task():
    both, one = table(), table()
    initialize_prefixes(both, PREFIXES, init="random", seed=1)
    initialize_prefixes(one, {"a": 9}, init="random", seed=1)
    weights = table().weight.detach()[1:8]
    assert not torch.equal(both.weight[8], both.weight[9])
    ratio = both.weight.detach()[8] / one.weight.detach()[9]  # same draws, another table's spread
    torch.testing.assert_close(ratio, ratio[0].expand(6))
    assert 0.2 * weights.std() < both.weight[8].std() < 3 * weights.std()


def test_rows_come_in_task_order_and_are_a_copy():
    embedding = table()
    rows = prefix_rows(embedding, PREFIXES)
    assert torch.equal(rows, embedding.weight.detach()[[8, 9]])
    embedding.weight.data.zero_()
    assert rows.abs().sum() > 0
