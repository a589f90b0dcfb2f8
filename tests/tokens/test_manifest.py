import json

import numpy as np
import polars as pl
import pytest

from pipeline.contract.files import sha256
from pipeline.contract.ragged import Ragged
from pipeline.errors import ArtefactError
from pipeline.rendering.prefix import prefixes
from pipeline.tokens import wordpiece
from pipeline.tokens.fit import Fitted
from pipeline.tokens.long_rows import LongRows
from pipeline.tokens.manifest import read_role, write_manifest, write_shard
from pipeline.tokens.shards import shard_table
from pipeline.tokens.vocabulary import load, save


def fitted(rows: int) -> Fitted:
    """`rows` rows of a context of two ids and three choices of one."""
    steps = np.arange(rows + 1, dtype=np.int64)
    return Fitted(
        context=Ragged(np.full(2 * rows, 7, np.int32), steps * 2),
        question=Ragged(np.empty(0, np.int32), steps * 0),
        choices=Ragged(np.full(3 * rows, 8, np.int32), np.arange(3 * rows + 1, dtype=np.int64)),
        first=steps * 3,
        row=np.arange(rows, dtype=np.int64),
        long_rows=3,
        context_cut=1,
        choices_cut=2,
        tokens_lost=9,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    tokenizer = wordpiece.train([["a cat", "a cat"]], vocabulary=300)
    save(
        tokenizer, wordpiece.SPECIAL, prefixes(["apples", "pears", "plums"]), tmp_path / "tokenizer"
    )
    vocabulary = load(tmp_path / "tokenizer")
    folder = tmp_path / "train"
    folder.mkdir()
    entries = []
    for task, rows in (("pears", 2), ("plums", 0), ("apples", 3)):
        label, labels = (
            pl.Series([0] * rows, dtype=pl.Int32),
            pl.Series([None] * rows, dtype=pl.List(pl.Int32)),
        )
        entries.append(
            write_shard(
                folder / f"{task}.arrow",
                shard_table(fitted(rows), label, labels),
                fitted(rows),
                task=task,
                form="classification",
                prefix_id=vocabulary.prefixes[task],
                curated=(rows, "c" * 64),
            )
        )
    write_manifest(
        folder,
        entries,
        role="train",
        max_tokens=32,
        long_rows=LongRows(cut="context_start"),
        vocabulary=vocabulary,
    )
    return folder


def test_the_manifest_counts_rows_and_tokens_in_task_order(folder):
    role = read_role(folder)
    assert [(e.task, e.rows, e.start, e.choices_max, e.tokens) for e in role.tasks] == [
        ("apples", 3, 0, 3, 3 * 3 * 7),
        ("pears", 2, 3, 3, 2 * 3 * 7),
        ("plums", 0, 5, 0, 0),
    ]
    assert (role.rows, role.role, role.max_tokens) == (5, "train", 32)
    assert [e.sha256 for e in role.tasks] == [
        sha256(folder / f"{name}.arrow") for name in ("apples", "pears", "plums")
    ]


def test_the_manifest_has_the_keys_that_the_trainer_reads(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sorted(manifest) == [
        "long_rows",
        "max_tokens",
        "role",
        "special",
        "tasks",
        "tokenizer_files",
        "tokenizer_sha256",
        "version",
        "view",
        "vocabulary",
    ]
    assert manifest["view"] == "choice"
    assert manifest["long_rows"] == {"rule": "truncate", "cut": "context_start", "overlap": 32}
    assert sorted(manifest["special"]) == ["cls", "mask", "pad", "sep"]
    assert manifest["version"] == 1
    assert manifest["vocabulary"] == manifest["tasks"][-1]["prefix_id"] + 1
    assert manifest["tokenizer_sha256"] == sha256(folder.parent / "tokenizer" / "tokenizer.json")
    assert manifest["tasks"][0]["context_cut"] == 1
    assert manifest["tasks"][0]["choices_cut"] == 2
    assert manifest["tasks"][0]["long_rows"] == 3
    assert manifest["tasks"][0]["tokens_lost"] == 9
    assert manifest["tasks"][0]["curated_rows"] == 3


def test_the_files_of_the_tokenizer_are_named_by_their_content(folder):
    tokenizer = folder.parent / "tokenizer"
    role = read_role(folder)
    assert role.tokenizer_files == {file.name: sha256(file) for file in tokenizer.iterdir()}
    assert sorted(role.tokenizer_files) == [
        "prefixes.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert role.long_rows == LongRows(cut="context_start")


def test_a_shard_opens_by_name_with_the_lengths_that_planning_needs(folder):
    shard = read_role(folder).shard("pears")
    assert shard.row_tokens.tolist() == [21, 21]
    assert shard.counts.tolist() == [3, 3]
    assert int(shard.row_tokens.sum()) == read_role(folder).entry("pears").tokens
    assert len(read_role(folder).shard("plums")) == 0


def test_an_unknown_task_is_named_with_the_nearest(folder):
    with pytest.raises(ArtefactError, match="no task named 'pear'\n  to do: did you mean 'pears'"):
        read_role(folder).shard("pear")


def test_a_missing_shard_is_named(folder):
    (folder / "pears.arrow").unlink()
    with pytest.raises(ArtefactError, match=r"pears\.arrow: does not exist"):
        read_role(folder).shard("pears")


def test_a_shard_of_other_rows_is_refused(folder):
    (folder / "pears.arrow").write_bytes((folder / "apples.arrow").read_bytes())
    with pytest.raises(ArtefactError, match="holds 3 rows") as caught:
        read_role(folder).shard("pears")
    assert caught.value.expected.startswith("2 rows of context")


def test_a_truncated_shard_is_refused(folder):
    path = folder / "pears.arrow"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ArtefactError, match="not a readable Arrow file"):
        read_role(folder).shard("pears")


def test_a_missing_manifest_is_named(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtefactError, match=r"manifest\.json: does not exist"):
        read_role(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"version": 2}', "version is 2"),
        ("[]", "version is None"),
        ('{"version": 1}', "incomplete"),
    ],
)
def test_a_foreign_manifest_is_refused(folder, content, message):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ArtefactError, match=message) as caught:
        read_role(folder)
    assert caught.value.remedy == "run `dvc repro tokenize`"
