import pytest

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params, TextParams
from pipeline.config.text_rules import text_settings
from pipeline.errors import ConfigError
from tests.trainings import TRAININGS


def card(view="text", **task):
    return MixtureCard.model_validate(
        {
            "name": "x",
            "view": view,
            "tasks": {"a": task},
            "sampling": {"strategy": "proportional", "epochs": 1},
            "trainings": TRAININGS,
            "tailor": {"target": "a"},
        }
    )


def params(tokenize=None, **text):
    value = {"seed": 1, "data_dir": "x", "tokenize": tokenize or {}, "text": text}
    return Params.model_validate(value)


def test_a_choice_mixture_is_told_nothing():
    assert text_settings(card("choice"), params(target_tokens=5000)) == (None, None, None, None)


def test_each_stage_is_told_what_changes_its_output():
    told = text_settings(card(), params(cut="input_end", score="mean", pack_window=99))
    assert told.batch == 32
    silent = TextParams()
    assert told.tokens == silent.model_copy(update={"cut": "input_end"})
    assert told.packs == silent.model_copy(update={"pack_window": 99})
    assert told.train == silent.model_copy(update={"pack_window": 99, "score": "mean"})


def test_an_encoder_decoder_is_not_packed():
    told = text_settings(card(), params(model="seq2seq", pack_window=99))
    assert told.packs.pack_tokens is None
    assert told.train.pack_tokens is None
    assert told.packs.pack_window != 99


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (params(target_tokens=95), "text.target_tokens: is 95\n  expected: at most 94"),
        (params(target_tokens=128, model="seq2seq"), "expected: at most 127"),
        (
            params(pack_tokens=100),
            r"text.pack_tokens: is 100\n  expected: at least tokenize.max_tokens",
        ),
        (params({"long_rows": "split"}), "tokenize.long_rows: is 'split'"),
    ],
)
def test_sections_must_agree(value, words):
    with pytest.raises(ConfigError, match=words):
        text_settings(card(), value)


def test_prefixes_that_are_not_there_cannot_be_compared():
    from pipeline.config.params import RelateParams

    params = Params(seed=1, data_dir="d", text=TextParams(prefix=False))
    with pytest.raises(ConfigError, match="relate.scorers: 'prefix' compares what prefixes learnt"):
        text_settings(card(), params)
    other = params.model_copy(update={"relate": RelateParams(scorers=("text",))})
    assert text_settings(card(), other).tokens.prefix is False


def test_limits_of_prompts_are_told_where_there_are_prompts():
    params = Params(seed=1, data_dir="d", text=TextParams(field_tokens=9, eval_prompts=2))
    plain = text_settings(card(), params).tokens
    assert (plain.field_tokens, plain.eval_prompts) == (None, None)
    seen = text_settings(card(prompts=["x"]), params).tokens
    assert (seen.field_tokens, seen.eval_prompts) == (9, 2)
