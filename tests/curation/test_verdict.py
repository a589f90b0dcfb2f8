"""Curation as a whole keeps its promises on any mixture of tasks."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.mixture_card import Limits
from pipeline.config.params import CurateParams
from pipeline.curation import keys
from pipeline.curation.verdict import verdict
from pipeline.schema import ROLES, SPLITS

PARAMS = CurateParams(select_share=0.2, select_min=2, select_max=6)


def build(examples, name, train, validation=(), test=()):
    parts = zip(SPLITS, (train, validation, test), strict=True)
    return {split: examples(name, split, list(rows)) for split, rows in parts}


def run(tasks, limits=None):
    return verdict(tasks, PARAMS, limits or Limits())


def test_each_rule_leaves_its_drops_in_order(examples):
    same = "the very same long text"
    one = build(
        examples,
        "one",
        [("alone but with a label", ""), ("no label here at all", "", None), (same, ""),
         *[("said twice in one split", "")] * 2],
        [("evaluation text number one", ""), ("no label there at all", "", None)],
    )  # fmt: skip
    two = build(examples, "two", [("unlike all the others", "")], [("", same.upper())])
    result = run({"two": two, "one": one})
    assert result.drops.rows() == [
        ("one/train/1", "one", "train", "unlabelled", ""),
        ("one/validation/1", "one", "report", "unlabelled", ""),
        ("one/train/4", "one", "train", "duplicate", "one/train/3"),
        ("one/train/2", "one", result.drops["role"][3], "overlap", "two/validation/0"),
    ]
    assert result.kept["one"]["report"]["example_id"].to_list() == ["one/validation/0"]
    assert result.kept["one"]["train"].columns == one["train"].columns


def test_limits_do_not_bring_overlap_back(examples):
    texts = [f"a long enough text number {i}" for i in range(30)]
    one = build(examples, "one", [(t, "") for t in texts], [("held out for the end", "")])
    two = build(examples, "two", [("something else to train on", "")], [(t, "") for t in texts])
    result = run({"one": one, "two": two}, Limits(report=3))
    assert result.kept["two"]["report"].height == 3
    assert result.counts["two"].limited == {"train": 0, "select": 0, "report": 27}
    assert result.kept["one"]["train"].height == 0
    assert set(result.drops["reason"]) == {"overlap"}


TEXT = st.integers(0, 25).map(lambda i: (f"this is text number {i}", ""))
ROWS = st.lists(TEXT, max_size=25)
TASK = st.tuples(ROWS, ROWS, ROWS)


@settings(deadline=None, max_examples=25)
@given(parts=st.lists(TASK, min_size=1, max_size=3), most=st.integers(1, 9), data=st.data())
def test_promises_hold_for_any_mixture(examples, parts, most, data):
    tasks = {f"t{i}": build(examples, f"t{i}", *splits) for i, splits in enumerate(parts)}
    result = run(tasks)
    stems = {
        (task, role): set(keys.stems(frames[role])["key"])
        for task, frames in result.kept.items()
        for role in ROLES
    }
    held_out = [stems[task, role] for task in tasks for role in ("select", "report")]
    for task in tasks:
        assert not any(stems[task, "train"] & other for other in held_out)
        assert not any(stems[task, "select"] & stems[other, "report"] for other in tasks)
        ids = [name for role in ROLES for name in result.kept[task][role]["example_id"]]
        ids += result.drops.filter(task=task)["example_id"].to_list()
        assert len(ids) == len(set(ids))
        assert len(ids) + result.counts[task].unused == sum(f.height for f in tasks[task].values())
    shuffled = {
        task: {split: rows[data.draw(st.permutations(range(rows.height)))] for split, rows in f.items()}
        for task, f in reversed(tasks.items())
    }  # fmt: skip
    again = run(shuffled)
    assert again.drops.equals(result.drops)
    assert all(again.kept[t][r].equals(result.kept[t][r]) for t in tasks for r in ROLES)
    capped = run(tasks, Limits(train=most, select=most, report=most))
    for task in tasks:
        for role in ROLES:
            assert capped.kept[task][role].height == min(most, result.kept[task][role].height)
    assert capped.drops.equals(result.drops)


@settings(deadline=None, max_examples=25)
@given(one=ROWS, other=TASK)
def test_another_task_moves_no_row_into_or_out_of_select(examples, one, other):
    task = build(examples, "one", one)
    params = PARAMS.model_copy(update={"remove_overlap": False})
    alone = verdict({"one": task}, params, Limits())
    joined = verdict({"one": task, "two": build(examples, "two", *other)}, params, Limits())
    assert all(joined.kept["one"][role].equals(alone.kept["one"][role]) for role in ROLES)


def test_no_tasks_make_an_empty_verdict():
    result = run({})
    assert result.kept == {}
    assert isinstance(result.drops, pl.DataFrame)
    assert result.drops.height == 0


def test_held_out_rows_stay_as_published_repetitions_included(examples):
    twice = [("a question that comes twice here", "")] * 2
    other = [("another one to be trained on", "")] * 2
    result = run({"one": build(examples, "one", other, (), twice)})
    assert result.kept["one"]["report"].height == 2
    assert result.drops["example_id"].to_list() == ["one/train/1"]
