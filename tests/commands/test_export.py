"""The command: options, words, and what it reads from a built mixture."""

import json
from pathlib import Path

import polars as pl
import pytest

import pipeline
from pipeline.__main__ import main


def test_a_mixture_is_written_in_training_order_with_the_licences(built, capsys):
    assert main(["export", "toy", "--to", "out", "--format", "parquet", "--shard-rows", "50"]) == 0
    assert capsys.readouterr().out == (
        "out: 140 rows of mixture 'toy' (compass) in training order, parquet, 3 files\n"
        "licences: CC0-1.0 (each task's in manifest.json)\n"
    )
    frame = pl.read_parquet("out/data/*.parquet")
    trained = pipeline.mixture_frame("toy").collect()
    for column in ("task", "epoch", "example_id", "context", "question", "choices", "label"):
        assert frame[column].to_list() == trained[column].to_list()
    manifest = json.loads(Path("out/manifest.json").read_text())
    mix = json.loads(Path("data/toy/mixes/compass/manifest.json").read_text())
    assert manifest["order"]["sha256"] == mix["sha256"]


def test_run_again_it_says_that_nothing_was_to_do(built, capsys):
    command = ["export", "toy", "--to", "out", "--format", "jsonl", "--shard-rows", "50"]
    assert main(command) == main(command) == 0
    assert "3 files were there and whole; 0 written now" in capsys.readouterr().out
    assert len(Path("out/data/train-00000-of-00003.jsonl").read_text().splitlines()) == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tuy"], "error: mixtures: no mixture named 'tuy'\n  to do: did you mean 'toy'?\n"),
        (["toy", "--shard-rows", "0"],
         "error: taskloom export: --shard-rows: is 0\n  expected: 1 or more\n"),
        (["toy", "--training", "tailored"],
         "error: data/toy/mixes/tailored/manifest.json: mixture 'toy' has no order"
         " of the training 'tailored' yet\n"
         "  to do: run `dvc repro`\n"),
        (["toy", "--to", "mixtures"],
         "error: mixtures: holds prompts and is no export\n"
         "  expected: a new or empty folder, or one with an unfinished export of the same mixture\n"
         "  to do: choose another folder\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_worded(built, capsys, arguments, message):
    name, *rest = arguments
    assert main(["export", name, "--to", "out", "--format", "parquet", *rest]) == 2
    assert capsys.readouterr().err == message
    assert not Path("out").exists()


def test_a_task_without_text_is_named(built, capsys):
    Path("data/toy/rendered/pears.parquet").unlink()
    assert main(["export", "toy", "--to", "out", "--format", "parquet"]) == 2
    assert capsys.readouterr().err.startswith(
        "error: data/toy/rendered/pears.parquet: does not exist"
    )
