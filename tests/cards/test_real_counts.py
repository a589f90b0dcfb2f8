"""Rows, choices and labels of the 60 real datasets, counted a second time by plain Python.

Nothing of the pipeline reads the raw files here: each dataset has a few lines of csv, json or xml
from the standard library below. What they find must be, row by row, what normalising the card keeps
or rejects.
"""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from pipeline.config.catalog import load_task
from pipeline.config.load import read_yaml
from pipeline.normalize.dispatch import normalize
from pipeline.schema import SPLITS
from pipeline.sources.dispatch import read_split

csv.field_size_limit(10**9)
ROOT = Path(__file__).parents[2]
CARDS = ROOT / "mixtures" / "tasks"
CANDIDATES = [
    os.environ.get("TASKLOOM_DATA_DIR"),
    ROOT / str(read_yaml(ROOT / "params.yaml")["data_dir"]),
    ROOT.parent / "shared" / "data",
]
DATA = next((Path(p) for p in CANDIDATES if p and (Path(p) / "ag_news").is_dir()), None)

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(DATA is None, reason="the raw files are not below data_dir"),
]

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

REJECTS: dict[tuple[str, str], dict[str, int]] = {}
"""All rejects that there are, by task and split: how many for which reason."""


class Row(NamedTuple):
    """What one raw row says: its gold, and its choices where the row has its own."""

    gold: Any
    choices: tuple[str, ...] | None = None


def text(path: Path, encoding: str = "utf-8-sig") -> str:
    with path.open(encoding=encoding, newline="") as file:
        return file.read()


def lines(path: Path, encoding: str = "utf-8-sig") -> list[str]:
    return [line.removesuffix("\r") for line in text(path, encoding).split("\n") if line]


def table(path: Path, delimiter: str = ",", quoted: bool = True) -> list[list[str]]:
    if not quoted:
        return [line.split(delimiter) for line in lines(path)]
    return list(csv.reader(io.StringIO(text(path), newline=""), delimiter=delimiter))


def records(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in lines(path)]
    if path.suffix == ".json":
        return json.loads(text(path))  # type: ignore[no-any-return]
    delimiter = {".csv": ",", ".tsv": "\t"}[path.suffix]
    # The tsv files with a header that are here write no quotes; their texts hold some.
    head, *rows = table(path, delimiter, quoted=path.suffix == ".csv")
    return [dict(zip(head, row, strict=True)) for row in rows]


def only(folder: Path, split: str) -> Path:
    """The one file of a split."""
    (path,) = folder.glob(f"{split}.*")
    return path


Reader = Callable[[Path, str], Iterator[Row]]


def labelled(folder: Path, split: str, *, label: str | int) -> Iterator[Row]:
    """Rows of objects or of a table with a header, with one label each."""
    for record in records(only(folder, split)):
        yield Row(record.get(label))


def headless(folder: Path, split: str, *, label: int, quoted: bool = False) -> Iterator[Row]:
    for row in table(only(folder, split), "\t", quoted):
        yield Row(row[label])


def spaced(folder: Path, split: str, *, encoding: str = "utf-8-sig") -> Iterator[Row]:
    for line in lines(only(folder, split), encoding):
        yield Row(line.split(" ", 1)[0])


def paired(folder: Path, split: str, *, separator: str | None = None) -> Iterator[Row]:
    assert len(lines(folder / f"{split}.text.txt")) == len(lines(folder / f"{split}.labels.txt"))
    for label in lines(folder / f"{split}.labels.txt"):
        yield Row(frozenset(label.split(separator)) if separator else label)


def letters(folder: Path, split: str) -> Iterator[Row]:
    """The shape of ARC and its relatives: labelled choices inside the question."""
    for record in records(only(folder, split)):
        choices = record["question"]["choices"]
        names = [choice["label"] for choice in choices]
        gold = names.index(record["answerKey"]) if "answerKey" in record else None
        yield Row(gold, tuple(choice["text"] for choice in choices))


def options(
    folder: Path, split: str, *, names: str, label: str = "label", first: int = 0
) -> Iterator[Row]:
    """Choices in columns of their own, the gold one given by its number."""
    for record in records(only(folder, split)):
        yield Row(int(record[label]) - first, tuple(record[name] for name in names.split()))


def aqua_rat(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row("ABCDE".index(record["correct"]), tuple(record["options"]))


def hellaswag(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row(record["label"], tuple(record["endings"]))


def balanced_copa(folder: Path, split: str) -> Iterator[Row]:
    for item in ElementTree.parse(only(folder, split)).iter("item"):
        gold = int(item.attrib["most-plausible-alternative"]) - 1
        yield Row(gold, (item.findtext("a1", ""), item.findtext("a2", "")))


def clinc150(folder: Path, split: str) -> Iterator[Row]:
    for _, intent in records(only(folder, split)):
        yield Row(intent)


def codah(folder: Path, split: str) -> Iterator[Row]:
    for row in table(only(folder, split), "\t"):
        yield Row(int(row[6]), tuple(row[2:6]))


def comve(folder: Path, split: str, *, names: str, gold: str) -> Iterator[Row]:
    answers = dict(table(folder / f"{split}.answers.csv"))
    for record in records(folder / f"{split}.data.csv"):
        choices = tuple(record[name] for name in names.split())
        yield Row(gold.index(answers[record["id"]]), tuple(filter(None, choices)))


def dream(folder: Path, split: str) -> Iterator[Row]:
    for _, questions, _ in records(only(folder, split)):
        for question in questions:
            yield Row(question["choice"].index(question["answer"]), tuple(question["choice"]))


def mctest(folder: Path, split: str) -> Iterator[Row]:
    stories = table(folder / f"{split}.tsv", "\t", quoted=False)
    answers = table(folder / f"{split}.ans", "\t", quoted=False)
    for story, golds in zip(stories, answers, strict=True):
        for i, gold in enumerate(golds):
            yield Row("ABCD".index(gold), tuple(story[4 + 5 * i : 8 + 5 * i]))


def openbookqa(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        choices = re.split(r"\([A-D]\) ", record["Choices"])[1:]
        yield Row("ABCD".index(record["Answer Key"]), tuple(choices))


def quail(folder: Path, split: str) -> Iterator[Row]:
    for question in ElementTree.parse(only(folder, split)).iter("q"):
        answers = question.findall("a")
        gold = [answer.get("correct") for answer in answers].index("True")
        yield Row(gold, tuple(str(answer.text) for answer in answers))


def gsm8k(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row(record["answer"])


def squad_v2(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row(record["answers"][0] if record["answers"] else "unanswerable")


def restaurant8k(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        slots = record.get("labels", [])
        span = slots[0]["valueSpan"] if slots else {}
        said = record["userInput"]["text"][span.get("startIndex", 0) : span.get("endIndex", 0)]
        yield Row(said if slots else "unanswerable")
