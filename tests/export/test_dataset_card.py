"""The folder is a dataset to `datasets`: both of its readers get every row."""

import json
import subprocess
import sys
from dataclasses import replace

import polars as pl

from pipeline.config.load import parse_yaml
from pipeline.export.dataset_card import readme
from pipeline.export.request import Source
from pipeline.export.run import export

READ = """
import json, sys
import datasets
loaded = datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2])
there = datasets.load_from_disk(sys.argv[1])
assert list(loaded) == list(there) == ["train"]
assert loaded["train"].to_list() == there["train"].to_list()
lines = datasets.load_dataset(sys.argv[3], cache_dir=sys.argv[2])["train"].to_list()
files = datasets.load_dataset(sys.argv[4], cache_dir=sys.argv[2])["train"].to_list()
print(json.dumps([there["train"].to_list(), lines, files]))
"""


def test_datasets_reads_every_format(request_, tmp_path):
    for kind in ("datasets", "jsonl", "parquet"):
        export(replace(request_, format=kind), tmp_path / kind, advance=lambda _: None)
    folders = [tmp_path / name for name in ("datasets", "cache", "jsonl", "parquet")]
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, folders)],
        capture_output=True, text=True, check=False,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows, lines, files = json.loads(done.stdout)
    frame = pl.read_parquet(tmp_path / "parquet/data/*.parquet")
    assert rows == files == frame.to_dicts()
    assert [line["completion"] for line in lines] == frame["target"].drop_nulls().to_list()


def test_the_card_has_the_licence_of_every_task_and_the_hashes(request_):
    sources = {
        "apples": Source(licence="MIT", homepage="https://example.org/a|b", citation="One\nTwo"),
        "pears": Source(licence="CC-BY-4.0\nor MIT", revision="c0ffee"),
        "plums": Source(licence="unknown"),
    }
    text = readme(replace(request_, sources=sources), "d1gest")
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert parse_yaml(head, where="README.md")["configs"][0]["data_files"] == [
        {"split": "train", "path": "train/*.arrow"}
    ]
    assert "- mixture sha256: `d1gest`" in body
    assert request_.order_sha256 in body
    assert "| apples | 7 | MIT | https://example.org/a\\|b |" in body
    assert "| pears | 5 | CC-BY-4.0 or MIT | at c0ffee |" in body
    assert "| plums | 3 | unknown |  |" in body
    assert "apples:\n\n    One\n    Two" in body
