"""The parts of a mixture card against each other, and what each complaint says."""

import json

import pytest
from pydantic import ValidationError

from pipeline.config.load import check
from pipeline.config.mixture_card import Mixture, MixtureCard
from pipeline.config.params import Params
from pipeline.config.recipe import recipe, settings
from pipeline.config.sampling import Sampling
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError
from tests.trainings import TRAININGS

TASKS = {"mnli": {}, "rte": {}, "squad": {}}
NLI = {"nli": {"tasks": ["mnli", "rte"]}}
EQUAL = {"strategy": "equal", "rows": 10}


def complaint(**value):
    with pytest.raises(ConfigError) as caught:
        check(Mixture, {"tasks": TASKS, "sampling": EQUAL} | value, where="x.yaml")
    return str(caught.value).removeprefix("x.yaml: ")


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        ({"strategy": "temperature", "rows": 5}, "strategy 'temperature' needs 'temperature'"),
        ({"strategy": "unimax", "rows": 5}, "strategy 'unimax' needs 'max_epochs'"),
        (EQUAL | {"scale": 2}, "'scale' goes with strategy 'proportional' or 'temperature'"),
        (EQUAL | {"max_epochs": 2}, "'max_epochs' goes with strategy 'unimax'"),
        (EQUAL | {"per": "prompt"}, "'per' goes with strategy 'proportional' or 'temperature'"),
        (EQUAL | {"by": "equal"}, "'by' goes with strategy 'tokens' or 'supervised_tokens'"),
        (EQUAL | {"epochs": 1}, "give exactly one of 'rows' and 'epochs'"),
        ({"strategy": "equal"}, "give exactly one of 'rows' and 'epochs'"),
        (
            {"strategy": "proportional"},
            "give exactly one of 'rows', 'epochs' and 'passes'",
        ),
        ({"strategy": "tokens"}, "strategy 'tokens' needs 'tokens'"),
        (
            {"strategy": "equal", "passes": 2},
            "'passes' does not go with strategy 'equal'; give 'rows' or 'epochs'",
        ),
        (
            {"strategy": "tokens", "rows": 5},
            "'rows' does not go with strategy 'tokens'; give 'tokens'",
        ),
        (
            {"strategy": "epochs", "rows": 5},
            "'rows' does not go with strategy 'epochs', which fixes the rows",
        ),
        (
            EQUAL | {"stop": "all_seen"},
            "'rows' does not go with stop 'all_seen', which decides the size",
        ),
        (
            {"strategy": "equal", "epochs": 1, "stop": "endless"},
            "stop 'endless' needs 'rows', and no other size: how many of its rows are built",
        ),
        (
            {"strategy": "unimax", "max_epochs": 1, "stop": "first_exhausted"},
            "stop 'first_exhausted' does not go with 'unimax', which splits a size that is known",
        ),
        (
            {"strategy": "counts", "stop": "all_seen"},
            "stop 'all_seen' does not go with strategy 'counts', which fixes the rows",
        ),
        (
            EQUAL | {"stop": "exactly_once", "rows": None},
            "sampling: stop 'exactly_once' leaves nothing to share out",
        ),
        ({"strategy": "weight", "rows": 1}, "sampling.strategy: input should be 'proportional'"),
        (EQUAL | {"order": "random"}, "sampling.order: input should be 'shuffled', 'smooth' or"),
        (EQUAL | {"rows": 0}, "sampling.rows: input should be greater than 0, not 0"),
        (
            {"strategy": "temperature", "temperature": float("inf"), "rows": 3},
            "sampling.temperature: input should be a finite number, not inf",
        ),
        (
            {"strategy": "supervised_tokens", "tokens": 5},
            "sampling: strategy 'supervised_tokens' needs view 'text'; in the choice view a row has",
        ),
    ],
)
def test_sampling_that_does_not_agree_is_worded(sampling, message):
    assert message in complaint(sampling=sampling)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            {"nli": {"tasks": ["mnil"]}},
            "groups.nli: no task of the mixture is named 'mnil'; did you",
        ),
        (
            NLI | {"other": {"tasks": ["rte"]}},
            "groups.other: task 'rte' is in group 'nli' already",
        ),
        (
            {"a": {"groups": {"b": {"tasks": ["rte"]}}, "tasks": ["rte"]}},
            "groups.a/b: task 'rte' is in group 'a' already",
        ),
        ({"nli": {"tasks": ["rte", "rte"]}}, "groups.nli: task 'rte' is in group 'nli' already"),
        ({"nli": {}}, "groups.nli: the group is empty: give it 'tasks' or 'groups'"),
        ({"rte": {"tasks": ["mnli"]}}, "groups.rte: the name 'rte' is that of a task too"),
        (
            {"a": {"groups": {"a": {"tasks": ["rte"]}}}},
            "groups.a/a: the name 'a' is that of another group too",
        ),
        (
            {"nli": {"tasks": ["rte"], "cap": 5}},
            "groups.nli: 'cap' needs the group's own 'strategy' beside it",
        ),
        (
            {"nli": {"tasks": ["rte"], "strategy": "equal", "cap": 5}},
            "groups.nli: 'cap' goes with strategy 'proportional' or 'temperature'",
        ),
        (
            {"nli": {"tasks": ["mnli"], "strategy": "weights"}},
            "tasks.mnli: strategy 'weights' needs a weight for every task of group 'nli'",
        ),
        ({"nli": {"tasks": ["mnli"], "weight": -1}}, "groups.nli.weight: input should be greater"),
        (
            {"nli": {"tasks": ["mnli"], "stratgy": "equal"}},
            "groups.nli.stratgy: unknown key, did you mean 'strategy'?",
        ),
    ],
)
def test_groups_that_do_not_agree_are_worded(groups, message):
    assert message in complaint(groups=groups)


