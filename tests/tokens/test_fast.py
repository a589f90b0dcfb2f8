import importlib.util
import sys
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from pipeline.contract.ragged import Ragged
from pipeline.tokens import fast, wordpiece
from pipeline.tokens.encode import package_encoder
from pipeline.tokens.nasty import NASTY

TEXTS = ["the cat sat on the mat", "don't sit, it's 12.50 o'clock!", "naïve café 漢字"] * 8
needs_gigatoken = pytest.mark.skipif(
    importlib.util.find_spec("gigatoken") is None, reason="the extra `fast` is absent"
)


def byte_bpe(*, leading_space=False, regex=True, normalizer=None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=leading_space, use_regex=regex
    )
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "<pad>", "</s>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def rows(encoder, texts):
    found = encoder(pa.array(texts, pa.large_string()))
    return [found[i].tolist() for i in range(len(found))]


@needs_gigatoken
@pytest.mark.parametrize("leading_space", [False, True])
def test_byte_level_bpe_is_proven_and_gives_the_same_ids(leading_space, monkeypatch):
    monkeypatch.setattr(fast, "_BATCH", 50)
    tokenizer = byte_bpe(leading_space=leading_space)
    chosen = fast.proven(tokenizer, lambda: TEXTS)
    assert (chosen.name, chosen.note) == (f"gigatoken {version('gigatoken')}", "")
    texts = [*NASTY, *TEXTS, "<mask> a<s>b", ""]
    expected = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    assert rows(chosen.encoder, texts) == expected
    assert rows(chosen.encoder, []) == []
    assert not {0, 1, 2, 3} & set(rows(chosen.encoder, ["<mask> a<s>b"])[0])
    found = chosen.encoder(pa.array(["a", ""], pa.large_string()))
    assert (found.values.dtype, found.offsets.dtype) == (np.int32, np.int64)


@needs_gigatoken
def test_a_vocabulary_that_it_encodes_otherwise_falls_back_and_says_so():
    tokenizer = byte_bpe(regex=False)
    chosen = fast.proven(tokenizer, lambda: [])
    assert chosen.name == f"tokenizers {version('tokenizers')}"
    assert chosen.note.startswith(f"gigatoken {version('gigatoken')} is not used, it encodes ")
    assert chosen.note.endswith(" otherwise than tokenizers")
    assert rows(chosen.encoder, ["the cat"]) == [tokenizer.encode("the cat").ids]


@needs_gigatoken
@pytest.mark.parametrize(
    "tokenizer",
    [wordpiece.train([TEXTS], vocabulary=300), byte_bpe(normalizer=normalizers.Lowercase())],
    ids=["wordpiece", "lowercase"],
)
def test_a_vocabulary_that_it_does_not_read_falls_back_and_says_so(tokenizer):
    chosen = fast.proven(tokenizer, lambda: [])
    assert chosen.name == f"tokenizers {version('tokenizers')}"
    assert "does not read this vocabulary: Unsupported" in chosen.note


def test_without_the_package_nothing_is_said_and_no_text_is_asked_for():
    chosen = fast.proven(byte_bpe(), lambda: 1 / 0, package="no-such-package")
    assert (chosen.name, chosen.note) == (f"tokenizers {version('tokenizers')}", "")


@needs_gigatoken
def test_the_environment_turns_it_off(monkeypatch):
    monkeypatch.setenv("TASKLOOM_FAST", "0")
    chosen = fast.proven(byte_bpe(), lambda: 1 / 0)
    assert (chosen.name, chosen.note) == (f"tokenizers {version('tokenizers')}", "")


def pretend(monkeypatch, encode_batch):
    """Put a package in the place of gigatoken whose tokenizer encodes as it is told."""
    backend = SimpleNamespace(encode_batch=encode_batch)
    loader = SimpleNamespace(from_json=lambda text: backend)
    monkeypatch.setitem(sys.modules, "gigatoken", SimpleNamespace(Tokenizer=loader))


def test_one_real_text_that_differs_is_enough(monkeypatch):
    exact = package_encoder(byte_bpe())

    def encode_batch(texts, parallel):
        found = exact(pa.array(texts, pa.large_string()))
        if "the odd one" in texts:
            found.values[found.offsets[texts.index("the odd one")]] += 1
        layout = SimpleNamespace(
            offsets=SimpleNamespace(data=found.offsets), content=SimpleNamespace(data=found.values)
        )
        return SimpleNamespace(layout=layout)

    pretend(monkeypatch, encode_batch)
    assert fast.proven(byte_bpe(), lambda: TEXTS, package="numpy").note == ""
    chosen = fast.proven(byte_bpe(), lambda: [*TEXTS, "the odd one"], package="numpy")
    assert chosen.note == (
        f"numpy {version('numpy')} is not used, it encodes 'the odd one' otherwise than tokenizers"
    )


def test_an_encoder_that_fails_or_loses_rows_differs():
    exact = package_encoder(byte_bpe())

    def fails(texts):
        raise ValueError

    def shorter(texts):
        whole = exact(texts)
        return Ragged(whole.values[: whole.offsets[-2]], whole.offsets[:-1])

    assert fast.first_difference(exact, fails, ["a", "b"]) == 0
    assert fast.first_difference(exact, shorter, ["a", "b", "c"]) == 2
    assert fast.first_difference(exact, exact, ["a", "b", "c"]) is None


def test_the_strings_hold_what_tokenizers_disagree_about():
    joined = "".join(NASTY)
    assert "" in NASTY
    assert max(map(len, NASTY)) == 300
    assert all(
        sign in joined for sign in ("\u00a0", "\u200d", "\u0130", "\r\n", "\0", "\U0001f44d")
    )
