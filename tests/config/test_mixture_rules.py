"""Held-out tasks: what a card may say of them, and what each stage is told."""

import pytest

from pipeline.config.load import check
from pipeline.config.mixture_card import Mixture, MixtureCard
from pipeline.errors import ConfigError
from tests.trainings import TRAININGS

TASKS = {"mnli": {}, "rte": {"held_out": True}, "snli": {}}
EQUAL = {"strategy": "equal", "rows": 10}


def complaint(kind=Mixture, **value):
    with pytest.raises(ConfigError) as caught:
        check(kind, {"tasks": TASKS, "sampling": EQUAL} | value, where="x.yaml")
    return str(caught.value).removeprefix("x.yaml: ")


def test_held_out_tasks_are_no_part_of_what_is_drawn():
    mixture = check(Mixture, {"tasks": TASKS, "sampling": EQUAL}, where="x.yaml")
    assert mixture.held_out == ("rte",)
    assert sorted(mixture.drawn().tasks) == ["mnli", "snli"]
    assert mixture.drawn().held_out == ()
    assert sorted(mixture.tasks) == ["mnli", "rte", "snli"]


@pytest.mark.parametrize("asked", [{"weight": 2}, {"count": 3}, {"epochs": 1.5}, {"draw": "one"}])
def test_no_row_of_a_held_out_task_can_be_asked_for(asked):
    (key,) = asked
    assert complaint(tasks=TASKS | {"rte": {"held_out": True} | asked}).startswith(
        f"tasks.rte: '{key}' does not go with held_out; no row of it is drawn"
    )


def test_prompts_of_a_held_out_task_have_no_weights():
    listed = TASKS | {"rte": {"held_out": True, "prompts": ["short", "long"]}}
    value = {"view": "text", "tasks": listed, "sampling": EQUAL}
    assert check(Mixture, value, where="x.yaml").tasks["rte"].prompts == ("short", "long")
    weighed = TASKS | {"rte": {"held_out": True, "prompts": {"short": 2, "long": 1}}}
    assert complaint(view="text", tasks=weighed).startswith(
        "tasks.rte: weights of prompts do not go with held_out; give a list"
    )


def test_groups_and_phases_do_not_name_held_out_tasks():
    assert complaint(groups={"nli": {"tasks": ["mnli", "rte"]}}).startswith(
        "groups.nli: task 'rte' is held out, and has no part in the mixture"
    )
    phases = [{"name": "one", "share": 0.5, "tasks": ["rte"]}, {"name": "two"}]
    assert complaint(phases=phases).startswith(
        "phases.one: task 'rte' is held out, so that no phase draws it"
    )
    weighed = [{"name": "one", "share": 0.5, "weights": {"rte": 2}}, {"name": "two"}]
    assert complaint(phases=weighed).startswith("phases.one: task 'rte' is held out")


def test_a_held_out_task_needs_no_phase_no_count_and_no_weight():
    tasks = {"mnli": {"count": 3}, "rte": {"held_out": True}}
    phases = [{"name": "one", "tasks": ["mnli"]}]
    counts = {"tasks": tasks, "sampling": {"strategy": "counts"}, "phases": phases}
    assert check(Mixture, counts, where="x.yaml").held_out == ("rte",)
    weights = {
        "tasks": {"mnli": {"weight": 1}, "rte": {"held_out": True}},
        "sampling": {"strategy": "weights", "rows": 5},
    }
    assert check(Mixture, weights, where="x.yaml").held_out == ("rte",)


def test_something_must_be_drawn():
    assert complaint(tasks={"rte": {"held_out": True}}).startswith(
        "tasks: all are held out; a mixture draws from one at least"
    )


def test_a_target_is_trained_on():
    words = complaint(MixtureCard, name="x", tailor={"target": "rte"}, trainings=TRAININGS)
    assert words.startswith("tailor.target: 'rte' is held out; a target is trained on")
