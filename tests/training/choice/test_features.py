"""Features from a real small encoder on real shards."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from pipeline.contract.choice import open_shards
from pipeline.errors import ArtefactError, TrainingError
from pipeline.modeling.load import quiet_transformers
from pipeline.training.choice.features import (
    VERSION,
    count_sequences,
    encoder_hash,
    made_by,
    sample_rows,
    write_features,
)

ROWS = 12
WIDTH = 16


def encoder(folder: Path, *, vocabulary: int = 80, seed: int = 0) -> Path:
    quiet_transformers()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=vocabulary, hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=32,
        )  # fmt: skip
        BertModel(config).eval().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return encoder(tmp_path_factory.mktemp("encoder"))


def read(path: Path):
    with safe_open(str(path), framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()} | {  # noqa: SIM118
            "metadata": file.metadata()
        }


def test_a_choice_is_the_mean_state_of_its_sequence_without_the_prefix(
    shared_folders, model, tmp_path
):
    tokens = shared_folders.root / "tokens" / "train"
    done = list(write_features(model, tokens, tmp_path, rows=ROWS, code="code"))
    assert done == ["alpha", "beta", "gamma"]
    shard = open_shards(tokens).shards[0]
    rows = shard.rows.take(sample_rows("alpha", len(shard.rows), most=ROWS))
    found = read(tmp_path / "alpha.safetensors")
    assert found["features"].shape == (rows.choice_offsets[-1], WIDTH)
    assert found["features"].dtype == np.float32
    assert found["first"].tolist() == rows.choice_offsets.tolist()
    assert found["row"].tolist() == rows.source.tolist()
    bert = BertModel.from_pretrained(model).eval()
    # one by one, without padding or batches
    for row, choice in ((0, 0), (3, 1), (ROWS - 1, 0)):
        at = rows.choice_offsets[row] + choice
        context = rows.context.take(np.array([row])).values.tolist()
        option = rows.choices.take(np.array([at])).values.tolist()
        ids = torch.tensor([[2, *context, 3, *option, 3]])
        types = torch.tensor([[0] * (len(context) + 2) + [1] * (len(option) + 1)])
        with torch.inference_mode():
            mean = bert(input_ids=ids, token_type_ids=types).last_hidden_state[0].mean(0)
        expected = (mean / mean.norm()).numpy()
        assert found["features"][at] == pytest.approx(expected, abs=1e-5)


def test_golds_are_given_where_there_is_one(shared_folders, model, tmp_path):
    tokens = shared_folders.root / "tokens" / "train"
    list(write_features(model, tokens, tmp_path, rows=ROWS, code="code"))
    rows = open_shards(tokens).shards[0].rows
    label = rows.label[sample_rows("alpha", len(rows), most=ROWS)]
    assert read(tmp_path / "alpha.safetensors")["gold"].tolist() == label.tolist()
    assert set(read(tmp_path / "gamma.safetensors")["gold"].tolist()) == {-1}


def test_what_they_were_made_from_decides_whether_they_are_kept(shared_folders, model, tmp_path):
    tokens = shared_folders.root / "tokens" / "train"
    out = tmp_path / "out"

    def written(encoder=model, rows=ROWS):
        before = {p.name: p.stat().st_ino for p in out.iterdir()} if out.exists() else {}
        list(
            write_features(encoder, tokens, out, rows=rows, code="code", tasks=frozenset({"beta"}))
        )
        return {p.name for p in out.iterdir() if before.get(p.name) != p.stat().st_ino}

    assert written() == {"beta.safetensors"}
    manifest = json.loads((tokens / "manifest.json").read_text())
    shard = next(entry["sha256"] for entry in manifest["tasks"] if entry["task"] == "beta")
    assert read(out / "beta.safetensors")["metadata"] == {
        "version": str(VERSION), "encoder": encoder_hash(model), "rows": str(ROWS), "tokens": shard,
        "made_by": made_by("code"),
    }  # fmt: skip
    assert written() == set()
    assert written(rows=5) == {"beta.safetensors"}
    assert written(encoder(tmp_path / "other", seed=1), rows=5) == {"beta.safetensors"}
    (out / "beta.safetensors").write_bytes(b"torn")
    assert written(rows=5) == {"beta.safetensors"}
    assert len(read(out / "beta.safetensors")["gold"]) == 5


def test_files_of_other_code_are_made_anew(shared_folders, model, tmp_path):
    tokens = shared_folders.root / "tokens" / "train"
    list(write_features(model, tokens, tmp_path, rows=5, code="code", tasks=frozenset({"beta"})))
    before = (tmp_path / "beta.safetensors").stat().st_ino
    list(write_features(model, tokens, tmp_path, rows=5, code="other", tasks=frozenset({"beta"})))
    assert (tmp_path / "beta.safetensors").stat().st_ino != before


def test_the_number_of_sequences_is_known_before(shared_folders, model, tmp_path):
    tokens = shared_folders.root / "tokens" / "train"
    counts = count_sequences(tokens, rows=ROWS)
    list(write_features(model, tokens, tmp_path, rows=ROWS, code="code"))
    assert counts == {
        task: len(read(tmp_path / f"{task}.safetensors")["features"])
        for task in ("alpha", "beta", "gamma")
    }
    assert count_sequences(tokens, rows=10**9, tasks=frozenset({"beta"})) == {"beta": 3 * 20}


def test_rows_are_drawn_from_the_whole_file_and_keep_their_sequence():
    """A source that is sorted by label would give one class alone."""
    some = sample_rows("alpha", 1000, most=100)
    assert len(set(some.tolist())) == 100
    assert (np.diff(some) > 0).all()
    assert 380 < some.mean() < 620
    assert sample_rows("beta", 1000, most=100).tolist() != some.tolist()
    assert sample_rows("alpha", 3, most=100).tolist() == [0, 1, 2]


def test_a_task_without_rows_has_features_of_none(folders, model, tmp_path):
    tokens = folders().build().root / "tokens" / "train"
    path, schema = tokens / "gamma.arrow", pa.ipc.open_file(tokens / "gamma.arrow").schema
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist([], schema=schema))
    manifest = json.loads((tokens / "manifest.json").read_text())
    manifest["tasks"][2] |= {
        "rows": 0, "tokens": 0, "choices_max": 0,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    (tokens / "manifest.json").write_text(json.dumps(manifest))
    list(write_features(model, tokens, tmp_path / "out", rows=ROWS, code="code"))
    found = read(tmp_path / "out" / "gamma.safetensors")
    assert (found["features"].shape, found["first"].tolist()) == ((0, 0), [0])
    assert count_sequences(tokens, rows=ROWS)["gamma"] == 0


def test_tokens_that_the_encoder_does_not_know_are_named(shared_folders, tmp_path):
    small = encoder(tmp_path / "small", vocabulary=30)
    tokens = shared_folders.root / "tokens" / "train"
    with pytest.raises(
        ArtefactError, match=r"alpha.arrow: holds the token \d+, and the encoder"
    ) as e:
        list(write_features(small, tokens, tmp_path / "out", rows=ROWS, code="code"))
    assert "encoder whose tokenizer the mixture uses" in str(e.value)
    assert not list((tmp_path / "out").glob("*"))


def test_an_encoder_that_is_none_is_refused(shared_folders, tmp_path):
    with pytest.raises(TrainingError, match="has no config.json"):
        list(
            write_features(
                tmp_path,
                shared_folders.root / "tokens" / "train",
                tmp_path / "out",
                rows=1,
                code="code",
            )
        )