def test_a_level_of_weights_needs_those_of_its_groups_too():
    sampling = {"strategy": "weights", "rows": 10}
    tasks = {task: {"weight": 1.0} for task in TASKS}
    words = complaint(sampling=sampling, tasks=tasks, groups=NLI)
    assert words == "groups.nli: strategy 'weights' needs a weight for every group"
    words = complaint(sampling=sampling, tasks=TASKS)
    assert words == "tasks.mnli: strategy 'weights' needs a weight for every task"


def test_weights_have_no_place_under_unimax_and_counts():
    sampling = {"strategy": "unimax", "max_epochs": 2, "rows": 10}
    words = complaint(sampling=sampling, tasks={"a": {"weight": 2.0}})
    assert words == "tasks.a: 'weight' does not go with strategy 'unimax'"
    words = complaint(sampling={"strategy": "counts"}, tasks={"a": {"weight": 2.0, "count": 1}})
    assert words == "tasks.a: 'weight' does not go with strategy 'counts'"


def test_epochs_are_wanted_for_every_task_unless_there_is_a_default():
    tasks = {"a": {"epochs": 1.5}, "b": {}}
    words = complaint(sampling={"strategy": "epochs"}, tasks=tasks)
    assert words == (
        "tasks.b: strategy 'epochs' needs the task's 'epochs', or 'sampling.epochs' for all that have "
        "none"
    )
    check(Mixture, {"tasks": tasks, "sampling": {"strategy": "epochs", "epochs": 1}}, where="x")
    words = complaint(tasks=tasks)
    assert words == "tasks.a: 'epochs' goes with strategy 'epochs' only"


