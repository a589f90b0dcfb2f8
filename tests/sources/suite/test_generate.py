"""The suite's records: any size, the same for ever, and honest between splits."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline.config.catalog import load_task, names
from pipeline.config.source import SuiteSource
from pipeline.errors import ConfigError
from pipeline.sources.suite import read_suite
from pipeline.sources.suite.generate import EVALUATION_ROWS, RECIPES

ROOT = Path(__file__).parents[3]
CARDS = {
    task: card
    for task in names(ROOT / "mixtures/tasks")
    if (card := load_task(ROOT / f"mixtures/tasks/{task}.yaml")).source.kind == "suite"
}
PROPERTY = {"table": "words", "entity": "word", "property": "polarity", "wording": "dinner"}


def source(recipe: str, rows: int = 200, **options: object) -> SuiteSource:
    return SuiteSource(kind="suite", recipe=recipe, rows=rows, options=options)


def read(recipe: str, split: str = "train", *, task: str = "apples", seed: int = 13, **options):
    return read_suite(source(recipe, **options), task=task, split=split, seed=seed)


def of_card(task: str, split: str) -> pl.DataFrame:
    return read_suite(CARDS[task].source, task=task, split=split, seed=13)


def said(frame: pl.DataFrame) -> pl.Series:
    """What a row says: its texts, with the choices where they are its own."""
    parts = [pl.col("context"), pl.col("question")]
    if "choices" in frame.columns:
        parts.append(pl.col("choices").list.sort().list.join("|"))
    return frame.select(text=pl.concat_str(parts, separator="|"))["text"]


def test_the_suite_has_sixteen_tasks_in_five_families_and_all_forms():
    assert len(CARDS) >= 16
    assert len({card.family for card in CARDS.values()}) >= 5
    assert {card.fields.form for card in CARDS.values()} == {
        "multiple_choice",
        "classification",
        "multi_label",
        "text_to_text",
        "span",
    }
    assert {card.source.recipe for card in CARDS.values()} == set(RECIPES)


@pytest.mark.parametrize("task", sorted(CARDS))
def test_a_card_gives_its_rows_without_gaps(task):
    train, test = of_card(task, "train"), of_card(task, "test")
    assert (train.height, test.height) == (CARDS[task].source.rows, EVALUATION_ROWS)
    assert sum(train.null_count().row(0)) == 0
    texts = pl.concat([train["context"], train["question"]])
    assert texts.str.contains(r"[{}]|  |^ | $|\b[Aa] [aeiou]").sum() == 0


@pytest.mark.parametrize("task", sorted(CARDS))
def test_no_row_of_the_test_split_is_in_train(task):
    assert not set(said(of_card(task, "train"))) & set(said(of_card(task, "test")))


@pytest.mark.parametrize("pair", [("dinner_irony", "dinner_stars"), ("barn_diet", "barn_ruler")])
def test_no_sentence_of_one_task_in_test_is_a_train_sentence_of_another(pair):
    train = {text for task in pair for text in of_card(task, "train")["choices"].explode()}
    test = {text for task in pair for text in of_card(task, "test")["choices"].explode()}
    assert len(train) > 4000
    assert not train & test


@pytest.mark.parametrize("task", sorted(CARDS))
def test_gold_is_balanced(task):
    """No class and no place of a choice is right much more often than its share."""
    train = of_card(task, "train").head(5000)
    column = "label" if "label" in train.columns else None
    if column is None or train.height < 500:
        pytest.skip("no label, or too few rows to tell")
    kinds = train.group_by(column).len()["len"]
    if "choices" in train.columns and train["choices"].list.len().n_unique() > 1:
        return
    assert kinds.min() > 0.75 * train.height / len(kinds)


def test_the_same_seed_and_task_give_the_same_records_in_another_process():
    code = (
        "import hashlib, json, sys\n"
        "from pipeline.config.source import SuiteSource\n"
        "from pipeline.sources.suite import read_suite\n"
        "source = SuiteSource.model_validate_json(sys.argv[1])\n"
        "frame = read_suite(source, task='apples', split='train', seed=13)\n"
        "print(hashlib.sha256(frame.write_json().encode()).hexdigest())\n"
    )
    given = source("lookup", table="countries", given="country", answer="capital",
                   wording="capital")  # fmt: skip
    frame = read_suite(given, task="apples", split="train", seed=13)
    here = hashlib.sha256(frame.write_json().encode()).hexdigest()
    for threads, salt in (("1", "1"), ("2", "2")):
        done = subprocess.run(
            [sys.executable, "-c", code, given.model_dump_json()],
            capture_output=True, text=True, check=True, cwd=ROOT,
            env={"POLARS_MAX_THREADS": threads, "PYTHONHASHSEED": salt},
        )  # fmt: skip
        assert done.stdout.strip() == here


def test_tasks_and_seeds_differ_and_a_shared_stream_makes_duplicates():
    first = read("property", **PROPERTY)
    assert not first.equals(read("property", task="pears", **PROPERTY))
    assert not first.equals(read("property", seed=14, **PROPERTY))
    assert first.equals(read("property", task="pears", stream="apples", **PROPERTY))


@pytest.mark.parametrize("recipe", ["property", "arithmetic"])
def test_a_million_rows_are_made(recipe):
    options = PROPERTY if recipe == "property" else {"wording": "sum"}
    frame = read(recipe, rows=1_000_000, **options)
    assert frame.height == 1_000_000
    assert said(frame.head(10_000)).n_unique() > 9_000


def test_fifty_rows_are_made():
    assert read("property", rows=50, **PROPERTY)["label"].value_counts()["count"].to_list() == [
        25,
        25,
    ]


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        ("propperty", PROPERTY, "task 'apples': source: no recipe named 'propperty'\n"
         "  to do: did you mean 'property'?"),
        ("property", PROPERTY | {"table": "word"}, "task 'apples': source: no table named 'word'\n"
         "  to do: did you mean 'words'?"),
        ("property", PROPERTY | {"wording": "diner"},
         "task 'apples': source: no wording named 'diner'\n  to do: did you mean 'dinner'?"),
        ("property", PROPERTY | {"property": "polarty"},
         "task 'apples': source: no column of 'words' named 'polarty'\n"
         "  to do: did you mean 'polarity'?"),
        ("property", PROPERTY | {"values": ["positiv"]},
         "task 'apples': source: no value of 'polarity' named 'positiv'\n"
         "  to do: did you mean 'positive'?"),
        ("property", PROPERTY | {"tabel": "x"},
         "task 'apples': source.options: tabel: unknown key, did you mean 'table'?"),
        ("property", PROPERTY | {"stream": 3},
         "task 'apples': source: options.stream: must be a name, not 3"),
        ("property", PROPERTY | {"wording": "barn"},
         "task 'apples': source: wording 'barn' has no slot {word}\n"
         "  expected: a wording that names it; this one names animal, color, day, hour, person, place"),
        ("noise", {"labels": ["heads", "tails"], "wording": "barn"},
         "task 'apples': source: wording 'barn' has a slot {animal} that nothing fills\n"
         "  expected: a filler of that name, or one of none"),
        ("arithmetic", {"wording": "sum", "low": 9, "high": 9},
         "task 'apples': source.options: low: 9 is not below high: 9"),
        ("cycle", {"table": "weekdays", "column": "weekday", "steps": 3, "choices": 9,
                   "wording": "weekday"},
         "task 'apples': source: 9 choices from 7 different answers\n"
         "  to do: ask for fewer choices, or for more rows"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named_with_its_task(recipe, options, message):
    with pytest.raises(ConfigError) as error:
        read(recipe, **options)
    assert str(error.value) == message


def test_records_are_what_they_were():
    """A golden hash per recipe: who changes the draws changes every user's data, and should know."""
    found = {}
    for task in ("dinner_verdict", "dinner_rating", "capital_lookup", "kinder_word", "sum_choice",
                 "weekday_after", "longer_measure", "coin_toss", "animal_traits"):  # fmt: skip
        frame = of_card(task, "test")
        found[task] = hashlib.sha256(frame.write_json().encode()).hexdigest()[:16]
    golden = json.loads((Path(__file__).parent / "golden.json").read_text())
    assert found == golden
