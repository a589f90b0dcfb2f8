from pathlib import Path

import pytest

from pipeline.config.load import check
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.prompt_file import write_prompts
from pipeline.config.task_prompts import load_task_prompts
from pipeline.errors import ConfigError
from pipeline.templates.prompt import Prompt, PromptFile
from tests.trainings import TRAININGS

IDS = [f"0000000{i}-0000-4000-8000-000000000000" for i in range(9)]
OWN = Path("mixtures/prompts")


def one(index, name, *, original=True, jinja="{{ question }} ||| {{ target }}"):
    return Prompt(IDS[index], name, jinja, original_task=original, reference="someone")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Own prompts of apples, and a pool with prompts of one dataset."""
    monkeypatch.chdir(tmp_path)
    own = (one(0, "short"), one(1, "long", original=False), one(2, "both"))
    write_prompts(PromptFile("apples", None, own), OWN / "apples/templates.yaml")
    pooled = (one(3, "pooled"), one(4, "both"))
    write_prompts(PromptFile("fruit", "red", pooled), Path("pool/fruit/red/templates.yaml"))


def card(view="text", tail="", **tasks):
    value = {
        "name": "toy",
        "view": view,
        "tasks": {"pears": {}, "apples": {}} | tasks,
        "sampling": {"strategy": "equal", "rows": 9},
        "trainings": TRAININGS,
        "tailor": {"target": "pears"},
    }
    return check(MixtureCard, value | ({"draw": tail} if tail else {}), where="toy.yaml")


def loaded(made, prompts_dir="pool"):
    params = Params(seed=1, data_dir="d", prompts_dir=prompts_dir)
    return load_task_prompts(made, params, OWN, where="toy.yaml")


def names(entry):
    return [(prompt.name, prompt.sees) for prompt in loaded(card(apples=entry))["apples"].prompts]


def test_a_mixture_that_names_no_prompt_has_the_built_in_format_alone():
    assert loaded(card()) == {}
    assert loaded(card(apples={"prompts": "plain"})) == {}
    assert loaded(card(view="choice")) == {}


def test_prompts_are_named_by_name_id_or_kind():
    short, long, both = (("short", "example"), ("long", "example"), ("both", "example"))
    assert names({"prompts": "all"}) == [short, long, both]
    assert names({"prompts": "original"}) == [short, both]
    assert names({"prompts": ["both", IDS[0]]}) == [both, short]
    assert names({"prompts": ["long", "plain"]}) == [long, ("plain", "example")]


def test_a_pool_has_prompts_that_see_records():
    pooled = [("pooled", "record"), ("both", "record")]
    own = [("short", "example"), ("long", "example"), ("both", "example")]
    assert names({"pool": "fruit/red"}) == own + pooled
    assert names({"pool": "fruit/red", "prompts": ["pooled", "short"]}) == [pooled[0], own[0]]
    assert loaded(card(apples={"pool": "fruit/red", "prompts": "plain"})) == {}


def test_a_dataset_of_a_pool_is_looked_up_in_the_pool_and_then_in_the_project():
    write_prompts(PromptFile("mended", None, (one(5, "x"),)), OWN / "mended/templates.yaml")
    assert names({"pool": "mended", "prompts": ["x"]}) == [("x", "record")]
    # own prompts of another task, or of this one, do not hide the pool's of that name
    write_prompts(PromptFile("apples", None, (one(6, "y"),)), Path("pool/apples/templates.yaml"))
    assert names({"pool": "apples", "prompts": ["y"]}) == [("y", "record")]


def test_what_is_told_is_what_the_text_depends_on_and_no_more():
    told = loaded(card(apples={"prompts": {"short": 2, "long": 0.5}, "draw": "one"}))["apples"]
    assert told.model_dump() == {
        "prompts": tuple(
            {
                "id": IDS[index], "name": name, "jinja": "{{ question }} ||| {{ target }}",
                "answer_choices": None, "sees": "example", "weight": weight,
            }
            for index, name, weight in ((0, "short", 2.0), (1, "long", 0.5))
        ),
        "draw": "one",
        "source_sha256": None,
    }  # fmt: skip
    assert loaded(card(tail="one", apples={"prompts": "all"}))["apples"].draw == "one"
    kept = card(tail="one", apples={"prompts": "all", "draw": "all"})
    assert loaded(kept)["apples"].draw == "all"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"prompts": ["shrot"]}, "no prompt named 'shrot' in mixtures/prompts/apples/templates.yaml\n"
         "  to do: did you mean 'short'?"),
        ({"prompts": ["short", IDS[0]]}, "'short' is named twice, once by its id"),
        ({"pool": "fruit/red", "prompts": ["both"]}, f"2 prompts are named 'both'\n"
         f"  to do: name one by its id: {IDS[2]}, {IDS[4]}"),
        ({"pool": "fruit/rde"}, "pool and mixtures/prompts: no dataset of prompts named 'fruit/rde'\n"
         "  to do: did you mean 'fruit/red'? `prompts_dir` in params.yaml says"),
        ({"pool": "../outside"}, "pool: '../outside' leads out of pool"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(entry, message):
    with pytest.raises(ConfigError) as caught:
        loaded(card(apples=entry))
    assert message in str(caught.value)


def test_a_task_without_prompts_and_a_file_of_another_task_are_both_named():
    write_prompts(PromptFile("plums", None, (one(6, "x"),)), OWN / "quinces/templates.yaml")
    tasks = {"pears": {"prompts": "all"}, "quinces": {"prompts": "all"}}
    with pytest.raises(ConfigError) as caught:
        loaded(card(**tasks))
    assert str(caught.value) == (
        "toy.yaml: tasks.pears.prompts: there are no prompts\n"
        "  expected: some in mixtures/prompts/pears/templates.yaml\n"
        "mixtures/prompts/quinces/templates.yaml: dataset: is 'plums'\n"
        "  expected: 'quinces'"
    )


@pytest.mark.parametrize(
    ("view", "entry", "message"),
    [
        ("choice", {"prompts": ["a"]}, "tasks.apples: 'prompts' goes with view 'text'"),
        ("choice", {"pool": "a"}, "tasks.apples: 'pool' goes with view 'text'"),
        ("choice", {"draw": "one"}, "tasks.apples: 'draw' goes with view 'text'"),
        ("text", {"prompts": {"a": 1}}, "tasks.apples.prompts: weights go with draw 'one'; with"),
        ("text", {"prompts": {"a": 0}, "draw": "one"}, "prompts: 'a' has the weight 0, which must be"),
        ("text", {"prompts": {"a": -1}, "draw": "one"}, "'a' has the weight -1, which must be above"),
        ("text", {"prompts": {"a": True}, "draw": "one"}, "'a' has the weight True, which must be"),
        ("text", {"prompts": "short"}, "prompts: is 'short', not one of all, original, plain, or a list: "
         "[short]"),
        ("text", {"prompts": []}, "prompts: is [], not one of all, original, plain, a list of names"),
        ("text", {"prompts": 3}, "prompts: is 3, not one of all"),
        ("text", {"prompts": [1]}, "prompts: 1 is no name of a prompt: put it in quotes"),
        ("text", {"prompts": ["a", "a"]}, "prompts: 'a' is named twice"),
        ("text", {"draw": "two"}, "draw: input should be 'all' or 'one', not 'two'"),
    ],
)  # fmt: skip
def test_what_a_card_may_not_say_is_worded(view, entry, message):
    with pytest.raises(ConfigError) as caught:
        card(view=view, apples=entry)
    assert message in str(caught.value)
    with pytest.raises(ConfigError, match="draw: 'one' goes with view 'text'"):
        card(view="choice", tail="one")
