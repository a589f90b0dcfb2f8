"""1,000 small tasks in one mixture: seconds to plan, and memory that does not grow with them."""

import time
import weakref

import numpy as np
import polars as pl
import pytest

from pipeline.config.mixture_card import Mixture
from pipeline.contract.choice import ChoiceManifest, LongRows
from pipeline.contract.manifest import write_manifest
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.contract.tokens import TokenFolder, read_tokens
from pipeline.seeds import derive_rng
from pipeline.stages.plan import exact_plan
from pipeline.tokens.choice_shards import write_shard
from pipeline.tokens.fit import Fitted

TASKS = 1000
ROWS = 200


def ids(lengths, rng):
    offsets = offsets_of(lengths)
    return Ragged(rng.integers(5, 3000, offsets[-1]).astype(np.int32), offsets)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """1,000 tasks of 200 rows of two choices; 250,000 tokens in a quarter of a thousandth of them."""
    path = tmp_path_factory.mktemp("thousand")
    rng, entries, steps = derive_rng(1, "thousand"), [], np.arange(ROWS + 1)
    view = pl.DataFrame(
        {"label": [0] * ROWS, "labels": [None] * ROWS},
        schema={"label": pl.Int32, "labels": pl.List(pl.Int32)},
    )
    for task in (f"task{index:04}" for index in range(TASKS)):
        fitted = Fitted(
            context=ids(rng.integers(1, 40, ROWS), rng),
            question=Ragged(np.empty(0, np.int32), steps * 0),
            choices=ids(rng.integers(1, 4, 2 * ROWS), rng),
            first=2 * steps,
            row=steps[:-1],
        )
        entries.append(
            write_shard(
                path / f"{task}.arrow", fitted, view, task=task, form="multiple_choice",
                prefix_id=0, curated_sha256="",
            )
        )  # fmt: skip
    head = ChoiceManifest(
        role="train", max_tokens=64, vocabulary=3000, special={}, tokenizer_sha256="",
        tokenizer_files={}, long_rows=LongRows(),
    )  # fmt: skip
    write_manifest(path, head, entries)
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
    start = time.process_time()
    plan = exact_plan(read_tokens(folder), made, name="t", which="compass", seed=3)
    return plan, time.process_time() - start


@pytest.mark.parametrize("size", [{"rows": 300_007}, {"strategy": "tokens", "tokens": 10_000_019}])
def test_a_thousand_tasks_are_planned_exactly_in_seconds(folder, size):
    plan, seconds = planned(folder, mixture(TASKS, **size))
    assert len(plan.tasks) == TASKS
    assert plan.positions == sum(task.quota for task in plan.tasks)
    if "rows" in size:
        assert plan.positions == 300_007
        shares = {task.task: task.share for task in plan.tasks}
        assert all(abs(t.quota - 300_007 * shares[t.task]) < 2.001 for t in plan.tasks)
    else:
        assert abs(plan.tokens - 10_000_019) < TASKS * 50
    assert seconds < 10  # of CPU time; about 1 here


def test_the_lengths_of_one_task_are_held_at_a_time(folder, monkeypatch):
    held, most = [], 0

    read = TokenFolder.row_tokens

    def watched(folder, task):
        nonlocal most
        tokens = read(folder, task)
        held.append(weakref.ref(tokens))
        most = max(most, sum(there() is not None for there in held))
        return tokens

    monkeypatch.setattr(TokenFolder, "row_tokens", watched)
    planned(folder, mixture(TASKS, strategy="tokens", tokens=10_000_019))
    assert len(held) == 2 * TASKS  # once for the rows to draw, once for what they hold
    assert most <= 2
