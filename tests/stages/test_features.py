"""Features of a mixture that real stages tokenised, by a real small encoder."""

import shutil

import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from pipeline.config.settings import FeatureSettings
from pipeline.errors import ArtefactError
from pipeline.relationships.features import read_all, read_features, shard_hashes
from pipeline.stages import features
from pipeline.tables import read_json, sha256
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
        "roles": ["train", "select"], "tasks": list(TASKS),
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

    def stopped(layout, role, *arguments):
        if role == "select":
            raise KeyboardInterrupt
        real(layout, role, *arguments)

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


def test_a_missing_model_is_named_and_nothing_is_written(mixture):
    (mixture.layout.model("compass") / "config.json").unlink()
    with pytest.raises(ArtefactError, match="there is no trained model to take the encoder") as e:
        run(mixture)
    assert "run `dvc repro train`" in str(e.value)
    assert not mixture.layout.features.exists()
