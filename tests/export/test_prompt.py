"""Prompt and completion: the built-in text format; rows without a target are left out."""

import polars as pl

from pipeline.export.prompt import prompts

SCHEMA = {
    "context": pl.String,
    "question": pl.String,
    "choices": pl.List(pl.String),
    "label": pl.Int32,
    "labels": pl.List(pl.Int32),
    "target": pl.String,
}


def test_the_parts_stand_below_each_other_and_empty_ones_are_left_out():
    rows = pl.DataFrame(
        [
            ("It rains.", "Is it wet ?", ["yes", "no"], 0, None, "yes"),
            ("", "the _ is wet", ["cat", "sky"], 1, None, "sky"),
            ("Some text", "", [], None, None, "a summary"),
            ("hidden", "", ["a"], None, None, None),
        ],
        schema=SCHEMA,
        orient="row",
    )
    told = prompts(rows)
    assert told.rows() == [
        ("It rains.\nIs it wet ?\nOptions: yes | no\nAnswer:\n", "yes"),
        ("the _ is wet\nOptions: cat | sky\nAnswer:\n", "sky"),
        ("Some text\nAnswer:\n", "a summary"),
    ]
