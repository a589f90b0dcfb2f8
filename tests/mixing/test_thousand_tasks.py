"""1,000 small tasks in one mixture: exact plans, and memory that does not grow with the tasks."""

import weakref

import numpy as np
import pyarrow as pa
import pytest

from pipeline.config.mixture_card import Mixture
from pipeline.contract.files import write_arrow, write_json
from pipeline.mixing import lengths
from pipeline.mixing.corpus import read_corpus
from pipeline.seeds import derive_rng
from pipeline.stages.plan import exact_plan

TASKS = 1000
ROWS = 200
IDS = pa.large_list(pa.int32())


def lists(lengths, values, kind):
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    return pa.LargeListArray.from_arrays(pa.array(offsets), values, type=pa.large_list(kind))


def ids(lengths, rng):
    return lists(
        lengths, pa.array(rng.integers(5, 3000, int(lengths.sum())), pa.int32()), pa.int32()
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """1,000 tasks of 200 rows of two choices; 250,000 tokens in a quarter of a thousandth of them."""
    path = tmp_path_factory.mktemp("thousand")
    rng, entries = derive_rng(1, "thousand"), []
    for index in range(TASKS):
        context, choices = rng.integers(1, 40, ROWS), rng.integers(1, 4, 2 * ROWS)
        table = {
            "context": ids(context, rng),
            "choices": lists(np.full(ROWS, 2), ids(choices, rng), IDS),
            "label": pa.array(rng.integers(0, 2, ROWS), pa.int32()),
            "row": pa.array(np.arange(ROWS), pa.uint32()),
        }
        write_arrow(pa.table(table), path / f"task{index:04}.arrow")
        tokens = int(2 * (context.sum() + 4 * ROWS) + choices.sum())
        entries.append({"task": f"task{index:04}", "rows": ROWS, "start": ROWS * index,
                        "tokens": tokens})  # fmt: skip
    write_json({"version": 1, "tasks": entries}, path / "manifest.json")
    return path


def mixture(tasks, **sampling):
    names = [f"task{index:04}" for index in range(tasks)]
    groups = {
        f"group{g:02}": {"weight": 1 + g / 7, "strategy": "temperature", "temperature": 2.5,
                         "tasks": names[g::20]}
        for g in range(20)
    }  # fmt: skip
    return Mixture.model_validate(
        {"tasks": {n: {"weight": 1.0 + i % 13} for i, n in enumerate(names)},
         "sampling": {"strategy": "equal"} | sampling, "groups": groups,
         "phases": [{"name": "a", "share": 0.4, "tasks": ["group00", *names[1:20]]}, {"name": "b"}]}
    )  # fmt: skip


def planned(folder, made):
    return exact_plan(read_corpus(folder), made, name="t", which="compass", seed=3)


@pytest.mark.parametrize("size", [{"rows": 300_007}, {"strategy": "tokens", "tokens": 10_000_019}])
def test_a_thousand_tasks_are_planned_exactly(folder, size):
    plan = planned(folder, mixture(TASKS, **size))
    assert len(plan.tasks) == TASKS
    assert plan.positions == sum(task.quota for task in plan.tasks)
    if "rows" in size:
        assert plan.positions == 300_007
        shares = {task.task: task.share for task in plan.tasks}
        assert all(abs(t.quota - 300_007 * shares[t.task]) < 2.001 for t in plan.tasks)
    else:
        assert abs(plan.tokens - 10_000_019) < TASKS * 50


def test_the_lengths_of_one_task_are_held_at_a_time(folder, monkeypatch):
    held, most = [], 0

    def watched(corpus, task):
        nonlocal most
        tokens = lengths.row_tokens_(corpus, task)
        held.append(weakref.ref(tokens))
        most = max(most, sum(there() is not None for there in held))
        return tokens

    monkeypatch.setattr(lengths, "row_tokens_", lengths.row_tokens, raising=False)
    monkeypatch.setattr(lengths, "row_tokens", watched)
    planned(folder, mixture(TASKS, strategy="tokens", tokens=10_000_019))
    assert len(held) == 2 * TASKS  # once for the rows to draw, once for what they hold
    assert most <= 2
