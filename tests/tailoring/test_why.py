import math

import numpy as np
import pytest

from pipeline.config.mixture_card import Tailor
from pipeline.config.settings import TailorSettings
from pipeline.contract.files import write_json
from pipeline.relationships.scores import Provenance, ScoreMatrix
from pipeline.tailoring.budget import RowBudget
from pipeline.tailoring.choose import Choice
from pipeline.tailoring.coverage import Step
from pipeline.tailoring.guard import Signs
from pipeline.tailoring.race import Entry, Race
from pipeline.tailoring.select import Decision
from pipeline.tailoring.why import explain_decisions, explain_race

TAILOR = Tailor(target="t", backward=False)
SETTINGS = TailorSettings(
    name="toy", seed=0, tailor=TAILOR, tasks={}, order="shuffled", card={}, families={"a": "fruit"}
)
DECISIONS = (
    Decision(task="a", score=0.5, rank=1, taken=True, reason="score 0.50, rank 1 of 1"),
    Decision(task="b", score=None, rank=None, taken=False, reason="refused: not scored"),
)
ROWS = RowBudget(target=20, asked=30, complements={"a": 15})


def matrix(unit="similarity", **extras):
    return ScoreMatrix(
        sources=("t", "a", "b"),
        targets=("t",),
        values_ST=np.array([[math.nan], [0.5], [math.nan]]),
        se_ST=None,
        directional=True,
        unit=unit,
        provenance=Provenance(
            scorer="toy", version="1", seed=0, inputs={}, cost={}, warnings=("careful",)
        ),
        extras=extras,
    )


def told(found):
    return explain_decisions(SETTINGS, found, DECISIONS, ROWS, sizes={"t": 10, "a": 6, "b": 0})


def test_every_selection_says_what_was_asked_and_what_became_of_each_task():
    why = told(matrix())
    assert {key: why[key] for key in why if key != "tasks"} == {
        "version": 2, "mixture": "toy", "target": "t", "selection": "race", "scorer": "source_head",
        "k": 4, "min_score": None, "budget": "saturating", "directional": True, "unit": "similarity",
        "warnings": ["careful"], "null_band": None, "target_rows": 20, "rows_asked": 30,
        "rows_placed": 15, "predicted": None,
    }  # fmt: skip
    assert why["tasks"] == [
        {
            "task": "a", "score": 0.5, "rank": 1, "decision": "taken",
            "reason": "score 0.50, rank 1 of 1", "train_rows": 6, "rows": 15, "epochs": 2.5,
            "inside_null": None, "family": "fruit",
        },
        {
            "task": "b", "score": None, "rank": None, "decision": "refused",
            "reason": "refused: not scored", "train_rows": 0, "rows": 0, "epochs": 0.0,
            "inside_null": None, "family": None,
        },
    ]  # fmt: skip


def test_gains_that_were_predicted_are_told_as_such():
    assert told(matrix("predicted_gain"))["predicted"] == {"a": 0.5}


@pytest.mark.parametrize(("band", "inside"), [(0.6, True), (0.4, False)])
def test_a_score_is_held_against_random_ones(band, inside):
    extras = {"score": "raw", "variants": {"raw": {"null": {"q95_abs": band}}}}
    why = told(matrix(**extras))
    assert why["null_band"] == band
    assert [entry["inside_null"] for entry in why["tasks"]] == [inside, None]


def test_a_race_adds_its_arms_and_its_evidence():
    arms = (
        Entry(tasks=(), loss=0.71234567, behind=0.1, behind_se=0.05),
        Entry(tasks=("a",), loss=0.6, behind=0.0, behind_se=0.0),
    )
    choice = Choice(
        target="t",
        tasks=("a",),
        steps=(Step(task="a", worth=0.75, own=0.5, covered=0.25),),
        race=Race(entries=arms, winner=1),
        rises={"a": 0.1},
    )
    assert explain_race(TAILOR, choice, {"a": Signs(value=0.5, negative_rows=0.125)}) == {
        "parts": {"guard": True, "coverage": True, "backward": False},
        "race": [
            {"k": 0, "tasks": [], "loss": 0.712346, "behind": 0.1, "se": 0.05, "won": False},
            {"k": 1, "tasks": ["a"], "loss": 0.6, "behind": 0.0, "se": 0.0, "won": True},
        ],
        "rises": {"a": 0.1},
        "guard": {"a": {"value": 0.5, "se": None, "negative_rows": 0.125, "leaked": None}},
        "steps": [{"task": "a", "worth": 0.75, "own": 0.5, "covered": 0.25}],
    }


def test_evidence_that_is_missing_is_null(tmp_path):
    signs = {"a": Signs(value=0.5, se=math.nan, negative_rows=math.nan, leaked=0.0)}
    why = explain_race(TAILOR, Choice(target="t", tasks=()), signs)
    assert why["guard"] == {"a": {"value": 0.5, "se": None, "negative_rows": None, "leaked": 0.0}}
    write_json(why, tmp_path / "why.json")  # JSON has no NaN
