import json
import os
import subprocess
import sys

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.errors import ArtefactError, TrainingError
from pipeline.tokens.pretrained import download, max_positions, set_leading_space

OFFLINE = """
from pipeline.errors import TrainingError
from pipeline.tokens.pretrained import download
try:
    download("someone/no-such-encoder", None)
except TrainingError as error:
    print(error)
"""


def test_a_model_that_is_not_cached_offline_is_an_error_that_says_what_to_do(tmp_path):
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE], env=env, capture_output=True, text=True, check=True
    )
    first, remedy = run.stdout.strip().splitlines()
    assert first.startswith(
        "model.source: 'someone/no-such-encoder': it is not in the hub's cache, "
        "and the hub cannot be reached: "
    )
    assert remedy == (
        "  to do: connect once to fetch it, or set model.source to 'small', './folder' or "
        "'package:NAME/folder'"
    )


def test_a_name_that_is_no_hub_id_is_refused_without_a_download():
    with pytest.raises(TrainingError) as caught:
        download("no/such/id", "abc")
    assert caught.value.where == "model.source: 'no/such/id' at abc"
    assert caught.value.what.startswith("the hub refuses it: ")
    assert caught.value.expected == "'small', a hub id, './folder' or 'package:NAME/folder'"


def test_a_cached_model_without_a_tokenizer_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: str(tmp_path))
    with pytest.raises(TrainingError, match=r"the model has no tokenizer\.json"):
        download("some/model", None)


def test_a_cached_model_gives_its_folder(tmp_path, monkeypatch):
    (tmp_path / "tokenizer.json").write_text("{}")
    asked = {}

    def snapshot(model, **arguments):
        asked.update(arguments, model=model)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert download("some/model", "abc") == tmp_path
    assert asked["revision"] == "abc"
    assert "tokenizer.json" in asked["allow_patterns"]
    assert not any("safetensors" in name for name in asked["allow_patterns"])


def test_the_config_is_fetched_with_the_tokenizer(tmp_path, monkeypatch):
    (tmp_path / "tokenizer.json").write_text("{}")
    asked = {}
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda *a, **k: asked.update(k) or str(tmp_path)
    )
    download("some/model", None)
    assert "config.json" in asked["allow_patterns"]


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "llama", "max_position_embeddings": 256, "pad_token_id": None}, 256),
        ({"model_type": "roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "deberta-v2", "max_position_embeddings": 512, "pad_token_id": 0}, 512),
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "t5", "n_positions": 512}, None),
        ({"model_type": "some", "max_position_embeddings": -1}, None),
        ({"model_type": "some", "max_position_embeddings": None}, None),
        ({}, None),
    ],
)
def test_the_config_says_how_long_a_sequence_may_be(tmp_path, config, limit):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert max_positions(tmp_path) == limit


def test_a_folder_without_a_config_gives_no_limit(tmp_path):
    assert max_positions(tmp_path) is None


def test_a_limit_that_is_no_number_is_named(tmp_path):
    config = {"model_type": "bert", "max_position_embeddings": "many"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtefactError, match="max_position_embeddings is 'many', pad_token_id is 1"):
        max_positions(tmp_path)


def test_the_limit_of_a_roberta_is_the_one_that_transformers_can_run():
    """`pad_token_id + 1` rows of its table of positions hold no token."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.RobertaConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=14, pad_token_id=1,
    )  # fmt: skip
    model = transformers.RobertaModel(config).eval()
    model(torch.full((1, 12), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, 13), 5))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"add_prefix_space": True}, True),
        ({"add_prefix_space": True, "tokenizer_class": "RobertaTokenizer"}, True),
        ({"add_prefix_space": True, "tokenizer_class": "PreTrainedTokenizerFast"}, False),
        ({"add_prefix_space": False}, False),
        ({}, False),
    ],
)
def test_the_config_of_a_model_decides_about_the_leading_space(tmp_path, config, expected):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    set_leading_space(tokenizer, tmp_path)
    assert json.loads(tokenizer.to_str())["pre_tokenizer"]["add_prefix_space"] is expected


def test_other_tokenizers_know_no_leading_space(tmp_path):
    tokenizer = Tokenizer(models.BPE())
    set_leading_space(tokenizer, tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"add_prefix_space": true}')
    set_leading_space(tokenizer, tmp_path)
    assert tokenizer.pre_tokenizer is None
