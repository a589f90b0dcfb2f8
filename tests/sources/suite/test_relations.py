"""The table of known relations against the cards that are to have them."""

from pathlib import Path

import polars as pl
import pytest

from pipeline.config.catalog import load_task
from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard

ROOT = Path(__file__).parents[3]
TABLE = pl.read_csv(ROOT / "mixtures/suite_relations.csv")
DEMO = load(MixtureCard, ROOT / "mixtures/demo.yaml")


def options(task: str) -> dict[str, object]:
    return dict(load_task(ROOT / f"mixtures/tasks/{task}.yaml").source.options)


def test_every_relation_is_between_tasks_of_the_default_mixture_and_listed_once():
    assert TABLE.columns == ["source", "target", "relation", "why"]
    assert set(TABLE["source"]) | set(TABLE["target"]) <= set(DEMO.tasks)
    assert TABLE.select("source", "target").is_duplicated().sum() == 0
    assert set(TABLE["relation"]) == {"helpful", "harmful", "neutral", "duplicate"}


def test_the_target_of_the_default_mixture_has_friends_foes_and_decoys():
    mine = TABLE.filter(target=DEMO.tailor.target)["relation"].value_counts()
    assert dict(mine.rows()) == {"helpful": 3, "harmful": 4, "neutral": 3, "duplicate": 1}


@pytest.mark.parametrize("row", TABLE.rows(named=True), ids=lambda row: row["source"])
def test_a_relation_follows_from_what_the_cards_say(row):
    source, target = options(row["source"]), options(row["target"])
    if row["relation"] == "neutral":
        assert source.get("entity") != target["entity"]
        return
    same_words = (source["table"], source["entity"]) == (target["table"], target["entity"])
    same_property = source["property"] == target["property"]
    assert same_words
    if row["relation"] == "harmful":
        assert not same_property or source["gold"] != target["gold"]
    else:
        assert same_property
        assert source.get("gold", target["gold"]) == target["gold"]
    assert (source.get("stream") == row["target"]) == (row["relation"] == "duplicate")


@pytest.mark.parametrize("target", sorted(set(TABLE["target"])))
def test_a_target_knows_few_words_and_its_friends_all(target):
    assert options(target)["train_share"] <= 0.2
    for source in TABLE.filter(target=target, relation="helpful")["source"]:
        assert options(source).get("train_share", 1.0) == 1.0
