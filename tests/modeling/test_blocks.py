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

from pipeline.modeling import model as modeling
from pipeline.modeling.blocks import keeps_choices_apart
from pipeline.modeling.model import with_heads

SIZE = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 24,
}  # fmt: skip


def choice_model(encoder):
    return with_heads(encoder, dropout=0.1, seed=1)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(
    ("config", "kind"), [(BertConfig, BertModel), (RobertaConfig, RobertaModel)]
)
def test_absolute_positions_keep_choices_apart(config, kind, attention):
    model = choice_model(kind(config(**SIZE, attn_implementation=attention))).train()
    assert keeps_choices_apart(model, 2, 3)
    assert model.training


def test_relative_positions_do_not():
    config = DebertaV2Config(
        **SIZE, relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"],
        max_relative_positions=24, position_biased_input=False,
    )  # fmt: skip
    assert not keeps_choices_apart(choice_model(DebertaV2Model(config)), 2, 3)


def test_it_is_the_mask_that_keeps_them_apart(monkeypatch):
    model = choice_model(BertModel(BertConfig(**SIZE)))
    monkeypatch.setattr(
        modeling.ChoiceModel, "_mask", lambda self, rows, choices: torch.ones_like(rows)
    )
    assert not keeps_choices_apart(model, 2, 3)


def test_it_is_the_positions_too(monkeypatch):
    model = choice_model(RobertaModel(RobertaConfig(**SIZE)))
    monkeypatch.setattr(modeling, "first_position", lambda encoder: 0)
    assert not keeps_choices_apart(model, 2, 3)
