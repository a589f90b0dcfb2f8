"""How a training starts: from a pretrained folder, with what was missing said."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM

from pipeline.errors import ArtefactError
from pipeline.training.session import run_session
from tests.training.prefixes import load_prefixes


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


WORDS = 65
"""Of the tokenizer, without its prefixes."""


@pytest.fixture
def base(tmp_path):
    """A masked language model whose last layer's output norm was lost."""
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=WORDS, intermediate_size=32, max_position_embeddings=40, **shape)
    torch.manual_seed(0)
    BertForMaskedLM(config).save_pretrained(tmp_path / "base")
    path = tmp_path / "base" / "model.safetensors"
    weights = load_file(path)
    lost = [name for name in weights if "output.LayerNorm" in name and "attention" not in name]
    save_file({k: v for k, v in weights.items() if k not in lost}, path, {"format": "pt"})
    return tmp_path / "base"


def test_a_pretrained_start_grows_by_its_prefixes_and_says_what_was_missing(folders, base, capsys):
    built = folders().build()
    run = built.run(
        model_path=str(base), model={"source": "./base"}, train={"mask_prefix": "never"}
    )
    run_session(built.write(run))
    said = capsys.readouterr().err
    missing = next(line for line in said.splitlines() if "missing, left at random" in line)
    assert missing.startswith("model: ")
    assert "encoder.layer.0.output.LayerNorm.weight" in missing
    unused = next(line for line in said.splitlines() if "not used" in line)
    assert "cls.predictions" in unused
    assert "model: embedding table grown by 3 rows" in said
    check_rows(built.root / "run" / "out", base)


def check_rows(out, base):
    """Prefix rows are there, start as one vector, and each was trained; unread words moved less."""
    table = load_file(out / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert table.shape == (WORDS + 3, 16)
    assert json.loads((out / "config.json").read_text())["vocab_size"] == WORDS + 3
    _, initial, final = load_prefixes(out)
    assert torch.equal(initial[0], initial[2])
    assert torch.equal(final, table[WORDS:])
    before = load_file(base / "model.safetensors")["bert.embeddings.word_embeddings.weight"]
    torch.testing.assert_close(initial[0], before[1:].double().mean(0).float())  # [PAD] stays out
    assert ((final - initial).norm(dim=1) > 1e-3).all()


def test_the_masked_token_head_reads_the_table_itself(folders):
    """Tied: there is no second table to save, to load or to let drift."""
    built = folders().build()
    run_session(built.write(built.run()))
    heads = load_file(built.root / "run" / "out" / "head.safetensors")
    assert sorted(name for name in heads if name.startswith("masked.")) == [
        "masked.bias", "masked.dense.bias", "masked.dense.weight", "masked.norm.bias",
        "masked.norm.weight",
    ]  # fmt: skip
    assert heads["masked.bias"].shape == (WORDS + 3,)


def test_a_start_from_a_model_of_fewer_tokens_is_refused(folders, tmp_path):
    built = folders().build()
    first = built.run(name="first")
    run_session(built.write(first, "first"))
    for role in ("train", "select"):
        path = built.root / "tokens" / role / "manifest.json"
        manifest = json.loads(path.read_text())
        path.write_text(json.dumps(manifest | {"vocabulary": manifest["vocabulary"] + 1}))
    run = built.run(name="second", init=first["out"])
    with pytest.raises(ArtefactError, match="has 68 embeddings, the train shards 69 tokens"):
        run_session(built.write(run, "second"))
