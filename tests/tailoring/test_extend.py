import pytest

from pipeline.config.load import load, write_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.recipe import tailor_settings
from pipeline.errors import ConfigError
from pipeline.tailoring.budget import RowBudget
from pipeline.tailoring.extend import as_mapping, comment, tailored_card
from tests.trainings import TRAININGS

BASE = MixtureCard.model_validate(
    {
        "name": "toy",
        "tasks": {"t": {"weight": 2.0}, "a": {}, "b": {}, "c": {}},
        "sampling": {"strategy": "temperature", "temperature": 2.0, "cap": 500, "epochs": 1.0},
        "limits": {"train": 200},
        "tailor": {"target": "t", "k": 3, "min_score": 0.05},
        "trainings": TRAININGS,
        "params": {"train": {"learning_rate": 1e-5}},
    }
)
ROWS = RowBudget(target=200, asked=180, complements={"b": 100, "a": 80, "c": 0})


def tailor(card, rows):
    settings = tailor_settings(card, name=card.name, seed=1, families={})
    return tailored_card(settings, rows)


def test_the_tailored_card_has_counts_for_the_target_and_its_complements():
    card = tailor(BASE, ROWS)
    assert card.name == "toy_tailored"
    assert {task: entry.count for task, entry in card.tasks.items()} == {
        "a": 80,
        "b": 100,
        "t": 200,
    }
    assert list(card.tasks) == ["a", "b", "t"]
    assert card.sampling.model_dump(exclude_defaults=True) == {"strategy": "counts"}


def test_groups_and_phases_stay_behind_and_the_order_comes_along():
    value = BASE.model_dump() | {
        "groups": {"g": {"tasks": ["a", "b"], "strategy": "equal"}},
        "phases": [{"name": "first", "share": 0.5, "tasks": ["a"]}, {"name": "rest"}],
        "sampling": {"strategy": "equal", "rows": 9, "order": "smooth"},
        "same_content": "allow",
    }
    card = tailor(MixtureCard.model_validate(value), ROWS)
    assert (card.groups, card.phases, card.same_content) == ({}, (), "allow")
    written = as_mapping(card)
    assert written["sampling"] == {"strategy": "counts", "order": "smooth"}
    assert written["same_content"] == "allow"
    assert not {"groups", "phases"} & set(written)


def test_view_limits_overrides_and_the_tailor_block_stay():
    card = tailor(BASE, ROWS)
    for key in ("view", "limits", "params", "tailor"):
        assert getattr(card, key) == getattr(BASE, key)


def test_tasks_stay_seen_through_their_prompts():
    tasks = {
        "t": {"prompts": {"short": 2.0, "long": 1.0}, "draw": "one"},
        "a": {"prompts": ["short"], "pool": "fruit/ripe", "weight": 3.0},
        "b": {},
        "c": {},
    }
    value = BASE.model_dump(exclude={"tailor"}) | {"view": "text", "tasks": tasks}
    base = MixtureCard.model_validate(
        value | {"trainings": TRAININGS, "tailor": {"target": "t", "selection": "top_k"}}
    )
    assert as_mapping(tailor(base, ROWS))["tasks"] == {
        "a": {"count": 80, "prompts": ["short"], "pool": "fruit/ripe"},
        "b": {"count": 100},
        "t": {"count": 200, "prompts": {"short": 2.0, "long": 1.0}, "draw": "one"},
    }


def test_a_choice_of_nothing_leaves_the_target_alone():
    card = tailor(BASE, RowBudget(target=200, asked=180, complements={}))
    assert list(card.tasks) == ["t"]


PLAIN = MixtureCard.model_validate(BASE.model_dump() | {"limits": {}, "params": {}})


@pytest.mark.parametrize("base", [BASE, PLAIN])
def test_the_card_survives_being_written_and_read(tmp_path, base):
    card = tailor(base, ROWS)
    path = tmp_path / "tailored.yaml"
    write_yaml(as_mapping(card), path, comment=comment(card, ROWS, source={"mixture": "'toy'"}))
    assert load(MixtureCard, path) == card
    text = path.read_text()
    assert text.startswith(
        "# Made by the stage `tailor` (mixture 'toy'); why.json says why.\n"
        "# 2 complements with 180 of 180 rows asked for, beside 200 of 't'.\n"
    )
    assert "null" not in text


def test_a_card_of_defaults_is_written_without_empty_keys():
    assert {"limits", "params"} <= set(as_mapping(tailor(BASE, ROWS)))
    plain = as_mapping(tailor(PLAIN, ROWS))
    assert not {"limits", "params", "groups", "phases", "same_content"} & set(plain)
    assert plain["tasks"] == {"a": {"count": 80}, "b": {"count": 100}, "t": {"count": 200}}
    assert plain["sampling"] == {"strategy": "counts"}


def test_a_name_that_cannot_be_extended_is_refused_in_words():
    card = MixtureCard.model_validate(BASE.model_dump() | {"name": "n" * 56})
    with pytest.raises(ConfigError, match=f"name: '{'n' * 56}' is too long to be extended"):
        tailor(card, ROWS)
