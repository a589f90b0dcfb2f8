import json

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from pipeline.errors import TrainingError
from pipeline.modeling.encoder import Architecture
from pipeline.modeling.language import LanguageModel
from pipeline.modeling.language_load import (
    EndTokens,
    pretrained_language,
    require_no_leak,
    small_language,
)

GPT2 = {"vocab_size": 40, "n_positions": 32, "n_embd": 16, "n_layer": 1, "n_head": 2}


def gpt2(folder, **keys):
    config = GPT2Config(**GPT2, bos_token_id=1, eos_token_id=2, **keys)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def loaded(folder, kind="causal", **keys):
    settings = {
        "vocabulary": 45, "max_tokens": 32, "dropout": None, "seed": 1
    }  # fmt: skip
    return pretrained_language(folder, kind, **(settings | keys))


@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_and_head_grow_together(tmp_path, tied):
    folder = gpt2(tmp_path, tie_word_embeddings=tied)
    model, report = loaded(folder)
    head = model.transformer.get_output_embeddings()
    assert model.embeddings.weight.shape == head.weight.shape == (45, 16)
    assert (head.weight is model.embeddings.weight) == tied
    assert report.lines() == ["embedding table grown by 5 rows"]
    again, _ = loaded(folder)
    assert torch.equal(model.embeddings.weight, again.embeddings.weight)
    other, _ = loaded(folder, seed=2)
    assert not torch.equal(model.embeddings.weight[40:], other.embeddings.weight[40:])
    assert torch.equal(model.embeddings.weight[:40], other.embeddings.weight[:40])


def test_missing_and_unexpected_weights_are_reported(tmp_path):
    from safetensors.torch import load_file, save_file

    path = gpt2(tmp_path) / "model.safetensors"
    weights = load_file(path)
    weights["something.else"] = torch.zeros(2)
    del weights["transformer.ln_f.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    _, report = loaded(tmp_path, vocabulary=40)
    assert report.lines() == [
        "1 weights missing, left at random: transformer.ln_f.weight",
        "1 weights not used: something.else",
    ]


def test_dropout_is_set(tmp_path):
    model, _ = loaded(gpt2(tmp_path), dropout=0.25)
    rates = {name: m.p for name, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert {rate for name, rate in rates.items() if "attn_dropout" not in name} == {0.25}
    assert {rate for name, rate in rates.items() if "attn_dropout" in name} <= {0.0}
    kept, _ = loaded(tmp_path)
    assert kept.transformer.config.resid_pdrop == 0.1


def test_an_encoder_decoder_loads(tmp_path):
    config = T5Config(
        vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    model, report = loaded(tmp_path, "seq2seq", dropout=0.0)
    assert (model.start, model.transformer.config.dropout_rate) == (0, 0.0)
    assert report.added_rows == 5
    with pytest.raises(TrainingError, match="holds an encoder-decoder"):
        loaded(tmp_path, "causal")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "has no config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda f: (f / "config.json").write_text("{"), "config.json: not JSON"),
        (lambda f: (f / "model.safetensors").write_text("x"), "not a language model"),
        (lambda f: (f / "config.json").write_text('{"model_type": "vit"}'), "not a language model"),
    ],
)
def test_a_folder_that_is_none_is_refused(tmp_path, damage, words):
    damage(gpt2(tmp_path))
    with pytest.raises(TrainingError, match=words):
        loaded(tmp_path)


def test_wrong_kind_and_too_short_are_refused(tmp_path):
    gpt2(tmp_path)
    with pytest.raises(TrainingError, match="holds no encoder-decoder"):
        loaded(tmp_path, "seq2seq")
    with pytest.raises(
        TrainingError, match="positions for at most 32 tokens, the shards hold up to 33"
    ):
        loaded(tmp_path, max_tokens=33)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"sliding_window": 20}))
    with pytest.raises(TrainingError, match="window for at most 20 tokens"):
        loaded(tmp_path)


def test_an_architecture_that_cannot_be_packed_is_refused():
    config = BloomConfig(vocab_size=40, hidden_size=16, n_layer=1, n_head=2)
    model = LanguageModel(BloomForCausalLM(config), "causal")
    with pytest.raises(TrainingError, match=r"BloomForCausalLM takes no mask for packed documents"):
        require_no_leak(model, where="somewhere")


def test_documents_that_see_each_other_are_refused(monkeypatch):
    import pipeline.modeling.language as language

    config = LlamaConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32,
    )  # fmt: skip
    model = LanguageModel(LlamaForCausalLM(config), "causal")
    require_no_leak(model, where="somewhere")
    exact = language.segment_mask
    monkeypatch.setattr(language, "segment_mask", lambda s, a: exact(s.clamp(max=1), a))
    with pytest.raises(TrainingError, match="reads packed documents otherwise than alone") as error:
        require_no_leak(model, where="somewhere")
    assert "set text.pack_tokens to null" in str(error.value)


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_small_models_depend_on_their_seed(kind):
    def built(seed):
        size = Architecture(1, 16, 2, 0.1)
        return small_language(
            kind, size, vocabulary=40, max_tokens=16, special=EndTokens(None, 2, 0),
            seed=seed,
        ).state_dict()  # fmt: skip

    one, same, other = built(1), built(1), built(2)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
