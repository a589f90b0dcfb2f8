import json

import polars as pl
import pytest
from tokenizers import Tokenizer, models

from pipeline.errors import ArtefactError, TrainingError
from pipeline.rendering.prefix import prefixes
from pipeline.tokens import wordpiece
from pipeline.tokens.encode import encode
from pipeline.tokens.vocabulary import ENCODER, load, read_tokenizer, save, special_names

TEXTS = ["The cat sat on the mat.", "a task: apples are red"] * 2


@pytest.fixture
def folder(tmp_path):
    tokenizer = wordpiece.train([TEXTS], vocabulary=300)
    save(tokenizer, wordpiece.SPECIAL, prefixes(["pears", "apples"]), tmp_path)
    return tmp_path


def test_prefixes_follow_the_base_vocabulary_in_task_order(folder):
    base = wordpiece.train([TEXTS], vocabulary=300).get_vocab_size()
    assert json.loads((folder / "prefixes.json").read_text()) == [
        {"id": base, "task": "apples", "token": "[task: apples]"},
        {"id": base + 1, "task": "pears", "token": "[task: pears]"},
    ]
    vocabulary = load(folder, ENCODER)
    assert vocabulary.prefixes == {"apples": base, "pears": base + 1}
    assert vocabulary.size == base + 2
    assert vocabulary.special == {"cls": 2, "sep": 3, "pad": 0, "mask": 4}


def test_another_task_moves_no_token_of_the_base_vocabulary(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    names = ["apples", "aardvarks", "pears"]
    save(wordpiece.train([TEXTS], vocabulary=300), wordpiece.SPECIAL, prefixes(names), other)
    base = read_tokenizer(other / "tokenizer.json").get_vocab(with_added_tokens=False)
    assert base == read_tokenizer(folder / "tokenizer.json").get_vocab(with_added_tokens=False)


def test_a_prefix_is_one_token_outside_of_data_and_plain_text_inside(folder):
    tokenizer = read_tokenizer(folder / "tokenizer.json")
    (apples, *rest) = tokenizer.encode("[task: apples] The cat", add_special_tokens=False).tokens
    assert (apples, rest) == ("[task: apples]", ["the", "cat"])
    vocabulary = load(folder, ENCODER)
    ids = encode(vocabulary.tokenizer, pl.Series(["[task: apples] the"])).rows()[0].tolist()
    assert vocabulary.prefixes["apples"] not in ids


def test_transformers_reads_the_folder_to_the_same_ids(folder):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = load(folder, ENCODER)
    text = "[task: pears] The CAT sat, naïvely, on [MASK]."
    plain = read_tokenizer(folder / "tokenizer.json")
    assert theirs(text)["input_ids"] == plain.encode(text).ids
    assert theirs("the cat", "sat")["input_ids"] == plain.encode("the cat", "sat").ids
    named = (theirs.cls_token_id, theirs.sep_token_id, theirs.pad_token_id, theirs.mask_token_id)
    assert named == tuple(ours.special[role] for role in ("cls", "sep", "pad", "mask"))
    assert theirs.convert_tokens_to_ids("[task: apples]") == ours.prefixes["apples"]
    assert len(theirs) == ours.size


def test_saving_twice_gives_the_same_bytes(folder, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    save(
        wordpiece.train([TEXTS], vocabulary=300),
        wordpiece.SPECIAL,
        prefixes({"apples", "pears"}),
        again,
    )
    for file in sorted(again.iterdir()):
        assert file.read_bytes() == (folder / file.name).read_bytes()
    assert len(list(again.iterdir())) == 4


def test_special_tokens_are_read_from_strings_and_from_objects(tmp_path):
    tokens = ["<c>", "<s>", "</s>", "<pad>", "<mask>"]
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, "<pad>"))
    config = {"cls_token": {"content": "<c>"}, "sep_token": "</s>", "mask_token": "<gone>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert special_names(tokenizer, tmp_path, ENCODER) == {
        "cls": "<c>",
        "sep": "</s>",
        "pad": "<pad>",
        "mask": "<mask>",
    }


def test_a_tokenizer_without_a_mask_is_refused_with_a_remedy(tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "[PAD]": 2}, "[PAD]"))
    with pytest.raises(TrainingError) as caught:
        special_names(tokenizer, tmp_path, ENCODER)
    assert caught.value.what == "the tokenizer has no mask token"
    assert "encoder" in caught.value.remedy


@pytest.mark.parametrize("content", ["", "{", '{"model": 3}', "[]"])
def test_a_broken_tokenizer_file_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(ArtefactError, match="not a tokenizer") as caught:
        read_tokenizer(path)
    assert caught.value.where == str(path)


def test_a_missing_tokenizer_file_is_named(tmp_path):
    with pytest.raises(ArtefactError, match="does not exist"):
        load(tmp_path, ENCODER)
