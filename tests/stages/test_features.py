"""Features of a mixture that real stages tokenised, by a real small encoder."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from pipeline.config.params import Params
from pipeline.config.settings import FeatureSettings
from pipeline.contract.choice import open_shards
from pipeline.contract.files import read_json, sha256
from pipeline.contract.tokens import shard_hashes
from pipeline.errors import ArtefactError
from pipeline.relationships.evidence import read_prefixes
from pipeline.relationships.features import read_all, read_features
from pipeline.stages import features
from pipeline.training.choice.start import build_model
from pipeline.training.run import recorded_run
from tests.stages.conftest import NAME, SIZES, Mixture

TASKS = tuple(sorted(SIZES))


def encoder(folder, tokenizer, *, seed=1):
    """Write a small encoder and a mixture's tokenizer, as the trainer leaves them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=32,
        )  # fmt: skip
        BertModel(config).save_pretrained(folder)
    for file in tokenizer.iterdir():
        shutil.copy(file, folder)
    return folder


@pytest.fixture
def mixture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Mixture(SIZES)
    made.tokens()
    encoder(made.layout.model("compass"), made.layout.tokenizer)
    return made


def run(mixture, **changes):
    told = {"tasks": TASKS, "source": "small", "rows": 20, "threads": 1} | changes
    settings = FeatureSettings(name=NAME, seed=13, **told)
    mixture.layout.settings("features").write_text(settings.model_dump_json())
    features.main([NAME])


def hashes(mixture):
    files = sorted(mixture.layout.features.rglob("*.*"))
    return {str(path.relative_to(mixture.layout.features)): sha256(path) for path in files}


def test_train_and_select_rows_have_features_of_the_compass_model(mixture, capsys):
    run(mixture)
    out = capsys.readouterr().out
    assert "encoder: models/fruit/compass" in out
    assert "train: " in out
    # 3 rows of 2, 3 and 4 choices, of four tasks
    assert "select: 36 sequences of 4 tasks" in out
    for role, rows in (("train", 20), ("select", 3)):
        found = read_all(
            mixture.layout.features / role, TASKS,
            tokens=shard_hashes(mixture.layout.tokens(role)),
        )  # fmt: skip
        assert found["apples"].rows == rows
    manifest = read_json(mixture.layout.features / "manifest.json")
    assert manifest == {
        "version": 1, "why_none": None, "encoder": "compass", "revision": None, "rows": 20,
        "state_rows": 0, "roles": ["train", "select"], "tasks": list(TASKS),
    }  # fmt: skip
    assert not (mixture.layout.data / ".resume-features").exists()


def test_rows_for_reporting_have_no_features_and_are_never_opened(mixture):
    for path in mixture.layout.tokens("report").iterdir():
        path.write_bytes(b"not to be read")
    run(mixture)
    names = {path.name for path in mixture.layout.features.iterdir()}
    assert names == {"train", "select", "manifest.json"}


@pytest.mark.parametrize("why", ["the mixture is of the text view", "no scorer needs them"])
def test_where_none_are_needed_the_folder_says_so_and_old_ones_go(mixture, capsys, why):
    run(mixture)
    settings = FeatureSettings(name=NAME, seed=13, why_none=why)
    mixture.layout.settings("features").write_text(settings.model_dump_json())
    shutil.rmtree(mixture.layout.model("compass"))
    features.main([NAME])
    assert [path.name for path in mixture.layout.features.iterdir()] == ["manifest.json"]
    assert read_json(mixture.layout.features / "manifest.json")["why_none"] == why
    assert f"no features: {why}" in capsys.readouterr().out


def test_a_second_run_encodes_nothing_and_another_encoder_everything(mixture, monkeypatch):
    run(mixture)
    before = hashes(mixture)
    with monkeypatch.context() as patched:
        patched.setattr(
            "pipeline.training.choice.features.choice_states",
            lambda *_: pytest.fail("encoded again"),
        )
        run(mixture)
    assert hashes(mixture) == before
    other = encoder(mixture.layout.data / "other", mixture.layout.tokenizer, seed=2)
    run(mixture, source=f"./{other}")
    after = hashes(mixture)
    assert not {name for name in after if after[name] == before[name]}


