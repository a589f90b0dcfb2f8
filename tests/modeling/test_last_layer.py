import copy

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    RobertaConfig,
    RobertaModel,
)

from pipeline.modeling.last_layer import reads_some
from pipeline.modeling.model import Cells, Inputs, with_heads

SIZE = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 24,
}  # fmt: skip
READ = Cells(torch.tensor([0, 0, 1]), torch.tensor([0, 4, 2]))


def pair(config, kind):
    torch.manual_seed(3)
    whole = with_heads(kind(config(**SIZE)), dropout=0.0, seed=1).eval()
    some = copy.deepcopy(whole)
    some.compute_what_is_read()
    return whole, some


def batch():
    ids = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 3]])
    return Inputs(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids))


def gradients(model, read):
    model.zero_grad()
    hidden = model.hidden(batch(), read)
    scores = model.scored(hidden, READ)
    scores.square().sum().backward()
    return hidden, scores, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("config", "kind"), [(BertConfig, BertModel), (RobertaConfig, RobertaModel)]
)
def test_scores_and_gradients_are_those_of_the_whole_layer(config, kind):
    whole, some = pair(config, kind)
    hidden, scores, expected = gradients(whole, None)
    left, found, ours = gradients(some, READ)
    torch.testing.assert_close(found, scores, rtol=0, atol=1e-6)
    assert ours.keys() == expected.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-6, msg=name)
    assert not torch.allclose(left[1, 0], hidden[1, 0], atol=1e-4), "an unread cell is not computed"


def test_without_cells_the_next_pass_computes_all():
    whole, some = pair(BertConfig, BertModel)
    gradients(some, READ)
    with torch.no_grad():
        assert torch.equal(some.hidden(batch()), whole.hidden(batch()))


def test_weights_keep_their_names_and_copies_work():
    whole, some = pair(BertConfig, BertModel)
    assert some.state_dict().keys() == whole.state_dict().keys()
    assert reads_some(some.encoder) is some.encoder.encoder.layer[-1]
    _, scores, _ = gradients(copy.deepcopy(some), READ)
    torch.testing.assert_close(scores, gradients(whole, None)[1], rtol=0, atol=1e-6)


def test_recomputed_activations_see_the_same_cells():
    whole, some = pair(BertConfig, BertModel)
    some.train()
    some.encoder.activation_checkpointing_enable({"use_reentrant": False})
    for module in some.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    _, scores, found = gradients(some, READ)
    _, expected_scores, expected = gradients(whole, None)
    torch.testing.assert_close(scores, expected_scores, rtol=0, atol=1e-6)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-6, msg=name)


def test_an_encoder_of_another_build_computes_all():
    class Bare(torch.nn.Module):
        pass

    assert reads_some(Bare()) is None
    config = BertConfig(**SIZE, chunk_size_feed_forward=2)
    assert reads_some(BertModel(config)) is None
    assert reads_some(DebertaV2Model(DebertaV2Config(**SIZE))) is None
