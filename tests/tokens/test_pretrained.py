import os
import subprocess
import sys

import pytest

from pipeline.errors import TrainingError
from pipeline.tokens.pretrained import download

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
