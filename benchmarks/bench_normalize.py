"""Normalising: ours against hand-written polars, `datasets.map` batched, and `datasets.map` by row.

Two mappings, multiple choice (a list of options, a letter) and classification of a pair of texts, over
made-up records of real length, one in a hundred of them faulty. Every contender makes the columns of
`schema.EXAMPLE`, the content hashes, and the rejects with reason and detail; these are compared value
by value first. The by-row map gets fewer rows, keeps its result in memory, and is spared the step that
would take its rejects out.

Usage: python -m benchmarks.bench_normalize [--rows 262144] [--rounds 7] [--out FILE]
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from benchmarks.harness import Bar, Contender, finish, ratio, rotate, show
from benchmarks.normalize_peers import (
    CLASSES,
    COLUMNS,
    SPLIT,
    TASK,
    Frames,
    Made,
    by_batch,
    by_row,
    make_classification,
    make_multiple_choice,
    polars_classification,
    polars_multiple_choice,
)
from pipeline.config.task_card import TaskCard
from pipeline.normalize.dispatch import normalize

SYLLABLES = [
    "ba",
    "ko",
    "li",
    "mu",
    "ren",
    "tas",
    "vor",
    "win",
    "ne",
    "lo",
    "ka",
    "ter",
    "ish",
    "mon",
    "del",
    "zu",
]
UNREAD = pl.DataFrame(schema={"row": pl.Int64, "reason": pl.String, "detail": pl.String})
EMPTY = {"example_id": "", "task": "", "form": "", "context": "", "question": "", "choices": [""],
         "label": 0, "target": "", "labels": [0], "prefix": "", "content_hash": b""}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One mapping: its records, and how each contender goes about it."""

    name: str
    records: pl.DataFrame
    card: TaskCard
    by_hand: Callable[[pl.DataFrame], Frames]
    make: Callable[..., Made]
    columns: tuple[str, ...]


def texts(rng: random.Random, count: int, least: int, most: int) -> list[str]:
    """Return made-up texts of `least` to `most` words, some with space around them."""
    words = [a + b for a in SYLLABLES for b in SYLLABLES]
    made = [" ".join(rng.choices(words, k=rng.randint(least, most))) for _ in range(count)]
    return [f" {text}\n" if rng.random() < 0.1 else text for text in made]


