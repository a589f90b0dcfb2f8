"""No model folder makes anything run or be read from elsewhere, whatever it says and whoever answers."""

import io
import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config, GPT2LMHeadModel

from pipeline.errors import TrainingError
from pipeline.modeling.encoder import pretrained_encoder
from pipeline.modeling.folder import check_configs
from pipeline.modeling.language_load import pretrained_language
from pipeline.modeling.load import quiet_transformers

BERT = {
    "vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 32, "max_position_embeddings": 24,
}  # fmt: skip
GPT2 = {"vocab_size": 40, "n_positions": 32, "n_embd": 16, "n_layer": 1, "n_head": 2}

CODE = """
import pathlib
pathlib.Path(__file__).with_name("ran").touch()
pathlib.Path({mark!r}).touch()
from transformers import BertConfig, BertModel
class Config(BertConfig):
    model_type = "of-its-own"
class Model(BertModel):
    config_class = Config
"""


@pytest.fixture(autouse=True)
def quiet():
    quiet_transformers()


@pytest.fixture
def yes(monkeypatch):
    """Somebody answers every question with yes."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 100))


@pytest.fixture
def encoder(tmp_path):
    folder = tmp_path / "model"
    BertModel(BertConfig(**BERT)).save_pretrained(folder)
    (folder / "code.py").write_text(CODE.format(mark=str(tmp_path / "ran")))
    return folder


@pytest.fixture
def language(tmp_path):
    folder = tmp_path / "model"
    GPT2LMHeadModel(GPT2Config(**GPT2)).save_pretrained(folder)
    (folder / "code.py").write_text(CODE.format(mark=str(tmp_path / "ran")))
    return folder


def load_encoder(folder):
    return pretrained_encoder(folder, vocabulary=30, max_tokens=16, dropout=None, seed=1)


def load_language(folder):
    return pretrained_language(folder, "causal", vocabulary=40, max_tokens=16, dropout=None, seed=1)


def change(path, **keys):
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(old | keys))


CLASSES = {"AutoConfig": "code.Config", "AutoModel": "code.Model"}
HIDDEN = {
    "a class for a known architecture": ("config.json", {"auto_map": CLASSES}),
    "an architecture of its own": (
        "config.json",
        {"model_type": "of-its-own", "auto_map": CLASSES},
    ),
    "code in another repository": (
        "config.json",
        {"auto_map": {"AutoModel": "someone/other--code.Model"}},
    ),
    "code for a part of the model": (
        "config.json",
        {"text_config": {"parts": [{"auto_map": {"AutoModel": "code.Model"}}]}},
    ),
    "code of the tokenizer": (
        "tokenizer_config.json",
        {"auto_map": {"AutoTokenizer": ["code.Slow", None]}},
    ),
    "code in the file for another version": (
        "config.4.0.0.json",
        {"model_type": "of-its-own", "auto_map": CLASSES},
    ),
}


@pytest.mark.parametrize("case", sorted(HIDDEN))
@pytest.mark.parametrize("kind", ["encoder", "language"])
def test_code_is_refused_in_words_and_not_run(request, tmp_path, yes, kind, case):
    folder = request.getfixturevalue(kind)
    name, keys = HIDDEN[case]
    change(folder / name, **keys)
    with pytest.raises(TrainingError) as error:
        (load_encoder if kind == "encoder" else load_language)(folder)
    assert error.value.where == str(folder / name)
    assert error.value.what == (
        "'auto_map' names Python code of its own, and code that comes with a model is never run"
    )
    assert error.value.remedy.startswith("take another model, or,")
    assert not (tmp_path / "ran").exists()
    assert sys.stdin.read(1) == "y"  # nobody was asked


def test_an_empty_map_of_classes_is_no_code(encoder):
    change(encoder / "config.json", auto_map={})
    assert load_encoder(encoder)[1].lines() == []


def test_an_architecture_that_transformers_lacks_is_refused(encoder, yes):
    change(encoder / "config.json", model_type="of-its-own")
    with pytest.raises(TrainingError) as error:
        load_encoder(encoder)
    assert error.value.what.startswith(
        "its architecture 'of-its-own' is not part of transformers 5"
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("configuration_files", ["config.4.0.0.json"], "names other configuration files"),
        ("transformers_weights", "adapter_model.bin", "names another file of weights"),
    ],
)
def test_a_config_that_sends_elsewhere_is_refused(encoder, key, value, words):
    change(encoder / "config.json", **{key: value})
    with pytest.raises(TrainingError, match=f"'{key}' {words}"):
        load_encoder(encoder)


def test_an_adapter_is_no_model(encoder):
    change(encoder / "adapter_config.json", base_model_name_or_path="someone/other")
    with pytest.raises(TrainingError, match="holds an adapter, which is no whole model"):
        load_encoder(encoder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.ckpt"])
def test_pickled_weights_are_refused_by_name_and_not_opened(encoder, name):
    (encoder / "model.safetensors").unlink()
    (encoder / name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(TrainingError) as error:
        load_encoder(encoder)
    assert error.value.what == (
        f"its weights are in {name}, a pickle, which can run code and is not read"
    )
    assert "save it to a new folder with `save_pretrained`" in error.value.remedy


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "../model.safetensors", "sub/a.safetensors", "gone.safetensors"]
)
def test_an_index_names_safetensors_of_its_folder_alone(encoder, tmp_path, name):
    (encoder / "model.safetensors").rename(tmp_path / "model.safetensors")
    (encoder / "pytorch_model.bin").write_bytes(b"")
    (encoder / "sub").mkdir()
    (encoder / "sub" / "a.safetensors").write_bytes(b"")
    index = {"metadata": {}, "weight_map": {"pooler.dense.bias": name}}
    (encoder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(TrainingError) as error:
        load_encoder(encoder)
    assert error.value.what == f"names {name!r} as a file of weights"


def test_weights_in_several_parts_are_read(encoder):
    model, _ = load_encoder(encoder)
    (encoder / "model.safetensors").unlink()
    model.save_pretrained(encoder, max_shard_size="3KB")
    assert (encoder / "model.safetensors.index.json").exists()
    again, report = load_encoder(encoder)
    assert report.lines() == []
    table = "embeddings.word_embeddings.weight"
    assert torch.equal(again.state_dict()[table], model.state_dict()[table])


def test_weights_of_which_none_is_the_model_s_are_an_error(encoder):
    save_file({"h.0.ln_1.weight": torch.zeros(16)}, encoder / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError) as error:
        load_encoder(encoder)
    assert error.value.what == "holds no weight of a BertModel; it has h.0.ln_1.weight"
    save_file({}, encoder / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match="holds no weight of a BertModel; it has none at all"):
        load_encoder(encoder)


def test_a_language_model_s_tied_head_is_no_weight_of_its_own(language):
    save_file({"other": torch.zeros(16)}, language / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match="holds no weight of a GPT2LMHeadModel; it has other"):
        load_language(language)


def test_some_weights_are_enough_and_the_rest_is_told(tmp_path):
    BertForMaskedLM(BertConfig(**BERT)).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer" not in name}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    _, report = load_encoder(tmp_path)
    assert report.lines()[0].startswith("18 weights missing, left at random: encoder.layer.0.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "not JSON: maximum recursion depth"),
        ("[1, 2]", "holds list, not an object"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_a_config_that_is_no_object_is_refused(tmp_path, text, words):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(TrainingError, match=words):
        check_configs(tmp_path)