def test_what_a_stopped_run_left_is_kept_and_the_rest_is_made(mixture, monkeypatch):
    run(mixture)
    whole = hashes(mixture)
    shutil.rmtree(mixture.layout.features)
    real = features.encode

    def stopped(tokens, *arguments, **options):
        if tokens.name == "select":
            raise KeyboardInterrupt
        real(tokens, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(features, "encode", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(mixture)
    assert not mixture.layout.features.exists()
    assert len(list((mixture.layout.data / ".resume-features/train").iterdir())) == 4
    run(mixture)
    assert hashes(mixture) == whole


def test_a_task_that_left_the_mixture_has_no_features(mixture):
    run(mixture)
    run(mixture, tasks=("apples", "pears"))
    assert sorted(path.stem for path in (mixture.layout.features / "train").iterdir()) == [
        "apples", "pears",
    ]  # fmt: skip


def test_a_pretrained_encoder_is_taken_as_it_is(mixture):
    other = encoder(mixture.layout.data / "other", mixture.layout.tokenizer, seed=2)
    shutil.rmtree(mixture.layout.model("compass"))
    run(mixture, source=f"./{other}", tasks=("plums",))
    path = mixture.layout.features / "train/plums.safetensors"
    assert read_features(path, "plums").rows == 10
    with safe_open(str(path), framework="numpy") as file:
        assert file.metadata()["rows"] == "20"
    assert read_json(mixture.layout.features / "manifest.json")["encoder"] == f"./{other}"


def compass(mixture):
    """Leave what a training leaves that hardly moved: its start, and the run that it recorded."""
    told = Params(seed=13, data_dir="data").model_dump(mode="json")
    model = told["model"] | {"layers": 1, "width": 16, "heads": 2}
    tokens = {role: str(mixture.layout.tokens(role)) for role in ("train", "select")}
    recorded = {
        "version": 1, "name": NAME, "which": "compass", "seed": 13, "init": None, "mix": "mix",
        "tokenizer": str(mixture.layout.tokenizer), "tokens": tokens, "model": model,
        "train": told["train"],
    }  # fmt: skip
    folder = mixture.layout.model("compass")
    (folder / "run.json").write_text(json.dumps(recorded))
    run = recorded_run(folder, model_path=None)
    build_model(
        run, open_shards(mixture.layout.tokens("train")), say=print
    ).encoder.save_pretrained(folder)


def test_states_at_the_prefixes_are_read_where_they_are_asked_for(mixture, capsys, monkeypatch):
    compass(mixture)
    run(mixture, rows=0, state_rows=5)
    assert "prefixes: in front of 5 train rows a task" in capsys.readouterr().out
    names = {path.name for path in mixture.layout.features.iterdir()}
    assert names == {"prefix_states.safetensors", "manifest.json"}
    found = read_prefixes(mixture.layout.features / "prefix_states.safetensors")
    assert found.tasks == TASKS
    # nothing was trained, so the start is the end
    np.testing.assert_array_equal(found.initial_TD, found.final_TD)
    assert len(np.unique(found.final_TD[:, 0])) == len(TASKS)
    manifest = read_json(mixture.layout.features / "manifest.json")
    assert (manifest["rows"], manifest["state_rows"], manifest["roles"]) == (0, 5, [])
    before = hashes(mixture)
    with monkeypatch.context() as patched:
        patched.setattr(
            "pipeline.training.choice.prefix_states.mean_state",
            lambda *_: pytest.fail("read again"),
        )
        run(mixture, state_rows=5)
    after = hashes(mixture)
    assert after["prefix_states.safetensors"] == before["prefix_states.safetensors"]
    assert len(after) == 2 + 2 * len(TASKS)
    run(mixture)
    assert not (mixture.layout.features / "prefix_states.safetensors").exists()


def test_states_need_a_trained_model_whatever_the_encoder(mixture):
    other = encoder(mixture.layout.data / "other", mixture.layout.tokenizer, seed=2)
    shutil.rmtree(mixture.layout.model("compass"))
    with pytest.raises(ArtefactError, match="there is no trained model to take the encoder from"):
        run(mixture, source=f"./{other}", rows=0, state_rows=5)
    assert not mixture.layout.features.exists()


def test_a_missing_model_is_named_and_nothing_is_written(mixture):
    (mixture.layout.model("compass") / "config.json").unlink()
    with pytest.raises(ArtefactError, match="there is no trained model to take the encoder") as e:
        run(mixture)
    assert "run `dvc repro train`" in str(e.value)
    assert not mixture.layout.features.exists()
