"""The summary counts what happened, task by task."""

import json

import polars as pl
import pytest

from pipeline.config.mixture_card import Limits
from pipeline.config.params import CurateParams
from pipeline.curation.summary import described, summary
from pipeline.curation.verdict import verdict


def test_a_task_is_summed_up(examples):
    train = [(f"train text number {i}", "", int(i % 4 == 0)) for i in range(40)]
    task = {
        "train": examples("a", "train", [*train, train[0], (train[1][0], "", 1)]),
        "validation": examples("a", "validation", [("left aside for good", "")] * 3),
        "test": examples("a", "test", [("final text number one", "", 1)]),
    }
    params = CurateParams(select_min=4, select_share=0.1)
    result = summary(verdict({"a": task}, params, Limits(train=20)))
    own = result["tasks"]["a"]
    assert own["rows"] == {"test": 1, "train": 42, "validation": 3}
    assert own["kept"] == {"train": 20, "select": 4, "report": 1}
    assert own["validation"] == "unused"
    assert own["limited"] == {"train": 17, "select": 0, "report": 0}
    assert own["drops"] == {"duplicate": {"train": 1}}
    assert (own["unused"], own["conflicts"], own["report_from_test"]) == (3, 2, 1)
    assert own["roles"]["report"] == {"choices": {"2": 1}, "majority": 1.0, "chance": 0.5}
    assert result["total"] == {
        "tasks": 1, "rows": 46, "kept": own["kept"], "limited": own["limited"], "unused": 3,
        "drops": {"duplicate": 1}, "conflicts": 2,
    }  # fmt: skip
    json.dumps(result, allow_nan=False)


def test_chance_averages_over_different_numbers_of_choices(examples):
    choices = [["a", "b"], ["a", "b", "c", "d"]]
    frame = examples("a", "test", [("x", "", 1), ("y", "", 1)], choices=choices)
    assert described(frame) == {"choices": {"2": 1, "4": 1}, "majority": 1.0, "chance": 0.375}


def test_several_golds_have_a_majority_but_no_chance(examples):
    frame = examples("a", "test", [("x", "", None), ("y", "", None), ("z", "", None)])
    golds = pl.Series("labels", [[0, 1], [1], [0, 1]], dtype=pl.List(pl.Int32))
    assert described(frame.with_columns(golds)) == {
        "choices": {"2": 3},
        "majority": pytest.approx(1.0),
        "chance": None,
    }


def test_text_answers_have_neither(examples):
    frame = examples("a", "test", [("x", "", None)], choices=[[]])
    assert described(frame) == {"choices": {"0": 1}, "majority": None, "chance": None}
