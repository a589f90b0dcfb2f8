"""What `new-task` makes of the 60 real datasets, against the cards that people wrote.

A guess is right if it gives the same rows, the same texts (without the words that a card adds) and the
same labels, whatever its classes are called. A guess that is wrong must say that it is not certain.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from pipeline.commands.new_task import guess_card
from pipeline.config.catalog import load_task
from pipeline.config.load import check
from pipeline.config.task_card import TaskCard
from pipeline.curation.keys import recognised
from pipeline.errors import PipelineError
from pipeline.normalize.dispatch import normalize
from pipeline.sources.dispatch import read_split, with_class_names

CARDS = Path(__file__).parents[2] / "mixtures" / "tasks"

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

SURE = [
    "ag_news",
    "anli_r3",
    "aqua_rat",
    "arc_easy",
    "banking77",
    "boolq",
    "cb",
    "chemprot",
    "citation_intent",
    "clinc150",
    "comve_a",
    "comve_b",
    "cosmosqa",
    "dream",
    "gsm8k",
    "hellaswag",
    "imdb_cad",
    "joci",
    "mnli",
    "openbookqa",
    "piqa",
    "qasc",
    "qnli",
    "quail",
    "quartz",
    "reuters_r8",
    "rotten_tomatoes",
    "rte",
    "scicite",
    "scitail",
    "sick",
    "snli",
    "socialiqa",
    "squad_v2",
    "tweeteval_emoji",
    "tweeteval_emotion",
    "tweeteval_irony",
    "tweeteval_offensive",
    "tweeteval_sentiment",
    "winogrande",
    "wsc",
]
"""Right, and certain."""
DOUBTED = [
    "atis",
    "codah",
    "cola",
    "commonsense_qa",
    "customer_reviews",
    "folio",
    "hyperpartisan",
    "mpqa",
    "mrpc",
    "qqp",
    "sst2",
    "stackoverflow_tags",
    "strategyqa",
    "trec",
]
"""Right, and not certain: mostly for numbered classes that want a name."""
DIFFERENT = ["balanced_copa", "mctaco", "wic"]
"""A column is left out, and said to be."""
NO_CARD = ["mctest_mc500", "restaurant8k"]


def outcome(task: str, data: Path) -> str:
    options = argparse.Namespace(
        name=task, source=str(data / task), hub=False, config=None, family="x", licence="x"
    )
    try:
        made = guess_card(options, data_dir=data)
        card = check(TaskCard, made.card, where=task)
    except PipelineError:
        return "no card"
    right = same(rows(load_task(CARDS / f"{task}.yaml"), data), rows(card, data))
    return {(True, False): "sure", (True, True): "doubted", (False, True): "different"}.get(
        (right, bool(made.doubts)), "silently wrong"
    )


def rows(card: TaskCard, data: Path) -> dict[str, pl.DataFrame]:
    """Return the examples of each split, with the texts that they are recognised by."""
    card = with_class_names(card, data_dir=data).model_copy(update={"max_rejects": 1.0})
    found = {}
    for split in card.splits:
        records = read_split(card, split, data_dir=data, revision=None, seed=0)
        made = normalize(records.frame, records.rejects, card, split)
        found[split] = recognised(made.examples, made.identity)
    return found


def same(one: Mapping[str, pl.DataFrame], other: Mapping[str, pl.DataFrame]) -> bool:
    return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)


def alike(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    if one.height != other.height or letters(one) != letters(other):
        return False
    form = str(one["form"][0])
    if str(other["form"][0]) != form:
        return False
    if form == "multiple_choice":
        columns = ["choices", "label"]
        return one.select(columns).rows() == other.select(columns).rows()
    column = {"classification": "label", "multi_label": "labels"}.get(form, "target")
    pairs = {(str(a), str(b)) for a, b in zip(one[column], other[column], strict=True)}
    return len({a for a, _ in pairs}) == len(pairs)  # each answer of the card is one answer here


def letters(frame: pl.DataFrame) -> list[str]:
    """Return all letters of each row's input, in one order, whichever field they stand in."""
    texts = frame.select(pl.concat_str("context", "question")).to_series()
    return ["".join(sorted(re.sub(r"[\W_]+", "", text).lower())) for text in texts]


EXPECTED = (
    dict.fromkeys(SURE, "sure") | dict.fromkeys(DOUBTED, "doubted")
    | dict.fromkeys(DIFFERENT, "different") | dict.fromkeys(NO_CARD, "no card")
)  # fmt: skip


def test_every_dataset_has_an_expectation(raw_data: Path):
    assert set(EXPECTED) == {path.name for path in raw_data.iterdir() if path.is_dir()}


@pytest.mark.parametrize("task", sorted(EXPECTED))
def test_a_guess_is_right_or_says_that_it_is_not_certain(task: str, raw_data: Path):
    assert outcome(task, raw_data) == EXPECTED[task]
