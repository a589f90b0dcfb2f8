"""The fields of the hub cards, tried on a record of the shape that each dataset documents.

Nothing is fetched: the records below are invented, their columns and types are those of the dataset
cards. What a set really holds shows at its first fetch.
"""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.config.catalog import load_task
from pipeline.normalize.dispatch import normalize

CARDS = Path(__file__).parents[2] / "mixtures" / "tasks"
ANSWERS = {f"answer{i}": f"a{i}" for i in range(4)}
TWO = {"text": ["no", "yes"], "label": ["A", "B"]}
THREE = {"text": ["more", "less", "no effect"], "label": ["A", "B", "C"]}
NLI = "the inference relation between the two sentences is {}"

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "anli": (
        {"observation_1": "o", "observation_2": "p", "hypothesis_1": "h", "hypothesis_2": "i",
         "label": 2},
        "i",
    ),
    "cosmosqa": ({"context": "c", "question": "q", **ANSWERS, "label": 3}, "a3"),
    "hellaswag": ({"ctx": "c", "endings": ["w", "x", "y", "z"], "label": "1"}, "x"),
    "physicaliqa": ({"goal": "g", "sol1": "s", "sol2": "t", "label": 0}, "s"),
    "socialiqa": (
        {"context": "c", "question": "q", "answerA": "a", "answerB": "b", "answerC": "d", "label": "3"},
        "d",
    ),
    "winogrande": ({"sentence": "a _ b", "option1": "x", "option2": "y", "answer": "2"}, "y"),
    "csqa2": ({"question": "q", "answer": "no"}, "no"),
    "cola": ({"sentence": "s", "label": 1}, "the grammar of the sentence is acceptable"),
    "mnli": ({"premise": "p", "hypothesis": "h", "label": 2}, NLI.format("contradiction")),
    "rte": ({"sentence1": "s", "sentence2": "t", "label": 1}, NLI.format("not entailment")),
    "mrpc": (
        {"sentence1": "s", "sentence2": "t", "label": 0},
        "the meanings of the two sentences are not equivalent",
    ),
    "qqp": ({"question1": "q", "question2": "r", "label": 1}, "the two questions are duplicates"),
    "qnli": (
        {"question": "q", "sentence": "s", "label": 1},
        "the context does not contain the answer to the question",
    ),
    "sst": ({"sentence": "s", "label": 0}, "the sentiment is negative"),
    "boolq": ({"passage": "p", "question": "q", "label": 1}, "yes"),
    "cb": ({"premise": "p", "hypothesis": "h", "label": 1}, NLI.format("contradiction")),
    "copa": ({"premise": "p", "choice1": "c", "choice2": "d", "question": "effect", "label": 1}, "d"),
    "arc_easy": ({"question": "q", "choices": TWO, "answerKey": "B"}, "yes"),
    "arc_challenge": (
        {"question": "q", "choices": {**TWO, "label": ["1", "2"]}, "answerKey": "1"},
        "no",
    ),
    "dream": ({"dialogue": ["a", "b"], "question": "q", "choice": ["c", "d", "e"], "answer": "e"}, "e"),
    "commonsense_qa": (
        {"question": "q", "question_concept": "c", "choices": TWO, "answerKey": "A"},
        "no",
    ),
    "quail": (
        {"context": "c", "question": "q", "answers": ["w", "x", "y", "z"], "correct_answer_id": 2},
        "y",
    ),
    "quartz": ({"para": "p", "question": "q", "choices": TWO, "answerKey": "B"}, "yes"),
    "wiqa": (
        {"question_stem": "q", "question_para_step": ["s", "t"], "choices": THREE,
         "answer_label": "no_effect", "answer_label_as_choice": "C"},
        "no effect",
    ),
    "qasc": ({"question": "q", "choices": THREE, "answerKey": "A"}, "more"),
    "sciq": (
        {"question": "q", "distractor1": "a", "distractor2": "b", "distractor3": "c",
         "correct_answer": "d", "support": ""},
        "d",
    ),
    "case_hold": ({"context": "c", "endings": ["v", "w", "x", "y", "z"], "label": 4}, "z"),
    "ecthr_a": ({"text": ["f", "g"], "labels": []}, "the case violates no article"),
    "ecthr_b": (
        {"text": ["f", "g"], "labels": [9, 0]},
        "the case allegedly violates Article 2, the case allegedly violates Article 1 of Protocol 1",
    ),
    "scotus": ({"text": "t", "label": 12}, "the relevant issue area is Miscellaneous"),
    "eurlex": (
        {"text": "t", "labels": [126]},
        "the EuroVoc concept is non-governmental organisations",
    ),
    "ledgar": ({"text": "t", "label": 99}, "the main topic of the contract provision is Withholdings"),
    "unfair_tos": ({"text": "t", "labels": [7]}, "the sentence holds an unfair term on arbitration"),
    "chemprot": ({"text": "t", "label": "PRODUCT-OF"}, "the relation is product of"),
    "rct_20k": (
        {"text": "t", "label": "METHODS"},
        "the role of the sentence in the abstract is methods",
    ),
    "hyperpartisan_news": ({"text": "t", "label": "true"}, "there is partisanship"),
    "imdb": ({"text": "t", "label": 1}, "the sentiment is positive"),
    "acl_arc": ({"text": "t", "label": "Extends"}, "the citation intent is extension"),
    "amazon_helpfulness": ({"text": "t", "label": "helpful"}, "the review is helpful"),
    "ag_news": ({"text": "t", "label": 3}, "the news topic is Sci/Tech"),
}  # fmt: skip
"""By task: a record, and the text of its gold choice."""


def test_every_hub_card_has_a_case():
    assert {f"c40_{task}" for task in CASES} == {path.stem for path in CARDS.glob("c40_*.yaml")}


@pytest.mark.parametrize("task", sorted(CASES))
def test_fields_find_the_gold_choice(task: str):
    record, gold = CASES[task]
    # A list of no value has no type to infer; the hub's features give it one.
    typed = {"labels": pl.List(pl.Int64)} if "labels" in record else None
    frame = pl.DataFrame([record], schema_overrides=typed).with_columns(__row__=pl.lit(0, pl.Int64))
    unread = pl.DataFrame(schema={"row": pl.Int64, "reason": pl.String, "detail": pl.String})
    result = normalize(frame, unread, load_task(CARDS / f"c40_{task}.yaml"), "train")
    example = result.examples.row(0, named=True)
    assert example["target"] == gold
    chosen = example["labels"] if example["label"] is None else [example["label"]]
    assert ", ".join(example["choices"][place] for place in chosen) == gold
    assert example["context"] or example["question"]
