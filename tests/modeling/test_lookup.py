import copy

import pytest
import torch
from torch import nn

from pipeline.modeling.lookup import RowEmbedding, add_rows_only


def tables(**options):
    torch.manual_seed(1)
    plain = nn.Embedding(50, 7, **options)
    rows = copy.deepcopy(plain)
    add_rows_only(rows)
    for table in (plain, rows):
        table.weight.grad = torch.full_like(table.weight, 0.25)
    return plain, rows


def backward(table, ids, gradient):
    found = table(ids)
    (found * 1.5).backward(gradient)
    return found


@pytest.mark.parametrize("options", [{}, {"padding_idx": 0}])
def test_gradients_are_those_of_an_embedding_to_the_last_bit(options):
    plain, rows = tables(**options)
    torch.manual_seed(2)
    for _ in range(3):
        ids, gradient = torch.randint(0, 9, (6, 11)), torch.randn(6, 11, 7)
        assert torch.equal(backward(plain, ids, gradient), backward(rows, ids, gradient))
    assert torch.equal(plain.weight.grad, rows.weight.grad)
    assert (rows.weight.grad[9:] == 0.25).all()
    assert (rows.weight.grad[1:9] != 0.25).all()
    assert bool((rows.weight.grad[0] == 0.25).all()) == bool(options)


def test_the_table_may_be_read_elsewhere_too():
    plain, rows = tables()
    ids = torch.tensor([[1, 2, 1]])
    for table in (plain, rows):
        (table(ids) @ table.weight.T).square().sum().backward()
    torch.testing.assert_close(plain.weight.grad, rows.weight.grad)


def test_without_a_gradient_to_add_to_it_is_an_embedding():
    plain, rows = tables()
    rows.weight.grad = plain.weight.grad = None
    ids = torch.tensor([[3, 3, 4]])
    for table in (plain, rows):
        table(ids).sum().backward()
    assert torch.equal(plain.weight.grad, rows.weight.grad)
    with torch.no_grad():
        assert torch.equal(plain(ids), rows(ids))


def test_a_copy_adds_to_its_own_gradient():
    _, rows = tables()
    again = copy.deepcopy(rows)
    assert type(again) is RowEmbedding
    again.weight.grad = torch.zeros_like(again.weight)
    again(torch.tensor([5])).sum().backward()
    assert (again.weight.grad[5] == 1).all()
    assert (rows.weight.grad == 0.25).all()


def test_other_kinds_of_tables_stay_as_they_are():
    sparse = nn.Embedding(4, 2, sparse=True)
    add_rows_only(sparse)
    assert type(sparse) is nn.Embedding