def test_counts_share_nothing_out_among_groups():
    tasks = {task: {"count": 1} for task in TASKS}
    words = complaint(sampling={"strategy": "counts"}, tasks=tasks, groups=NLI)
    assert words == "groups: strategy 'counts' shares nothing out among groups"


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ([{"name": "a", "share": 0.5}], "phases: the shares sum to 0.5, not 1"),
        (
            [{"name": "a", "share": 0.6}, {"name": "b", "share": 0.6}],
            "phases: the shares sum to 1.2, not 1",
        ),
        (
            [{"name": "a", "share": 1.0}, {"name": "b"}],
            "phases: the shares sum to 1, not 1, and phase 'b' takes the rest",
        ),
        (
            [{"name": "a"}, {"name": "b"}],
            "phases.b: needs 'share' or 'rows'; phase 'a' takes the rest already",
        ),
        (
            [{"name": "a", "share": 0.5}, {"name": "b", "rows": 5}],
            "phases.b: has 'rows' where phase 'a' has a 'share'; give one kind",
        ),
        ([{"name": "a", "share": 0.5, "rows": 5}], "phases.0: give 'share' or 'rows', not both"),
        (
            [{"name": "a", "rows": 5}],
            "phases: all phases have 'rows', so that 'sampling.rows' says it twice",
        ),
        (
            [{"name": "a", "share": 0.5}, {"name": "a", "share": 0.5}],
            "phases.a: there are two phases of that name",
        ),
        (
            [{"name": "a", "tasks": ["mnil"]}],
            "phases.a: no task or group of the mixture is named 'mnil'; did you mean 'mnli'?",
        ),
        (
            [{"name": "a", "weights": {"sqad": 1.0}}],
            "phases.a: no task or group of the mixture is named 'sqad'; did you mean 'squad'?",
        ),
        (
            [{"name": "a", "tasks": ["mnli"]}],
            "phases: task 'rte' is in no phase; add it to one, or take it out",
        ),
        ([{"name": "a", "temperature": 2}], "'temperature' needs the phase's own 'strategy'"),
        ([{"name": "a", "strategy": "weights"}], "tasks.mnli: strategy 'weights' needs a weight"),
        ([{"name": "a", "share": 1.5}], "phases.0.share: input should be less than or equal to 1"),
    ],
)
def test_phases_that_do_not_agree_are_worded(phases, message):
    assert message in complaint(phases=phases)


def test_a_phase_may_give_the_weights_that_the_card_lacks():
    phases = [{"name": "a", "tasks": ["mnli"], "weights": {"mnli": 1.0}, "share": 0.5},
              {"name": "b", "weights": dict.fromkeys(TASKS, 2.0)}]  # fmt: skip
    sampling = {"strategy": "weights", "rows": 10}
    check(Mixture, {"tasks": TASKS, "sampling": sampling, "phases": phases}, where="x")


def test_a_group_stands_for_its_tasks_in_a_phase():
    phases = [{"name": "a", "tasks": ["nli"], "share": 0.5}, {"name": "b", "tasks": ["squad"]}]
    value = {"tasks": TASKS, "sampling": EQUAL, "groups": NLI, "phases": phases}
    check(Mixture, value, where="x")


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"share": 0.5}, "phases.b: strategy 'counts' fixes the rows, so that a phase has 'tasks'"),
        ({"tasks": ["mnli"]}, "phases.b: task 'mnli' is in an earlier phase already; strategy"),
    ],
)
def test_phases_of_counts_name_tasks_and_nothing_else(phase, message):
    tasks = {"mnli": {"count": 1}, "rte": {"count": 2}}
    phases = [{"name": "a", "tasks": ["mnli", "rte"]}, {"name": "b"} | phase]
    assert message in complaint(sampling={"strategy": "counts"}, tasks=tasks, phases=phases)


@pytest.mark.parametrize("stop", ["first_exhausted", "all_seen", "exactly_once"])
def test_a_stop_rule_and_phases_do_not_go_together(stop):
    words = complaint(sampling={"strategy": "proportional", "stop": stop}, phases=[{"name": "a"}])
    assert words == f"phases: stop '{stop}' does not go with phases, whose size must be known"


def test_presets_stand_for_explicit_settings_and_give_way_to_what_is_written():
    assert Sampling(preset="t0", epochs=1).model_dump(exclude_none=True) == {
        "preset": "t0", "strategy": "proportional", "cap": 500_000, "per": "prompt", "epochs": 1.0,
        "stop": "fixed", "order": "shuffled",
    }  # fmt: skip
    theirs = Sampling(preset="compassmtl")
    assert (theirs.strategy, theirs.cap, theirs.passes) == ("proportional", 10_000, 6.0)
    own = Sampling(preset="compassmtl", cap=5000, rows=100)
    assert (own.cap, own.passes, own.rows) == (5000, None, 100)
    assert Sampling(preset="compassmtl", stop="all_seen").passes is None
    for sampling in (theirs, own):
        assert Sampling.model_validate_json(sampling.model_dump_json()) == sampling
    assert "sampling.preset: input should be 't0' or 'compassmtl'" in complaint(
        sampling=EQUAL | {"preset": "flan"}
    )


