import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ArtefactError
from pipeline.relationships.scores import Provenance, ScoreMatrix
from pipeline.tailoring.choose import Choice
from pipeline.tailoring.coverage import Step
from pipeline.tailoring.select import Decision, decide_by_choice, decide_by_score

NAN = float("nan")


def scores_for(target, column):
    """A matrix of one target column."""
    return ScoreMatrix(
        sources=tuple(column),
        targets=(target,),
        values_ST=np.array(list(column.values()), dtype=np.float64).reshape(-1, 1),
        se_ST=None,
        directional=True,
        unit="similarity",
        provenance=Provenance(scorer="toy", version="1", seed=1, inputs={}, cost={}),
    )


COLUMN = {
    "t": NAN,
    "far": -0.2,
    "near": 0.31,
    "nearer": 0.5,
    "empty": 0.9,
    "dark": NAN,
    "weak": 0.1,
}
SIZES = {"t": 100, "far": 10, "near": 10, "nearer": 10, "empty": 0, "dark": 10, "weak": 10}


def test_every_candidate_is_taken_or_refused_and_told_why():
    got = decide_by_score(scores_for("t", COLUMN), target="t", sizes=SIZES, k=2, min_score=0.0)
    assert got == (
        Decision(task="empty", score=0.9, rank=1, taken=False, reason="refused: no rows"),
        Decision(task="nearer", score=0.5, rank=2, taken=True, reason="score 0.50, rank 2 of 5"),
        Decision(task="near", score=0.31, rank=3, taken=True, reason="score 0.31, rank 3 of 5"),
        Decision(task="weak", score=0.1, rank=4, taken=False, reason="refused: beyond k"),
        Decision(task="far", score=-0.2, rank=5, taken=False, reason="refused: below min_score"),
        Decision(task="dark", score=None, rank=None, taken=False, reason="refused: not scored"),
    )


def test_k_of_0_takes_nothing():
    got = decide_by_score(scores_for("t", COLUMN), target="t", sizes=SIZES, k=0, min_score=0.0)
    assert not any(decision.taken for decision in got)
    assert [d.reason for d in got if d.task == "nearer"] == ["refused: beyond k"]


def test_min_score_can_leave_an_empty_choice():
    got = decide_by_score(scores_for("t", COLUMN), target="t", sizes=SIZES, k=9, min_score=0.5)
    assert not any(decision.taken for decision in got)


def test_a_score_equal_to_min_score_is_refused_and_a_negative_one_may_be_allowed():
    got = decide_by_score(scores_for("t", COLUMN), target="t", sizes=SIZES, k=9, min_score=-0.2)
    assert [d.task for d in got if d.taken] == ["nearer", "near", "weak"]
    got = decide_by_score(scores_for("t", COLUMN), target="t", sizes=SIZES, k=9, min_score=-1.0)
    assert [d.task for d in got if d.taken] == ["nearer", "near", "weak", "far"]


def test_ties_go_by_name():
    column = {"c": 0.5, "a": 0.5, "b": 0.50004}
    sizes = {"t": 1, "a": 1, "b": 1, "c": 1}
    got = decide_by_score(scores_for("t", column), target="t", sizes=sizes, k=2, min_score=0.0)
    assert [d.task for d in got] == ["a", "b", "c"]
    assert [d.task for d in got if d.taken] == ["a", "b"]


def test_a_target_that_was_not_scored_is_refused():
    with pytest.raises(ArtefactError, match="no target named 'x'"):
        decide_by_score(scores_for("t", COLUMN), target="x", sizes=SIZES, k=2, min_score=0.0)


@given(
    st.dictionaries(st.text("abcd", min_size=1, max_size=3), st.floats(-1, 1), max_size=12),
    st.integers(0, 13),
    st.floats(-1, 1),
    st.randoms(),
)
def test_the_choice_does_not_depend_on_the_order_of_tasks(column, k, min_score, random):
    sizes = dict.fromkeys(column, 5) | {"t": 5}
    got = decide_by_score(
        scores_for("t", column), target="t", sizes=sizes, k=k, min_score=min_score
    )
    names = list(column)
    random.shuffle(names)
    mixed = scores_for("t", {name: column[name] for name in names})
    sizes = {name: 5 for name in [*names, "t"]}
    assert decide_by_score(mixed, target="t", sizes=sizes, k=k, min_score=min_score) == got
    taken = [d for d in got if d.taken]
    assert len(taken) <= k
    assert len(got) == len(column)
    assert all(d.score > min_score for d in taken)


def chosen(tasks, *, refused=None, rises=None, steps=()):
    return Choice(
        target="t",
        tasks=tuple(tasks),
        refused=refused or {},
        rises=rises or {},
        steps=tuple(Step(task=task, worth=1.0, own=1.0, covered=0.0) for task in steps),
    )


def test_a_race_s_choice_is_worded_for_every_candidate():
    choice = chosen(
        ["near", "nearer"], refused={"far": "refused: it harms"}, rises={"near": 0.012, "weak": -1.0},
        steps=["near", "nearer"],
    )  # fmt: skip
    got = decide_by_choice(choice, scores_for("t", COLUMN), sizes=SIZES, min_score=0.2)
    assert got == (
        Decision(task="empty", score=0.9, rank=1, taken=False, reason="refused: no rows"),
        Decision(
            task="nearer", score=0.5, rank=2, taken=True,
            reason="score 0.50, rank 2 of 5, place 2 of the sequence",
        ),
        Decision(
            task="near", score=0.31, rank=3, taken=True,
            reason="score 0.31, rank 3 of 5, place 1 of the sequence; "
            "without it the loss rises by 0.0120",
        ),
        Decision(task="weak", score=0.1, rank=4, taken=False, reason="refused: below min_score"),
        Decision(task="far", score=-0.2, rank=5, taken=False, reason="refused: it harms"),
        Decision(task="dark", score=None, rank=None, taken=False, reason="refused: not scored"),
    )  # fmt: skip


def test_who_was_scored_and_could_not_race_is_told_so():
    (only,) = decide_by_choice(
        chosen([]), scores_for("t", {"t": NAN, "a": 0.5}), sizes={"t": 9, "a": 5}, min_score=None
    )
    assert only.reason == "refused: no row of one known gold choice"
