"""Held-out tasks through the stages: tokenised, and part of no plan, order, score and choice."""

import polars as pl
import pytest

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.settings import TokenizeSettings
from pipeline.contract.choice import open_shards
from pipeline.contract.files import read_arrow, read_json
from pipeline.contract.text import open_text_shards
from pipeline.errors import MixtureError
from pipeline.schema import EXAMPLE
from pipeline.stages import mix, plan, relate, tailor, tokenize
from pipeline.tables import read_parquet, write_parquet
from tests.trainings import TRAININGS

TASKS = ("apples", "pears", "plums", "stars")


def card(*, held_out=("pears",), **keys):
    value = {
        "name": "fruit",
        "tasks": {task: {"held_out": task in held_out} for task in TASKS},
        "sampling": {"strategy": "proportional", "epochs": 1.0},
        "trainings": TRAININGS,
        "tailor": {"target": "apples", "selection": "top_k", "k": 3, "min_score": -1.0},
    }
    return MixtureCard.model_validate(value | keys)


def test_no_row_of_a_held_out_task_is_planned_or_drawn(mixture):
    mixture.tell(card())
    plan.main(["fruit", "compass"])
    value = read_json(mixture.layout.plan("compass"))
    assert [task["task"] for task in value["tasks"]] == ["apples", "plums", "stars"]
    assert value["positions"] == 110  # 40 + 10 + 60; the 25 pears are not among the epoch's rows
    mix.main(["fruit", "compass"])
    row = read_arrow(mixture.layout.mix("compass") / "order.arrow").column("row").to_numpy()
    assert not ((row >= 40) & (row < 65)).any()
    assert sorted(row.tolist()) == [*range(40), *range(65, 135)]
    manifest = read_json(mixture.layout.mix("compass") / "manifest.json")
    assert [task["task"] for task in manifest["tasks"]] == ["apples", "plums", "stars"]


def test_the_same_content_as_a_held_out_task_is_no_matter_of_the_plan(mixture):
    path = mixture.layout.curated("apples", "train")
    twin = read_parquet(path, EXAMPLE).with_columns(task=pl.lit("pears"))
    write_parquet(twin, mixture.layout.curated("pears", "train"), EXAMPLE)
    tokenize.main(["fruit"])
    mixture.tell(card(held_out=()))
    with pytest.raises(MixtureError, match="'apples' and 'pears'"):
        plan.main(["fruit", "compass"])
    mixture.tell(card())
    plan.main(["fruit", "compass"])


def test_tailor_never_takes_a_held_out_task(mixture):
    """The pears are the best complement of the apples, as the scores of all tasks say."""
    mixture.tell(card(held_out=()))
    relate.main(["fruit"])
    tailor.main(["fruit"])
    why = read_json(mixture.layout.tailored / "why.json")
    assert why["tasks"][0]["task"] == "pears"
    mixture.tell(card())
    tailor.main(["fruit"])
    why = read_json(mixture.layout.tailored / "why.json")
    assert sorted(entry["task"] for entry in why["tasks"]) == ["plums", "stars"]


def without_train_rows(mixture, task):
    path = mixture.layout.curated(task, "train")
    write_parquet(read_parquet(path, EXAMPLE).clear(), path, EXAMPLE)


def told(mixture, **keys):
    """Run the stage `tokenize` again with other settings."""
    path = mixture.layout.settings("tokenize")
    before = TokenizeSettings.model_validate_json(path.read_text())
    path.write_text(before.model_copy(update=keys).model_dump_json())
    tokenize.main(["fruit"])


@pytest.mark.parametrize("view", ["mixture", "text_mixture"])
def test_a_held_out_task_needs_no_train_rows(request, view):
    made = request.getfixturevalue(view)
    if view == "text_mixture":
        made.tokens()
    without_train_rows(made, "pears")
    with pytest.raises(MixtureError, match="task 'pears' has no train rows"):
        told(made)
    told(made, held_out=("pears",))
    rows = {
        role: {
            entry["task"]: (entry["rows"], entry["form"])
            for entry in read_json(made.layout.tokens(role) / "manifest.json")["tasks"]
        }
        for role in ("train", "report")
    }
    assert rows["train"]["pears"][0] == 0
    assert rows["report"]["pears"] == (4, "multiple_choice")
    opened = (open_shards if view == "mixture" else open_text_shards)(made.layout.tokens("train"))
    assert [len(shard.rows) for shard in opened.shards] == [40, 0, 10, 60]
    made.tell(card(view="text" if view == "text_mixture" else "choice"))
    plan.main(["fruit", "compass"])
    assert read_json(made.layout.plan("compass"))["positions"] == 110