def faulty(
    rng: random.Random, rows: Sequence[list[Any]], faults: Sequence[tuple[int, Any]]
) -> None:
    """Spoil one row in a hundred: put one of the (column, value) pairs into it."""
    for row in rng.sample(rows, len(rows) // 100):
        column, value = rng.choice(faults)
        row[column] = value


def multiple_choice(rows: int) -> Case:
    """Four options, a letter."""
    rng = random.Random(1)
    passages, questions = texts(rng, 5000, 8, 24), texts(rng, 5000, 4, 9)
    options = list({text.strip(): text for text in texts(rng, 20_000, 1, 4)}.values())
    made = [
        [rng.choice(passages), rng.choice(questions), rng.sample(options, 4), rng.choice("ABCD")]
        for _ in range(rows)
    ]
    faults = [(0, None), (1, "bell \x07 rings"), (0, "caf\ufffd"), (2, ["a", "b", " a "]), (2, ["a"]),
              (2, ["a", ""]), (2, None), (3, None), (3, "?"), (3, "Z")]  # fmt: skip
    faulty(rng, made, faults)
    columns = ("passage", "question", "options", "answer")
    fields = {
        "form": "multiple_choice", "context": "passage", "question": "question",
        "choices": "options", "label": "answer", "label_is": "letter",
    }  # fmt: skip
    return Case("multiple_choice", frame(made, columns), card(fields), polars_multiple_choice,
                make_multiple_choice, columns)  # fmt: skip


def classification(rows: int) -> Case:
    """A premise and a hypothesis, three classes."""
    rng = random.Random(2)
    premises, hypotheses = texts(rng, 5000, 8, 24), texts(rng, 5000, 4, 12)
    made = [[rng.choice(premises), rng.choice(hypotheses), rng.randrange(3)] for _ in range(rows)]
    faulty(rng, made, [(0, None), (1, "bell \x07"), (0, "caf\ufffd"), (2, None), (2, -1), (2, 3)])
    columns = ("premise", "hypothesis", "label")
    fields = {
        "form": "classification", "context": "premise", "question": "hypothesis",
        "label": "label", "classes": dict(enumerate(CLASSES)), "option": "the relation is {class}",
    }  # fmt: skip
    return Case("classification", frame(made, columns), card(fields), polars_classification,
                make_classification, columns)  # fmt: skip


def frame(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Return records as a source gives them."""
    made = pl.DataFrame(list(rows), schema=list(columns), orient="row", infer_schema_length=None)
    return made.with_row_index("__row__").cast({"__row__": pl.Int64}).rechunk()


def card(fields: dict[str, Any]) -> TaskCard:
    """Return the card of a mapping."""
    return TaskCard.model_validate(
        {"task": TASK, "family": "none", "licence": "none", "splits": {SPLIT: "records.parquet"},
         "source": {"kind": "files", "folder": "records"}, "fields": fields,
         "max_rejects": 0.05}
    )  # fmt: skip


def ours(case: Case) -> Frames:
    """Run the code under test."""
    made = normalize(case.records, UNREAD, case.card, SPLIT)
    return made.examples, made.rejects.drop("split")


def mapped(case: Case, data: Any, *, batched: bool) -> Callable[[], Frames]:
    """Return a run of `datasets.map` in memory, with its output types given."""
    import datasets

    features = datasets.Dataset.from_dict({k: [v] for k, v in EMPTY.items()}).features.copy()
    features["label"] = datasets.Value("int32")
    features["labels"] = datasets.List(datasets.Value("int32"))
    told = {"reason": datasets.Value("string"), "detail": datasets.Value("string")}
    common = {"remove_columns": data.column_names, "keep_in_memory": True}

    def batches() -> Frames:
        rejects: list[Made] = []
        function = by_batch(case.make, case.columns, rejects)
        made = data.map(function, batched=True, features=features, **common)
        schema = {"row": pl.Int64, "reason": pl.String, "detail": pl.String}
        return made, pl.DataFrame(rejects, schema=schema, orient="row")

    def single() -> Frames:
        function = by_row(case.make, case.columns)
        rows = datasets.Features({name: (told | features)[name] for name in COLUMNS})
        return data.map(function, features=rows, **common), UNREAD

    return batches if batched else single


def check_equal(
    case: Case, sample: int, batched: Callable[[], Any], single: Callable[[], Any]
) -> None:
    """Compare the outputs of all contenders.

    Raises:
        AssertionError: Some value differs.
    """
    examples, rejects = ours(case)
    assert examples.height + rejects.height == case.records.height
    assert rejects.height > case.records.height // 200
    hand_examples, hand_rejects = case.by_hand(case.records)
    assert_frame_equal(hand_examples.select(examples.columns), examples)
    assert_frame_equal(hand_rejects, rejects)
    made, told = batched()
    assert_frame_equal(made.with_format("polars")[:].select(examples.columns), examples)
    assert_frame_equal(told, rejects)
    rows = single()[0].with_format("polars")[:].with_row_index("row").cast({"row": pl.Int64})
    is_example = pl.col("reason").is_null()
    kept = rows.filter(is_example).select(examples.columns)
    assert_frame_equal(kept, examples.head(kept.height))
    spoilt = rows.filter(~is_example).select(rejects.columns)
    assert_frame_equal(spoilt, rejects.filter(pl.col("row") < sample))


def measure(case: Case, rounds: int) -> dict[str, Bar]:
    """Compare, then time one case."""
    import datasets

    sample = max(1000, case.records.height // 10)
    whole = datasets.Dataset(case.records.to_arrow(compat_level=pl.CompatLevel.oldest()))
    part = whole.select(range(sample)).flatten_indices(keep_in_memory=True)
    batched, single = mapped(case, whole, batched=True), mapped(case, part, batched=False)
    check_equal(case, sample, batched, single)
    rows = case.records.height
    speeds = rotate(
        [
            Contender("ours", lambda: ours(case), rows),
            Contender("polars", lambda: case.by_hand(case.records), rows),
            Contender("map_batched", batched, rows),
            Contender("map_by_row", single, sample),
        ],
        rounds=rounds,
    )
    show(case.name, speeds, "rows/s")
    bars = {"polars": 0.9, "map_batched": 4.0, "map_by_row": 60.0}
    return {
        f"{case.name}_over_{peer}": (ratio(speeds, "ours", peer), bar, ">=")
        for peer, bar in bars.items()
    }


def main() -> None:
    """Run both cases and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=262_144)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    import datasets

    datasets.disable_progress_bars()
    bars: dict[str, Bar] = {}
    for case in (multiple_choice(options.rows), classification(options.rows)):
        bars |= measure(case, options.rounds)
    details = {"rows": options.rows, "rounds": options.rounds, "threads": pl.thread_pool_size()}
    finish("normalize", bars, equal=True, out=options.out, details=details,
           packages=("datasets", "xxhash"))  # fmt: skip


if __name__ == "__main__":
    main()
