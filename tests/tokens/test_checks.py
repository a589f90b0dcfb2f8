import pytest
from tokenizers import Tokenizer, models

from pipeline.errors import ArtefactError, ConfigError
from pipeline.tokens.checks import check_positions, check_prefixes
from pipeline.tokens.vocabulary import Vocabulary


def vocabulary(positions=None) -> Vocabulary:
    tokenizer = Tokenizer(models.WordLevel({"[task: apples]": 0, "[task: pears]": 1}, "?"))
    return Vocabulary(
        tokenizer=tokenizer,
        special={},
        prefixes={"apples": 0, "pears": 0},
        size=2,
        sha256="",
        files={},
        max_positions=positions,
    )


def test_every_task_has_the_prefix_that_the_tokenizer_gives_it():
    check_prefixes(vocabulary(), {"apples": "[task: apples]"}, where="tokenizer")
    asked = {"apples": "[task: apples]", "pears": "[task: pears]", "plums": "[task: plums]"}
    with pytest.raises(ArtefactError) as caught:
        check_prefixes(vocabulary(), asked, where="tokenizer")
    assert str(caught.value) == (
        "tokenizer: there is no prefix token for pears, plums\n"
        "  expected: the tokenizer of the same mixture\n"
        "  to do: run `dvc repro tokenizer`"
    )


def test_sequences_no_longer_than_the_model_takes():
    check_positions(vocabulary(), 9000)
    check_positions(vocabulary(512), 512)
    with pytest.raises(ConfigError) as caught:
        check_positions(vocabulary(512), 513)
    assert str(caught.value) == (
        "params.yaml: tokenize.max_tokens: is 513, and the model takes 512 tokens at most\n"
        "  expected: 512 or less (the config.json of model.source)\n"
        "  to do: set tokenize.max_tokens to 512, or take a model with more positions"
    )
