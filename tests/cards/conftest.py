"""The raw rows of the 60 real datasets, read by a few lines of plain Python each.

Nothing here imports a reader or a form of the pipeline: it is what they are compared with.
"""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from pipeline.config.load import read_yaml

csv.field_size_limit(10**9)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def raw_data() -> Path:
    """The folder of the raw datasets; tests that ask for it are skipped where there is none."""
    named = os.environ.get("TASKLOOM_DATA_DIR")
    known = [
        ROOT / str(read_yaml(ROOT / "params.yaml")["data_dir"]),
        ROOT.parent / "shared" / "data",
    ]
    candidates = [Path(named)] if named else known
    found = [path for path in candidates if (path / "ag_news").is_dir()]
    if not found:
        pytest.skip("the raw files are not below data_dir")
    return found[0]


@pytest.fixture(scope="session")
def raw_rows(raw_data: Path) -> Callable[[str, str], list["Row"]]:
    """Reads the raw rows of a task's split."""

    @cache
    def read(task: str, split: str) -> list[Row]:
        return list(READERS.get(task, labelled)(raw_data / task, split))

    return read


@pytest.fixture(scope="session")
def raw_lines(raw_data: Path) -> Callable[[str], list[str]]:
    """Reads the lines of a file below the folder of the raw datasets."""
    return lambda name: lines(raw_data / name)


class Row(NamedTuple):
    """What one raw row says: its gold, and its choices where the row has its own."""

    gold: Any
    choices: tuple[str, ...] | None = None
    said: tuple[str, ...] = ()
    """The row's texts, those that a card leaves out among them; empty where rows are nested."""


def text(path: Path, encoding: str = "utf-8-sig") -> str:
    with path.open(encoding=encoding, newline="") as file:
        return file.read()


def lines(path: Path, encoding: str = "utf-8-sig") -> list[str]:
    return [line.removesuffix("\r") for line in text(path, encoding).split("\n") if line]


def table(path: Path, delimiter: str = ",", quoted: bool = True) -> list[list[str]]:
    if not quoted:
        return [line.split(delimiter) for line in lines(path)]
    return list(csv.reader(io.StringIO(text(path), newline=""), delimiter=delimiter))


def is_quoted(path: Path) -> bool:
    """Whether the description beside the data says that a table's fields are quoted."""
    described = json.loads((path.parent.parent / "SCHEMA.json").read_text())
    return path.suffix == ".csv" or described[path.parent.name]["format"].endswith("_quoted")


def records(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in lines(path)]
    if path.suffix == ".json":
        return json.loads(text(path))  # type: ignore[no-any-return]
    delimiter = {".csv": ",", ".tsv": "\t"}[path.suffix]
    head, *rows = table(path, delimiter, quoted=is_quoted(path))
    return [dict(zip(head, row, strict=True)) for row in rows]


def texts(record: dict[str, Any]) -> tuple[str, ...]:
    values = (" ".join(v) if v and isinstance(v, list) and isinstance(v[0], str) else v
              for v in record.values())  # fmt: skip
    return tuple(value for value in values if isinstance(value, str))


def only(folder: Path, split: str) -> Path:
    """The one file of a split."""
    (path,) = folder.glob(f"{split}.*")
    return path


Reader = Callable[[Path, str], Iterator[Row]]


def labelled(folder: Path, split: str, *, label: str = "label") -> Iterator[Row]:
    """Objects, or a table with a header, with one label each."""
    for record in records(only(folder, split)):
        yield Row(record.get(label), said=texts(record))


def headless(folder: Path, split: str, *, label: int) -> Iterator[Row]:
    path = only(folder, split)
    for row in table(path, "\t", is_quoted(path)):
        yield Row(row[label], said=tuple(row))


def spaced(folder: Path, split: str, *, encoding: str = "utf-8-sig") -> Iterator[Row]:
    for line in lines(only(folder, split), encoding):
        label, said = line.split(" ", 1)
        yield Row(label, said=(said,))


def paired(folder: Path, split: str, *, separator: str | None = None) -> Iterator[Row]:
    said, labels = (lines(folder / f"{split}.{kind}.txt") for kind in ("text", "labels"))
    for text_line, label in zip(said, labels, strict=True):
        yield Row(frozenset(label.split(separator)) if separator else label, said=(text_line,))


def letters(folder: Path, split: str) -> Iterator[Row]:
    """The shape of ARC and its relatives: labelled choices inside the question."""
    for record in records(only(folder, split)):
        choices = record["question"]["choices"]
        names = [choice["label"] for choice in choices]
        gold = names.index(record["answerKey"]) if "answerKey" in record else None
        said = (record["question"]["stem"], record.get("para", ""))
        yield Row(gold, tuple(choice["text"] for choice in choices), said)


def options(
    folder: Path, split: str, *, names: str, label: str = "label", first: int = 0
) -> Iterator[Row]:
    """Choices in columns of their own, the gold one given by its number."""
    for record in records(only(folder, split)):
        choices = tuple(record[name] for name in names.split())
        yield Row(int(record[label]) - first, choices, texts(record))


