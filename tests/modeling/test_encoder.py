import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    RobertaConfig,
    RobertaModel,
)

from pipeline.errors import TrainingError
from pipeline.modeling.encoder import (
    Architecture,
    pretrained_encoder,
    small_encoder,
)
from pipeline.modeling.load import quiet_transformers

TINY = {
    "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 24,
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet():
    quiet_transformers()


@pytest.fixture
def folder(tmp_path):
    BertModel(BertConfig(**TINY)).save_pretrained(tmp_path)
    return tmp_path


def load(folder, **changes):
    values = {"vocabulary": 30, "max_tokens": 16, "dropout": None, "seed": 1}
    return pretrained_encoder(folder, **(values | changes))


def small(seed=1, dropout=0.1):
    size = Architecture(2, 16, 2, dropout)
    return small_encoder(size, vocabulary=40, max_tokens=20, pad=0, seed=seed)


def test_a_small_encoder_belongs_to_its_seed_and_to_nothing_else():
    torch.manual_seed(5)
    first = small()
    after = torch.random.get_rng_state()
    torch.manual_seed(6)
    second, other = small(), small(seed=2)
    weights = [model.embeddings.word_embeddings.weight for model in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    torch.manual_seed(5)
    assert torch.equal(after, torch.random.get_rng_state())
    assert first.config._attn_implementation == "sdpa"
    assert first.config.intermediate_size == 64


def test_a_folder_loads_as_it_was_saved(folder):
    encoder, report = load(folder)
    assert report.lines() == []
    assert encoder.get_input_embeddings().weight.shape == (30, 16)
    assert encoder.config._attn_implementation == "sdpa"


def test_the_table_grows_by_the_prefixes_the_same_way_every_time(folder):
    first, report = load(folder, vocabulary=33)
    second, _ = load(folder, vocabulary=33)
    weights = [model.get_input_embeddings().weight for model in (first, second)]
    assert weights[0].shape == (33, 16)
    assert torch.equal(*weights)
    assert report.lines() == ["embedding table grown by 3 rows"]
    kept, _ = load(folder, vocabulary=10)
    assert kept.get_input_embeddings().weight.shape == (30, 16)


def test_weights_that_do_not_fit_are_reported(tmp_path):
    BertForMaskedLM(BertConfig(**TINY)).save_pretrained(tmp_path)
    _, report = load(tmp_path)
    assert report.missing == ("pooler.dense.bias", "pooler.dense.weight")
    assert any(key.startswith("cls.predictions") for key in report.unexpected)
    assert report.lines()[0].startswith("2 weights missing, left at random: pooler.dense.bias")


def test_dropout_is_set_everywhere_and_attention_dropout_is_off(folder):
    encoder, _ = load(folder, dropout=0.3)
    rates = {name: m.p for name, m in encoder.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert rates["encoder.layer.0.attention.self.dropout"] == 0.0
    assert rates["encoder.layer.0.attention.output.dropout"] == 0.3
    assert rates["embeddings.dropout"] == 0.3
    assert encoder.config.attention_probs_dropout_prob == 0.0
    assert encoder.config.hidden_dropout_prob == 0.3
    assert load(folder)[0].config.hidden_dropout_prob == 0.1


def test_an_encoder_without_sdpa_is_loaded_with_its_own_attention(tmp_path):
    sizes = {k: v for k, v in TINY.items() if k != "max_position_embeddings"}
    config = DebertaV2Config(**sizes, max_position_embeddings=24, type_vocab_size=0)
    DebertaV2Model(config).save_pretrained(tmp_path)
    encoder, report = load(tmp_path)
    assert encoder.config._attn_implementation == "eager"
    assert report.lines() == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "has no config.json"),
        (
            lambda f: (f / "config.json").write_text("{}"),
            "not an encoder that transformers can load",
        ),
        (lambda f: (f / "config.json").write_text("{"), "config.json: not JSON"),
        (
            lambda f: (f / "config.json").write_text('{"model_type": "bert", "hidden_size": "x"}'),
            "not an encoder that transformers can load",
        ),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"12345678"),
            "not an encoder that transformers can load",
        ),
    ],
)
def test_a_folder_without_a_usable_encoder_is_refused(folder, damage, message):
    damage(folder)
    with pytest.raises(TrainingError, match=message):
        load(folder)


def test_sequences_longer_than_the_model_takes_are_refused(folder):
    with pytest.raises(TrainingError, match="takes sequences of at most 24 tokens") as error:
        load(folder, max_tokens=25)
    assert error.value.remedy == "set tokenize.max_tokens to 24 or less"


def test_positions_that_are_kept_for_padding_take_no_token(tmp_path):
    """RoBERTa counts from its padding's row on: 24 rows hold 22 tokens, and a 23rd has no row."""
    RobertaModel(RobertaConfig(**TINY, pad_token_id=1)).save_pretrained(tmp_path)
    encoder, _ = load(tmp_path, max_tokens=22)
    encoder(input_ids=torch.full((1, 22), 5))
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        encoder(input_ids=torch.full((1, 23), 5))
    with pytest.raises(TrainingError, match="takes sequences of at most 22 tokens") as error:
        load(tmp_path, max_tokens=23)
    assert error.value.remedy == "set tokenize.max_tokens to 22 or less"
