import dataclasses

import numpy as np
import polars as pl
import pytest

import pipeline
from pipeline.contract.choice import open_shards
from pipeline.contract.files import read_arrow, read_json, sha256, write_json
from pipeline.contract.order import open_order
from pipeline.contract.tokens import read_tokens
from pipeline.errors import ArtefactError
from pipeline.mixing.order import NEWEST
from pipeline.stages import mix, plan
from tests.stages.conftest import card


def mixed(mixture):
    plan.main([mixture.layout.name, "compass"])
    mix.main([mixture.layout.name, "compass"])
    return mixture.layout.mix("compass")


def test_what_is_built_equals_the_plan_exactly(mixture):
    folder = mixed(mixture)
    planned = read_json(mixture.layout.plan("compass"))
    corpus = read_tokens(mixture.layout.tokens("train"))
    order = read_arrow(folder / "order.arrow")
    row, epoch = (order.column(name).to_numpy() for name in ("row", "epoch"))
    assert len(row) == planned["positions"]
    tokens = np.concatenate([corpus.row_tokens(task) for task in corpus.tasks])
    for task in planned["tasks"]:
        start = corpus.tasks[task["task"]].start
        mine = (row >= start) & (row < start + task["rows"])
        assert mine.sum() == task["quota"]
        assert tokens[row[mine]].sum() == task["tokens"]
        assert task["rows"] - len(set(row[mine])) == task["unseen_rows"]
        assert epoch[mine].max() == -(-task["quota"] // task["rows"]) - 1
    assert tokens[row].sum() == planned["totals"]["tokens"]


def test_the_audit_sets_asked_against_got(mixture):
    audit = read_json(mixed(mixture) / "audit.json")
    assert audit["equal"]
    assert [(t["task"], t["quota"], t["got_rows"]) for t in audit["tasks"]] == [
        ("apples", 39, 39), ("pears", 30, 30), ("plums", 19, 19), ("stars", 47, 47),
    ]  # fmt: skip


def test_the_manifest_tells_where_each_task_s_rows_lie(mixture):
    folder = mixed(mixture)
    manifest = read_json(folder / "manifest.json")
    assert manifest["sha256"] == sha256(folder / "order.arrow")
    assert (manifest["version"], manifest["algorithm"], manifest["batch"]) == (
        1,
        "shuffled-2",
        None,
    )
    assert (manifest["name"], manifest["which"], manifest["seed"]) == ("fruit", "compass", 13)
    assert manifest["positions"] == 135
    assert manifest["tasks"] == [
        {"task": "apples", "start": 0, "rows": 40, "quota": 39},
        {"task": "pears", "start": 40, "rows": 25, "quota": 30},
        {"task": "plums", "start": 65, "rows": 10, "quota": 19},
        {"task": "stars", "start": 75, "rows": 60, "quota": 47},
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "audit.json", "manifest.json", "order.arrow", "preview.parquet",
    ]  # fmt: skip


PHASES = (
    {"name": "warm", "rows": 50, "weights": {"stars": 3.0}},
    {"name": "rest", "tasks": ["apples", "pears", "plums"]},
)


@pytest.mark.parametrize("order", NEWEST)
def test_every_order_is_built_in_its_phases_and_opens_in_the_trainer(mixture, order):
    sampling = {"strategy": "temperature", "temperature": 2.0, "rows": 135, "order": order}
    mixture.tell(card(sampling=sampling, phases=PHASES))
    folder = mixed(mixture)
    manifest, audit = read_json(folder / "manifest.json"), read_json(folder / "audit.json")
    planned = read_json(mixture.layout.plan("compass"))
    assert manifest["algorithm"] == NEWEST[order] == audit["algorithm"]
    assert manifest["batch"] == (32 if order == "stratified" else None)
    assert manifest["phases"] == planned["phases"]
    assert [(p["name"], p["positions"]) for p in manifest["phases"]] == [("warm", 50), ("rest", 85)]
    assert audit["equal"]
    assert [p["got"] for p in audit["phases"]] == [p["quotas"] for p in planned["phases"]]
    assert "stars" not in audit["phases"][1]["got"]
    assert len(open_order(folder, open_shards(mixture.layout.tokens("train")))) == 135


def test_the_preview_is_the_beginning_of_the_mixture_frame(mixture):
    folder = mixed(mixture)
    frame = pipeline.mixture_frame("fruit").collect()
    assert frame.height == 135
    assert pl.read_parquet(folder / "preview.parquet").equals(frame.head(100))
    assert frame["example_id"].str.contains("/train/").all()
    row = frame.row(0, named=True)
    assert row["example_id"].startswith(row["task"] + "/")
    assert row["text"][0].startswith(f"[task: {row['task']}] {row['context']}")


def test_the_trainer_opens_the_order(mixture):
    order = open_order(mixed(mixture), open_shards(mixture.layout.tokens("train")))
    assert len(order) == 135


def test_mixing_again_gives_the_same_bytes(mixture):
    first = {path.name: sha256(path) for path in mixed(mixture).iterdir()}
    assert {path.name: sha256(path) for path in mixed(mixture).iterdir()} == first


def test_another_seed_gives_another_order_of_the_same_quotas(mixture):
    first = mixed(mixture)
    before = sha256(first / "order.arrow"), read_json(first / "audit.json")["tasks"]
    mixture.tell(seed=14)
    mixed(mixture)
    after = sha256(first / "order.arrow"), read_json(first / "audit.json")["tasks"]
    assert before[0] != after[0]
    assert [t["got_rows"] for t in before[1]] == [t["got_rows"] for t in after[1]]


def test_a_plan_of_other_tokens_is_refused(mixture):
    plan.main(["fruit", "compass"])
    mixture.sizes = mixture.sizes | {"plums": 11}
    mixture.tokens()
    with pytest.raises(ArtefactError) as caught:
        mix.main(["fruit", "compass"])
    assert str(caught.value) == (
        "data/fruit/plans/compass.json: was made from other tokens than there are now\n"
        "  to do: run `dvc repro`, which plans again"
    )
    assert not mixture.layout.mix("compass").exists()


def test_a_plan_that_was_tampered_with_is_refused_and_nothing_is_written(mixture):
    plan.main(["fruit", "compass"])
    value = read_json(mixture.layout.plan("compass"))
    write_json(value | {"positions": 134}, mixture.layout.plan("compass"))
    with pytest.raises(Exception, match="the order has 135 positions\n  expected: 134, as planned"):
        mix.main(["fruit", "compass"])
    assert not mixture.layout.mix("compass").exists()
    assert not list(mixture.layout.mix("compass").parent.glob(".*.tmp"))


def test_a_missing_plan_says_what_makes_it(mixture):
    with pytest.raises(ArtefactError, match=r"plans/compass.json: does not exist"):
        mix.main(["fruit", "compass"])


def test_a_draw_is_written_as_the_contract_says():
    fields = [field.name for field in dataclasses.fields(mix.Draw)]
    assert fields == ["task", "start", "rows", "quota"]
