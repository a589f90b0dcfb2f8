import pytest

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.errors import ConfigError
from pipeline.relationships.rules import relate_params, relationship_settings, scorer_modules
from tests.trainings import TRAININGS

HEAD = {"name": "toy", "seed": 1}
FAMILIES = {"a": "fruit", "t": "fruit"}


def card(*, view="choice", **tailor):
    return MixtureCard.model_validate(
        {
            "name": "toy", "view": view, "tasks": {"t": {}, "a": {}},
            "sampling": {"strategy": "equal", "epochs": 1.0},
            "trainings": TRAININGS,
            "tailor": {"target": "t"} | tailor,
        }
    )  # fmt: skip


def params(**changes):
    return Params.model_validate({"seed": 1, "data_dir": "d"} | changes)


def features(mixture, told=None):
    return relationship_settings(mixture, told or params(), families=FAMILIES)["features"]


def test_tailor_s_scorer_is_run_whether_it_is_named_or_not():
    default = ("prefix", "text", "prior")
    assert relate_params(card(), params()).scorers == (*default, "source_head")
    assert relate_params(card(selection="top_k"), params()).scorers == default
    named = params(relate={"scorers": ["source_head"], "seeds": 5})
    assert relate_params(card(), named).scorers == ("source_head",)
    assert relate_params(card(), named).seeds == 5
    stacked = params(relate={"scorers": ["text", "prior"], "stack": ["text", "prior"]})
    assert relate_params(card(scorer="stack"), stacked).scorers == ("text", "prior")


@pytest.mark.parametrize(
    ("mixture", "told", "message"),
    [
        (
            card(),
            {"relate": {"scorers": ["lokahead"]}},
            "relate.scorers: no scorer named 'lokahead'",
        ),
        (card(scorer="lokahead"), {}, "tailor.scorer: no scorer named 'lokahead'"),
        (card(scorer="stack"), {}, "tailor.scorer: is 'stack', and relate.stack names nothing"),
        (card(view="text", scorer="logme"), {}, "scorer 'logme' cannot work on the text view"),
        (card(view="text", scorer="prefix_state"), {}, "scorer 'prefix_state' cannot work on the"),
        (card(view="text"), {"relate": {"scorers": ["gradient"]}}, "scorer 'gradient' cannot"),
    ],
)
def test_scorers_that_cannot_run_are_refused_before_anything_does(mixture, told, message):
    with pytest.raises(ConfigError, match=f"mixture 'toy': {message}"):
        relate_params(mixture, params(**told))


def test_features_are_made_where_a_scorer_or_a_race_needs_them():
    model = {"source": "./here", "revision": "abc"}
    got = features(card(), params(model=model, relate={"feature_rows": 50}, train={"threads": 3}))
    assert got.model_dump() == HEAD | {
        "why_none": None, "tasks": ("a", "t"), "source": "./here", "revision": "abc", "rows": 50,
        "state_rows": 0, "threads": 3, "code": {},
    }  # fmt: skip
    assert features(card(selection="top_k", scorer="logme")).why_none is None
    assert features(card(scorer="prefix")).why_none is None
    hungry = params(relate={"scorers": ["prefix", "gradient"]})
    assert features(card(selection="top_k"), hungry).why_none is None


def test_states_at_prefixes_are_read_where_they_are_asked_for():
    asked = params(relate={"scorers": ["text", "prefix_state"], "state_rows": 9})
    alone = features(card(selection="top_k", scorer="text"), asked)
    assert (alone.why_none, alone.rows, alone.state_rows) == (None, 0, 9)
    beside = features(card(), asked)
    assert (beside.rows, beside.state_rows) == (300, 9)
    assert features(card(scorer="prefix_state")).state_rows == 64


@pytest.mark.parametrize(
    ("mixture", "why"),
    [
        (card(selection="top_k"), "no scorer and no selection needs features"),
        (card(view="text"), "the mixture is of the text view"),
    ],
)
def test_where_none_are_needed_no_edit_reaches_the_stage(mixture, why):
    got = features(mixture)
    assert got.why_none == why
    rows = {"feature_rows": 50, "state_rows": 9}
    other = params(model={"source": "./here"}, relate=rows, train={"threads": 3})
    assert features(mixture, other) == got


def test_how_many_rows_have_features_does_not_re_run_the_scorers():
    assert relate_params(card(), params(relate={"feature_rows": 50, "state_rows": 9})) == (
        relate_params(card(), params())
    )


def test_relate_depends_on_the_code_of_the_scorers_that_it_runs():
    found = relationship_settings(card(), params(), families=FAMILIES)["relate"]
    assert (found.tasks, found.families) == (("a", "t"), FAMILIES)
    assert scorer_modules(found.relate.scorers) == [
        f"pipeline.relationships.scorers.{name}"
        for name in ("prefix", "prior", "source_head", "text")
    ]