def plan_card(**change):
    value = {
        "name": "toy",
        "tasks": {"rte": {}, "mnli": {}, "squad": {"weight": 2.0}},
        "sampling": EQUAL,
        "groups": {"z": {"tasks": ["rte", "mnli"]}, "b": {"tasks": ["squad"]}},
        "phases": [{"name": "p", "tasks": ["squad", "mnli", "rte"], "weights": {"z": 1, "b": 2}}],
        "trainings": TRAININGS,
        "tailor": {"target": "rte"},
    }
    return MixtureCard.model_validate(value | change)


def plan_settings(**change):
    card = plan_card(**change)
    task = {"family": "toy", "source": {"kind": "files", "folder": "x"}, "splits": {"train": "t"},
            "fields": {"form": "classification", "context": "t", "label": "y", "classes": ["a", "b"]},
            "licence": "MIT"}  # fmt: skip
    cards = {name: TaskCard.model_validate(task | {"task": name}) for name in card.tasks}
    params = Params(seed=3, data_dir="d")
    return settings(card, cards, params, model_sha256=None, prompts={})["plan/compass"]


def test_a_recipe_does_not_depend_on_the_order_of_keys():
    shuffled = plan_card(
        tasks={"squad": {"weight": 2.0}, "rte": {}, "mnli": {}},
        groups={"b": {"tasks": ["squad"]}, "z": {"tasks": ["mnli", "rte"]}},
        phases=[{"name": "p", "tasks": ["rte", "squad", "mnli"], "weights": {"b": 2, "z": 1}}],
    )
    assert json.dumps(recipe(shuffled)) == json.dumps(recipe(plan_card()))
    assert set(Mixture.model_validate(recipe(shuffled)).tasks) == set(shuffled.tasks)


@pytest.mark.parametrize(
    ("trainings", "words"),
    [
        ({"a": {"recipe": "all", "start": "b"}}, "trainings.a.start: 'b' is no training of this"),
        ({"a": {"recipe": "all", "start": "a"}}, "trainings.a.start: starts from itself"),
        (
            {"a": {"recipe": "all", "start": "b"}, "b": {"recipe": "all", "start": "a"}},
            "trainings.a.start: starts from itself",
        ),
        ({"base": {"recipe": "all", "start": "base"}}, "'base' is the model that trainings start"),
        ({"a": {"recipe": "some", "start": "base"}}, "Input should be 'all' or 'tailored'"),
        ({"a;b": {"recipe": "all", "start": "base"}}, "String should match pattern"),
        ({}, "at least 1 item"),
    ],
)
def test_trainings_start_from_the_base_or_from_one_another(trainings, words):
    with pytest.raises(ValidationError, match=words):
        plan_card(trainings=trainings)


def test_batch_and_target_are_told_to_the_plan_where_it_depends_on_them():
    assert (plan_settings().batch, plan_settings().target) == (None, None)
    assert plan_settings(sampling=EQUAL | {"order": "stratified"}).batch == 32
    assert plan_settings(same_content="merge").target == "rte"


def tailored(view="choice", **keys):
    return MixtureCard.model_validate(
        {
            "name": "toy", "view": view, "tasks": {"t": {}},
            "sampling": {"strategy": "equal", "rows": 9},
            "trainings": TRAININGS,
            "tailor": {"target": "t"} | keys,
        }
    ).tailor  # fmt: skip


def test_what_a_card_does_not_say_of_tailor_hangs_on_view_and_selection():
    race = tailored()
    assert (race.selection, race.scorer, race.min_score) == ("race", "source_head", None)
    for top_k in (tailored(view="text"), tailored(selection="top_k")):
        assert (top_k.selection, top_k.scorer, top_k.min_score) == ("top_k", "prefix", 0.0)
    told = tailored(selection="top_k", scorer="text", min_score=0.2)
    assert (told.scorer, told.min_score) == ("text", 0.2)


def test_the_text_view_cannot_race():
    with pytest.raises(ValidationError, match="a race needs features of choices, which the text"):
        tailored(view="text", selection="race")
