import copy

import pytest
import torch

from pipeline.modeling.encoder import Architecture, small_encoder
from pipeline.modeling.model import Cells, Inputs, layer_weights, trained_parameters, with_heads


@pytest.fixture
def model():
    encoder = small_encoder(
        Architecture(2, 16, 2, 0.0), vocabulary=40, max_tokens=20, pad=0, seed=1
    )
    return with_heads(encoder, dropout=0.0, seed=1)


def inputs(ids, types=None):
    values = torch.tensor(ids)
    return Inputs(values, values != 0, torch.zeros_like(values) if types is None else types)


def cells(sequences, tokens):
    return Cells(torch.tensor(sequences), torch.tensor(tokens))


def scores(model, batch):
    every = list(range(len(batch.ids_SL)))
    return model.scored(model.hidden(batch), cells(every, [0] * len(every)))


def masked_logits(model, batch, sequences, tokens):
    return model.guessed(model.hidden(batch), cells(sequences, tokens))


def test_padding_changes_no_score(model):
    short = scores(model, inputs([[2, 5, 3, 9, 3]]))
    padded = scores(model, inputs([[2, 5, 3, 9, 3, 0, 0], [2, 5, 6, 7, 3, 9, 3]]))
    torch.testing.assert_close(short[0], padded[0], rtol=0, atol=1e-6)
    assert padded.dtype == torch.float32
    assert padded.shape == (2,)


def test_types_reach_the_encoder(model):
    ids = [[2, 5, 3, 9, 3]]
    types = torch.tensor([[0, 0, 0, 1, 1]])
    assert model.takes_types
    assert not torch.equal(scores(model, inputs(ids)), scores(model, inputs(ids, types)))


def test_masked_logits_are_those_of_the_named_positions(model):
    batch = inputs([[2, 5, 4, 9, 3], [2, 4, 4, 9, 3]])
    logits = masked_logits(model, batch, [0, 1, 1], [2, 1, 2])
    assert logits.shape == (3, 40)
    one = masked_logits(model, batch, [1], [2])
    torch.testing.assert_close(one[0], logits[2], rtol=0, atol=1e-6)


def test_the_masked_token_decoder_is_tied_to_the_embeddings(model):
    assert "heads.masked.decoder.weight" not in model.state_dict()
    masked_logits(model, inputs([[2, 4, 3]]), [0], [1]).sum().backward()
    unread = model.embeddings.weight.grad[30]
    assert unread.abs().sum() > 0, "the decoder's gradient reaches rows that no input holds"


def test_heads_belong_to_their_seed(model):
    again = with_heads(copy.deepcopy(model.encoder), dropout=0.0, seed=1)
    other = with_heads(copy.deepcopy(model.encoder), dropout=0.0, seed=2)
    weights = [m.heads.scoring.score.weight for m in (model, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_no_loss_looks_at_is_not_trained(model):
    both = trained_parameters(model, masked=True)
    scoring = trained_parameters(model, masked=False)
    assert list(both) == sorted(both)
    assert not any("pooler" in name for name in both)
    assert {name for name in both if name not in scoring} == {
        name for name in both if name.startswith("heads.masked.")
    }
    assert len(both) - len(scoring) == 5


def test_layer_weights_are_those_that_every_token_meets(model):
    layer = 4 * (16 * 16 + 16) + 2 * 4 * 16 * 16 + 5 * 16 + 4 * 16
    assert layer_weights(model.encoder) == 2 * layer


def test_a_pooler_comes_before_the_score_where_it_is_asked_for(model):
    pooled = with_heads(copy.deepcopy(model.encoder), dropout=0.0, seed=1, scoring="pooled")
    names = set(pooled.heads.state_dict()) - set(model.heads.state_dict())
    assert names == {"scoring.pooler.dense.weight", "scoring.pooler.dense.bias"}
    assert torch.equal(pooled.heads.scoring.score.weight, model.heads.scoring.score.weight)
    ids = inputs([[2, 5, 3, 9, 3]])
    assert not torch.equal(scores(pooled, ids), scores(model, ids))