def aqua_rat(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row("ABCDE".index(record["correct"]), tuple(record["options"]), texts(record))


def hellaswag(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row(record["label"], tuple(record["endings"]), texts(record))


def balanced_copa(folder: Path, split: str) -> Iterator[Row]:
    for item in ElementTree.parse(only(folder, split)).iter("item"):
        gold = int(item.attrib["most-plausible-alternative"]) - 1
        choices = (item.findtext("a1", ""), item.findtext("a2", ""))
        yield Row(gold, choices, (item.findtext("p", ""),))


def clinc150(folder: Path, split: str) -> Iterator[Row]:
    for said, intent in records(only(folder, split)):
        yield Row(intent, said=(said,))


def codah(folder: Path, split: str) -> Iterator[Row]:
    for row in table(only(folder, split), "\t"):
        yield Row(int(row[6]), tuple(row[2:6]), tuple(row))


def comve(folder: Path, split: str, *, names: str, gold: str) -> Iterator[Row]:
    answers = dict(table(folder / f"{split}.answers.csv"))
    for record in records(folder / f"{split}.data.csv"):
        choices = tuple(record[name] for name in names.split())
        yield Row(gold.index(answers[record["id"]]), tuple(filter(None, choices)), texts(record))


def dream(folder: Path, split: str) -> Iterator[Row]:
    for turns, questions, _ in records(only(folder, split)):
        for question in questions:
            gold = question["choice"].index(question["answer"])
            yield Row(gold, tuple(question["choice"]), (" ".join(turns), question["question"]))


def mctest(folder: Path, split: str) -> Iterator[Row]:
    stories = table(folder / f"{split}.tsv", "\t", quoted=False)
    answers = table(folder / f"{split}.ans", "\t", quoted=False)
    for story, golds in zip(stories, answers, strict=True):
        for i, gold in enumerate(golds):
            yield Row("ABCD".index(gold), tuple(story[4 + 5 * i : 8 + 5 * i]), tuple(story))


def openbookqa(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        choices = re.split(r"\([A-D]\) ", record["Choices"])[1:]
        yield Row("ABCD".index(record["Answer Key"]), tuple(choices), texts(record))


def quail(folder: Path, split: str) -> Iterator[Row]:
    for text_element in ElementTree.parse(only(folder, split)).getroot():
        body = str(text_element.findtext("text_body"))
        for question in text_element.iter("q"):
            answers = question.findall("a")
            gold = [answer.get("correct") for answer in answers].index("True")
            yield Row(gold, tuple(str(a.text) for a in answers), (body, str(question.text)))


def gsm8k(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        yield Row(record["answer"], said=texts(record))


def squad_v2(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        gold = record["answers"][0] if record["answers"] else "unanswerable"
        yield Row(gold, said=texts(record))


def restaurant8k(folder: Path, split: str) -> Iterator[Row]:
    for record in records(only(folder, split)):
        slots = record.get("labels", [])
        span = slots[0]["valueSpan"] if slots else {}
        said = record["userInput"]["text"][span.get("startIndex", 0) : span.get("endIndex", 0)]
        yield Row(said if slots else "unanswerable", said=(record["userInput"]["text"],))


READERS: dict[str, Reader] = {
    "ag_news": partial(headless, label=1),
    "aqua_rat": aqua_rat,
    "atis": partial(paired, separator="#"),
    "balanced_copa": balanced_copa,
    "boolq": partial(labelled, label="answer"),
    "clinc150": clinc150,
    "codah": codah,
    "cola": partial(headless, label=1),
    "comve_a": partial(comve, names="sent0 sent1", gold="01"),
    "comve_b": partial(comve, names="OptionA OptionB OptionC", gold="ABC"),
    "cosmosqa": partial(options, names="answer0 answer1 answer2 answer3"),
    "dream": dream,
    "gsm8k": gsm8k,
    "hellaswag": hellaswag,
    "imdb_cad": partial(labelled, label="Sentiment"),
    "mctaco": partial(headless, label=3),
    "mctest_mc500": mctest,
    "mpqa": spaced,
    "mrpc": partial(labelled, label="Quality"),
    "openbookqa": openbookqa,
    "piqa": partial(options, names="sol1 sol2"),
    "quail": quail,
    "restaurant8k": restaurant8k,
    "reuters_r8": partial(headless, label=0),
    "rotten_tomatoes": partial(labelled, label="output"),
    "socialiqa": partial(options, names="answerA answerB answerC", first=1),
    "squad_v2": squad_v2,
    "strategyqa": partial(labelled, label="answer"),
    "trec": partial(spaced, encoding="cp1252"),
    "winogrande": partial(options, names="option1 option2", label="answer", first=1),
    **dict.fromkeys(("arc_easy", "commonsense_qa", "qasc", "quartz"), letters),
    **dict.fromkeys(("banking77", "stackoverflow_tags"), paired),
    **dict.fromkeys(
        [f"tweeteval_{task}" for task in ("emoji", "emotion", "irony", "offensive", "sentiment")],
        paired,
    ),
}
"""How to read each dataset; the others have a column `label`."""
