import os
import subprocess
import sys

import pytest

from pipeline.errors import TrainingError
from pipeline.tokens import wordpiece

TEXTS = ["The Cat sat on the mat.", "A dog sat; the cat ran!", "naïve cats and dogs"] * 2

DIGEST = """
import hashlib
from pipeline.seeds import derive_rng
from pipeline.tokens import wordpiece
rng = derive_rng(0, "syllables")
syllables = ["ba", "ke", "lo", "mi", "nu", "ra", "so", "ti", "vé", "wu", "漢", "字"]
words = ["".join(syllables[i] for i in rng.integers(0, 12, 3)) for _ in range(4000)]
texts = [" ".join(words[i : i + 8]) for i in range(0, 4000, 8)]
tokenizer = wordpiece.train([texts], vocabulary=600)
assert tokenizer.get_vocab_size() == 600
print(hashlib.sha256(tokenizer.to_str().encode()).hexdigest())
"""


def test_special_tokens_have_the_first_ids():
    tokenizer = wordpiece.train([TEXTS], vocabulary=300)
    assert [tokenizer.id_to_token(i) for i in range(5)] == [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
    ]


def test_words_that_occur_often_become_one_token_in_any_case():
    tokenizer = wordpiece.train([TEXTS], vocabulary=300)
    assert tokenizer.encode("THE cat", add_special_tokens=False).tokens == ["the", "cat"]


def test_a_pair_is_written_with_cls_and_sep():
    tokenizer = wordpiece.train([TEXTS], vocabulary=300)
    assert tokenizer.encode("the cat", "sat").tokens == [
        "[CLS]",
        "the",
        "cat",
        "[SEP]",
        "sat",
        "[SEP]",
    ]


def test_letters_are_no_special_tokens():
    tokenizer = wordpiece.train([TEXTS], vocabulary=300)
    special = [str(token) for token in tokenizer.get_added_tokens_decoder().values()]
    assert len(special) == 5
    assert tokenizer.decode(tokenizer.encode("the cat").ids) == "the cat"


def test_ids_have_no_gaps_and_stay_within_the_asked_size():
    vocabulary = wordpiece.train([TEXTS], vocabulary=300).get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert len(vocabulary) <= 300


def test_rare_letters_leave_room_for_words():
    signs = ["".join(chr(0x4E00 + i) for i in range(k, k + 4)) for k in range(0, 4000, 4)]
    vocabulary = wordpiece.train([[*signs, *TEXTS * 20]], vocabulary=400).get_vocab()
    assert sum(len(token.removeprefix("##")) == 1 for token in vocabulary) <= 100
    assert len(vocabulary) <= 400


def test_the_order_of_texts_and_batches_does_not_matter():
    one = wordpiece.train([TEXTS], vocabulary=300).to_str()
    assert wordpiece.train([[text] for text in reversed(TEXTS)], vocabulary=300).to_str() == one


def test_training_is_the_same_to_the_byte_in_every_process():
    digests = []
    for seed, threads, parallel in (("0", "1", "false"), ("1", "2", "true"), ("2", "4", "true")):
        env = os.environ | {
            "PYTHONHASHSEED": seed,
            "RAYON_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": parallel,
        }
        run = subprocess.run(
            [sys.executable, "-c", DIGEST], env=env, capture_output=True, text=True, check=True
        )
        digests.append(run.stdout)
    assert len(digests[0]) == 65
    assert digests == [digests[0]] * 3


@pytest.mark.parametrize("batches", [[], [[]], [["", "  "]]])
def test_no_text_is_an_error_with_a_remedy(batches):
    with pytest.raises(TrainingError, match="no text to train a tokenizer on\n  to do: look at"):
        wordpiece.train(batches, vocabulary=300)
