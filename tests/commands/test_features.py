"""Features from the door: of a mixture that real stages tokenised, by a real small encoder."""

import shutil

import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from pipeline.__main__ import main as door
from pipeline.commands import features
from pipeline.config.params import ModelParams, RelateParams, TextParams, TrainParams
from pipeline.config.settings import RelateSettings, TrainSettings
from pipeline.errors import ArtefactError, ConfigError
from pipeline.relationships.features import read_features
from pipeline.relationships.scores import read_scores
from pipeline.stages import relate
from tests.stages.conftest import NAME, SIZES, Mixture


def encoder(folder, tokenizer):
    """Write a small encoder and a mixture's tokenizer, as the trainer leaves them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
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
    made.tell()
    made.model()
    tell(made)
    encoder(made.layout.model("compass"), made.layout.tokenizer)
    return made


def tell(mixture, *, source="small", text=None):
    settings = TrainSettings(
        name=NAME, seed=13, model=ModelParams(source=source), train=TrainParams(), init="base",
        text=text,
    )  # fmt: skip
    mixture.layout.settings("train").write_text(settings.model_dump_json())


def made_by(path):
    with safe_open(str(path), framework="numpy") as file:
        return file.metadata()["encoder"]


def test_a_small_mixture_s_features_are_its_compass_model_s(mixture, capsys):
    assert door(["features", NAME, "--rows", "20"]) == 0
    out = capsys.readouterr().out
    assert "encoder: models/fruit/compass" in out
    # of 20 rows 59 choices (2, 3, 4, 2, ...), three times; of the 10 plums 29
    assert "train: 206 sequences of 4 tasks" in out
    assert "select: 36 sequences of 4 tasks" in out
    assert "dvc repro -f -s relate" in out
    for role, rows in (("train", 20), ("select", 3)):
        folder = relate.features_folder(mixture.layout, role)
        assert sorted(path.stem for path in folder.iterdir()) == sorted(SIZES)
        assert read_features(folder / "apples.safetensors", "apples").rows == rows


def test_scorers_run_on_what_was_written(mixture):
    features.main([NAME, "--roles", "train"])
    assert not relate.features_folder(mixture.layout, "select").exists()
    settings = RelateSettings(
        name=NAME, seed=13, tasks=tuple(SIZES), families={},
        relate=RelateParams(scorers=("gradient", "lookahead"), seeds=1),
    )  # fmt: skip
    mixture.layout.settings("relate").write_text(settings.model_dump_json())
    relate.main([NAME])
    assert set(read_scores(mixture.layout.scores, "lookahead").column("apples")) == {
        "pears", "plums", "stars",
    }  # fmt: skip


def test_another_encoder_may_be_given_if_it_reads_the_same_tokens(mixture, tmp_path):
    other = encoder(tmp_path / "other", mixture.layout.tokenizer)
    (mixture.layout.model("compass") / "config.json").unlink()
    features.main([NAME, "--roles", "train", "--rows", "2", "--encoder", str(other)])
    path = relate.features_folder(mixture.layout, "train") / "apples.safetensors"
    tell(mixture, source=str(other))  # the mixture's own pretrained encoder is the default
    before = path.stat().st_mtime_ns
    features.main([NAME, "--roles", "train", "--rows", "2"])
    assert path.stat().st_mtime_ns == before  # kept: same tokens, rows and encoder


def test_an_encoder_of_another_tokenizer_is_refused(mixture, tmp_path):
    other = encoder(tmp_path / "other", mixture.layout.tokenizer)
    path = other / "tokenizer.json"
    path.write_text(path.read_text().replace('"apples"', '"quinces"'))
    with pytest.raises(ConfigError, match="token 'quinces' has id .* there and none here") as error:
        features.main([NAME, "--encoder", str(other)])
    assert "set model.source to this encoder" in str(error.value)
    path.unlink()
    with pytest.raises(ConfigError, match=r"other: has no tokenizer.json"):
        features.main([NAME, "--encoder", str(other)])


def test_what_is_missing_is_said(mixture):
    with pytest.raises(ConfigError, match="'nowhere' is no folder"):
        features.main([NAME, "--encoder", "nowhere"])
    (mixture.layout.model("compass") / "config.json").unlink()
    with pytest.raises(ArtefactError, match="there is no trained model") as error:
        features.main([NAME])
    assert "run `dvc repro train`, or give --encoder" in str(error.value)
    assert door(["features", "nothing"]) == 2


def test_the_text_view_has_no_choices_to_look_at(mixture):
    tell(mixture, text=TextParams())
    with pytest.raises(ConfigError, match="this mixture is of the text view"):
        features.main([NAME])


@pytest.mark.parametrize("arguments", [["--roles", "report"], ["--rows", "0"], ["--rows", "many"]])
def test_bad_options_are_refused(mixture, arguments, capsys):
    """Report rows above all: nothing but `evaluate` opens them."""
    with pytest.raises(SystemExit) as error:
        features.main([NAME, *arguments])
    assert error.value.code == 2
    assert f"'{arguments[1]}' is no" in capsys.readouterr().err
