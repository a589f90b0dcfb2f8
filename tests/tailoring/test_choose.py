"""Parts of a choice on and off; the race's trainings are replaced by a table of losses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.relationships.proxy.training import ProxyRecipe
from pipeline.tailoring.candidates import Candidates
from pipeline.tailoring.choose import Parts, choose
from pipeline.tailoring.guard import Signs
from pipeline.tailoring.race import RaceSetup

SCORES = {"a": 0.9, "b": 0.6, "c": 0.55, "foe": 0.95}
SIGNS = {task: Signs(value=score) for task, score in SCORES.items()} | {"foe": Signs(value=-0.5)}
AFFINITY = {
    "a": np.array([3.0, 3.0, 0.0]), "b": np.array([3.0, 3.0, 0.0]),
    "c": np.array([0.0, 0.0, 9.0]), "foe": np.zeros(3),
}  # fmt: skip
SETUP = RaceSetup(target="t", pool=None, held=None, recipe=ProxyRecipe(), seeds=(1,))
FOUND = Candidates(scores=SCORES, signs=SIGNS, affinity=AFFINITY)


@pytest.fixture(autouse=True)
def by_table(monkeypatch):
    """Each of a and c takes a tenth off the loss; the others do nothing."""

    def held_losses(setup, sets):
        return np.array(
            [[[1.0 - 0.1 * len({"a", "c"} & set(s)) + e for e in (-0.01, 0.01)]] for s in sets]
        )

    monkeypatch.setattr("pipeline.tailoring.race.held_losses", held_losses)


def run(**parts):
    return choose(SETUP, FOUND, Parts(**parts))


def test_what_covers_other_rows_comes_first_and_what_is_not_missed_is_dropped():
    choice = run()
    assert [step.task for step in choice.steps] == ["a", "c", "b"]
    assert choice.tasks == ("a", "c")
    assert choice.refused["foe"].startswith("refused: its score -0.500 is below 0")
    assert choice.refused["b"] == "refused: place 3, beyond the 2 that were taken"
    assert choice.rises == pytest.approx({"a": 0.1, "c": 0.1})


def test_each_part_off():
    assert [step.task for step in run(guard=False, coverage=False).steps] == ["foe", "a", "b", "c"]
    # by score alone c stands behind b, which wins with it and is then left out
    choice = run(coverage=False)
    assert choice.race.tasks == ("a", "b", "c")
    assert choice.tasks == ("a", "c")
    assert choice.refused["b"] == "refused: the held-out loss is no higher without it"
    assert run(coverage=False, backward=False).tasks == ("a", "b", "c")
    assert run(race=False, k=1).tasks == ("a",)
    assert run(race=False, k=1).refused["c"] == "refused: place 2, beyond the 1 that were taken"


def test_no_more_than_the_most_races():
    choice = run(most=1)
    assert [entry.tasks for entry in choice.race.entries] == [(), ("a",)]
    assert choice.tasks == ("a",)
    assert choice.refused["c"] == "refused: place 2, beyond the most that may be taken"
    assert run(most=0).tasks == ()


def test_candidates_below_a_bound_take_no_part():
    choice = choose(SETUP, FOUND, Parts(), min_score=0.55)
    assert [step.task for step in choice.steps] == ["a", "b"]
    assert set(choice.refused) == {"foe", "b"}


def test_a_race_that_no_task_wins_is_told():
    scores = {"b": 0.8}
    found = Candidates(scores=scores, signs={"b": Signs(value=0.8)}, affinity={"b": AFFINITY["b"]})
    choice = choose(SETUP, found, Parts())
    assert choice.tasks == ()
    assert choice.refused == {"b": "refused: place 1, and the race was won by no task at all"}


@settings(deadline=None, max_examples=20)
@given(st.randoms())
def test_the_sequence_of_candidates_does_not_matter(random):
    names = list(SCORES)
    random.shuffle(names)
    turned = Candidates(
        scores={n: SCORES[n] for n in names},
        signs={n: SIGNS[n] for n in names},
        affinity={n: AFFINITY[n] for n in names},
    )
    assert choose(SETUP, turned, Parts()) == run()
