"""Rows, choices and labels of the 60 real datasets, counted a second time.

What plain Python finds in the raw files (`conftest.py`) must be, row by row, what normalising the card
keeps or rejects.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.config.catalog import load_task
from pipeline.config.task_card import TaskCard
from pipeline.normalize.dispatch import Normalized, normalize
from pipeline.schema import SPLITS, Split
from pipeline.sources.dispatch import read_split

CARDS = Path(__file__).parents[2] / "mixtures" / "tasks"
RawRows = Callable[[str, str], list[Any]]

pytestmark = pytest.mark.real_data

ROWS = {
    "ag_news": (10001, 7600), "anli_r3": (1821, 179), "aqua_rat": (2720, 254, 254),
    "arc_easy": (2251, 2376), "atis": (4478, 500, 893), "balanced_copa": (800, 200),
    "banking77": (8622, 1540, 3080), "boolq": (2000, 3270), "cb": (250, 56, 250),
    "chemprot": (4169, 2427, 3469), "citation_intent": (1688, 114, 139),
    "clinc150": (15100, 3100, 5500), "codah": (1665, 556, 555), "cola": (8551, 1043),
    "commonsense_qa": (9741, 1221, 1140), "comve_a": (10000, 997, 1000),
    "comve_b": (10000, 997, 1000), "cosmosqa": (2000, 2985), "customer_reviews": (1808, 192),
    "dream": (6116, 2040, 2041), "folio": (1004, 204), "gsm8k": (7473, 1319),
    "hellaswag": (1817, 183), "hyperpartisan": (464, 65), "imdb_cad": (1707, 245, 488),
    "joci": (8412, 939), "mctaco": (3783, 9442), "mctest_mc500": (1200, 200, 600),
    "mnli": (17689, 1958), "mpqa": (9550, 1056), "mrpc": (4076, 1725),
    "openbookqa": (4957, 500, 500), "piqa": (2000, 1838), "qasc": (961, 123), "qnli": (5162, 570),
    "qqp": (7555, 907), "quail": (2164, 556), "quartz": (2416, 264), "restaurant8k": (8198, 3731),
    "reuters_r8": (5485, 2189), "rotten_tomatoes": (8530, 1066), "rte": (2490, 277, 3000),
    "scicite": (7320, 916, 1861), "scitail": (7796, 2126), "sick": (9500, 500),
    "snli": (8835, 996), "socialiqa": (8091, 1954), "squad_v2": (1793, 207),
    "sst2": (60614, 872, 6735), "stackoverflow_tags": (17940, 2060), "strategyqa": (2061, 229),
    "trec": (5452, 500), "tweeteval_emoji": (45000, 5000, 50000),
    "tweeteval_emotion": (3257, 374, 1421), "tweeteval_irony": (2862, 955, 784),
    "tweeteval_offensive": (11916, 1324, 860), "tweeteval_sentiment": (12284, 2000),
    "wic": (1807, 193), "winogrande": (2000, 1267), "wsc": (496, 56),
}  # fmt: skip
"""Rows of train, validation and test, as the files were handed over."""

REJECTS = {
    ("codah", "train"): {"duplicate_choices": 1},
    ("codah", "test"): {"duplicate_choices": 2},
    ("cola", "train"): {"bad_encoding": 3},
    ("commonsense_qa", "train"): {"duplicate_choices": 122},
    ("commonsense_qa", "validation"): {"duplicate_choices": 24},
    ("commonsense_qa", "test"): {"duplicate_choices": 20},
    ("comve_a", "train"): {"duplicate_choices": 5, "bad_encoding": 1},
    ("comve_b", "train"): {"duplicate_choices": 6, "bad_encoding": 1},
    ("comve_b", "test"): {"bad_encoding": 1},
    ("cosmosqa", "train"): {"duplicate_choices": 1},
    ("customer_reviews", "train"): {"empty_text": 1},
    ("dream", "train"): {"duplicate_choices": 1},
    ("mpqa", "train"): {"empty_text": 3},
    ("mrpc", "train"): {"bad_encoding": 1},
    ("openbookqa", "train"): {"duplicate_choices": 3},
    ("qqp", "train"): {"bad_encoding": 1},
    ("quail", "train"): {"duplicate_choices": 1},
    ("restaurant8k", "validation"): {"bad_encoding": 1},
    ("scicite", "train"): {"bad_encoding": 1},
    ("socialiqa", "train"): {"duplicate_choices": 8},
    ("socialiqa", "validation"): {"duplicate_choices": 5},
}
"""All rejects that there are, by task and split: how many for which reason."""

NLI = ("entailment", "neutral", "contradiction")
ENTAILMENT = ("entailment", "not_entailment")
SENTIMENT = ("negative", "positive")
CLASSES: dict[str, Sequence[Any]] = {
    "ag_news": ("World", "Sports", "Business", "Sci/Tech"),
    "anli_r3": ("e", "n", "c"),
    "boolq": (False, True),
    "chemprot": ("INHIBITOR", "SUBSTRATE", "INDIRECT-DOWNREGULATOR", "INDIRECT-UPREGULATOR",
                 "ACTIVATOR", "ANTAGONIST", "PRODUCT-OF", "AGONIST", "DOWNREGULATOR", "UPREGULATOR",
                 "SUBSTRATE_PRODUCT-OF", "AGONIST-ACTIVATOR", "AGONIST-INHIBITOR"),
    "citation_intent": ("Background", "Uses", "CompareOrContrast", "Motivation", "Extends", "Future"),
    "folio": ("True", "Unknown", "False"),
    "imdb_cad": ("Negative", "Positive"),
    "mctaco": ("no", "yes"),
    "qqp": (0, 1),
    "reuters_r8": ("earn", "acq", "crude", "trade", "money-fx", "interest", "ship", "grain"),
    "rotten_tomatoes": SENTIMENT,
    "scicite": ("background", "method", "result"),
    "stackoverflow_tags": [str(number) for number in range(1, 21)],
    "strategyqa": (False, True),
    "trec": "012345",
    "tweeteval_emoji": [str(number) for number in range(20)],
    "tweeteval_emotion": "0123",
    "tweeteval_sentiment": "012",
    "wic": (False, True),
    "wsc": (False, True),
    **dict.fromkeys(("cb", "joci", "mnli", "sick", "snli"), NLI),
    **dict.fromkeys(("qnli", "rte", "scitail"), ENTAILMENT),
    **dict.fromkeys(
        ("cola", "customer_reviews", "hyperpartisan", "mpqa", "mrpc", "sst2", "tweeteval_irony",
         "tweeteval_offensive"), "01"),
}  # fmt: skip
"""What the sources call the classes, in the order that the cards promise."""

SORTED = ("atis", "banking77", "clinc150")
"""Datasets whose many classes stand in the order of the alphabet."""


def classes_of(task: str, raw_rows: RawRows) -> Sequence[Any]:
    if task not in SORTED:
        return CLASSES[task]
    golds = [row.gold for split in SPLITS for row in raw_rows(task, split)]
    return sorted({label for gold in golds for label in gold} if task == "atis" else set(golds))


def expected_gold(form: str, gold: Any, classes: Sequence[Any]) -> Any:
    if form == "classification":
        gold = "Unknown" if gold == "Uncertain" else gold
        return None if gold is None else classes.index(gold)
    if form == "multi_label":
        return sorted(classes.index(label) for label in gold)
    return gold.strip() if isinstance(gold, str) else gold


def stripped(texts: tuple[str, ...] | None) -> list[str]:
    return [text.strip() for text in texts or ()]


def load(task: str) -> TaskCard:
    card = load_task(CARDS / f"{task}.yaml")
    return TaskCard.model_validate_json(card.model_dump_json())  # as `sources/<task>.json` has it


def normalized(card: TaskCard, split: Split, raw_data: Path) -> Normalized:
    records = read_split(card, split, data_dir=raw_data, revision=None, seed=0)
    return normalize(records.frame, records.rejects, card, split)


@pytest.mark.parametrize(
    ("task", "split"),
    [(task, split) for task, rows in ROWS.items() for split in SPLITS[: len(rows)]],
)
def test_examples_and_rejects_are_what_plain_python_finds(
    task: str, split: Split, raw_data: Path, raw_rows: RawRows
):
    card, raw = load(task), raw_rows(task, split)
    result = normalized(card, split, raw_data)
    examples, rejects, form = result.examples, result.rejects, card.fields.form
    numbers = [int(name.rsplit("/", 1)[1]) for name in examples["example_id"]]

    assert len(raw) == ROWS[task][SPLITS.index(split)]
    assert sorted([*numbers, *rejects["row"]]) == list(range(len(raw)))
    assert Counter(rejects["reason"]) == REJECTS.get((task, split), {})
    twice = [i for i, r in enumerate(raw) if len(set(stripped(r.choices))) < len(r.choices or ())]
    assert rejects.filter(pl.col("reason") == "duplicate_choices")["row"].to_list() == twice

    kept = [raw[number] for number in numbers]
    classes = classes_of(task, raw_rows) if form in ("classification", "multi_label") else ()
    column = {"text_to_text": "target", "span": "target", "multi_label": "labels"}.get(
        form, "label"
    )
    assert examples[column].to_list() == [expected_gold(form, row.gold, classes) for row in kept]
    for field in ("context", "question"):
        source = getattr(card.fields, field)
        if isinstance(source, str) and "{" not in source:  # it is no composition
            pairs = zip(examples[field], kept, strict=True)
            assert not [text for text, row in pairs if text not in ("", *stripped(row.said))]
    if form == "multiple_choice":
        assert examples["choices"].to_list() == [stripped(row.choices) for row in kept]
    else:
        assert examples["choices"].list.len().unique().to_list() == [len(set(classes))]


def test_tags_of_questions_are_named_as_their_readme_has_them(
    raw_data: Path, raw_lines: Callable[[str], list[str]]
):
    task = "stackoverflow_tags"
    found = [
        re.fullmatch(r"\s*(\d+)\s+([a-z-]+)\s*", s) for s in raw_lines(f"{task}/README.source.md")
    ]
    names = {int(line[1]): line[2].replace("-", " ") for line in found if line}
    assert list(names) == list(range(1, 21))
    choices = normalized(load(task), "train", raw_data).examples["choices"][0].to_list()
    assert choices == [f"the question is about {name}" for name in names.values()]


@pytest.mark.parametrize("task", [task for task in ROWS if task.startswith("tweeteval_")])
def test_classes_of_tweets_are_named_as_their_mapping_file_has_them(
    task: str, raw_data: Path, raw_lines: Callable[[str], list[str]]
):
    choices = normalized(load(task), "train", raw_data).examples["choices"][0]
    names = [
        line.split("\t")[-1 if task != "tweeteval_emoji" else 2]
        for line in raw_lines(f"{task}/mapping.txt")
    ]
    for choice, name in zip(choices, names, strict=True):
        found = re.findall("[a-z]{3,}", name.lower().replace("hearteyes", "heart_eyes"))
        words = [word for word in found if word not in ("non", "not")]
        assert words
        assert all(word[:4] in choice.lower() for word in words), (choice, name)
        assert ("not " in choice) == name.startswith(("non", "not")), (choice, name)
