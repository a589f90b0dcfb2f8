import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.contract.files import write_json
from pipeline.errors import TrainingError
from pipeline.tokens import wordpiece
from pipeline.tokens.vocabulary import LANGUAGE, load, save, special_names


def words(*tokens):
    tokenizer = Tokenizer(
        models.WordLevel({t: i for i, t in enumerate(tokens)}, unk_token=tokens[0])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def test_names_come_from_the_files_beside_the_tokenizer(tmp_path):
    write_json(
        {"bos_token": "<s>", "eos_token": {"content": "<end>"}, "pad_token": "absent"},
        tmp_path / "tokenizer_config.json",
    )
    names = special_names(words("<unk>", "<s>", "<end>", "</s>"), tmp_path, LANGUAGE)
    assert names == {"bos": "<s>", "eos": "<end>", "pad": "<end>", "unk": "<unk>"}


def test_a_text_need_not_begin_and_must_end(tmp_path):
    assert special_names(words("<unk>", "<|endoftext|>"), tmp_path, LANGUAGE) == {
        "eos": "<|endoftext|>", "pad": "<|endoftext|>", "unk": "<unk>",
    }  # fmt: skip
    with pytest.raises(TrainingError, match="the tokenizer has no eos token"):
        special_names(words("a", "b"), tmp_path, LANGUAGE)


def test_a_small_tokenizer_begins_a_text_and_does_not_end_it(tmp_path):
    tokenizer = wordpiece.train([["a word and another word", "a word"]], vocabulary=300)
    names = wordpiece.language_names(tokenizer)
    save(tokenizer, names, {"t": "[task: t]"}, tmp_path)
    vocabulary = load(tmp_path, LANGUAGE)
    assert vocabulary.special == {"bos": 2, "eos": 3, "pad": 0}
    assert vocabulary.prefixes == {"t": vocabulary.size - 1}
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(tmp_path)
    ids = vocabulary.tokenizer.encode("a word", add_special_tokens=False).ids
    assert theirs("a word")["input_ids"] == [2, *ids]
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (2, 3, 0)
