from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.contract.files import sha256, write_arrow, write_json
from pipeline.errors import ArtefactError
from pipeline.mixing.corpus import read_corpus, row_supervised, row_tokens

IDS = pa.large_list(pa.int32())


def write_shard(path: Path, context, choices):
    table = {"context": pa.array(context, IDS), "choices": pa.array(choices, pa.large_list(IDS))}
    write_arrow(pa.table(table), path)


def entry(task, rows, start, tokens):
    return {"task": task, "rows": rows, "start": start, "tokens": tokens}


@pytest.fixture
def folder(tmp_path):
    """Two tasks: three rows of 2, 3 and 1 choices; and one row."""
    write_shard(
        tmp_path / "a.arrow",
        [[5, 5, 5], [], [7]],
        [[[1], [1, 2]], [[1], [], [1, 2, 3]], [[9, 9]]],
    )
    write_shard(tmp_path / "b.arrow", [[1]], [[[2], [3]]])
    write_json({"version": 1, "tasks": [entry("a", 3, 0, 40), entry("b", 1, 3, 12)]},
               tmp_path / "manifest.json")  # fmt: skip
    return tmp_path


def test_a_row_s_tokens_are_those_of_the_sequences_of_all_its_choices(folder):
    corpus = read_corpus(folder)
    # [CLS] prefix context [SEP] choice [SEP] is 4 tokens more than context and choice:
    # 2 * (4 + 3) + 1 + 2 = 17; 3 * (4 + 0) + 1 + 0 + 3 = 16; 1 * (4 + 1) + 2 = 7
    assert row_tokens(corpus, "a").tolist() == [17, 16, 7]
    assert row_tokens(corpus, "a").dtype == np.int64
    assert row_tokens(corpus, "b").tolist() == [12]


def test_the_corpus_tells_sizes_starts_and_its_own_hash(folder):
    corpus = read_corpus(folder)
    assert corpus.sizes == {"a": 3, "b": 1}
    assert corpus.tasks["b"].start == 3
    assert corpus.sha256 == sha256(folder / "manifest.json")


def test_a_task_without_rows_has_no_tokens(folder):
    write_shard(folder / "c.arrow", [], [])
    write_json({"version": 1, "tasks": [entry("c", 0, 0, 0)]}, folder / "manifest.json")
    assert row_tokens(read_corpus(folder), "c").tolist() == []


def test_a_shard_that_is_not_what_the_manifest_says_is_refused(folder):
    write_json({"version": 1, "tasks": [entry("a", 3, 0, 41)]}, folder / "manifest.json")
    with pytest.raises(ArtefactError) as caught:
        row_tokens(read_corpus(folder), "a")
    assert str(caught.value) == (
        f"{folder}/a.arrow: holds 3 rows and 40 tokens\n"
        "  expected: 3 rows and 41 tokens, as the manifest says\n"
        "  to do: delete the folder and run `dvc repro tokenize`"
    )


def test_a_missing_or_truncated_shard_is_named(folder):
    corpus = read_corpus(folder)
    content = (folder / "a.arrow").read_bytes()
    (folder / "a.arrow").write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtefactError, match="a.arrow: not a readable Arrow file"):
        row_tokens(corpus, "a")
    (folder / "a.arrow").unlink()
    with pytest.raises(ArtefactError, match="a.arrow: does not exist"):
        row_tokens(corpus, "a")


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        ("choices", None, "lacks the column 'choices'\\n  expected: the columns of view 'choice'"),
        ("context", pa.list_(pa.int32()), "column 'context' is of type list<item: int32>"),
        ("choices", IDS, "column 'choices' is of type large_list<item: int32>"),
    ],
)
def test_a_missing_column_or_one_of_another_type_is_named(folder, column, kind, message):
    corpus = read_corpus(folder)
    table = pa.table({"context": pa.array([[1]], IDS), "choices": pa.array([[[2]]],
                     pa.large_list(IDS))}).drop([column])  # fmt: skip
    if kind is not None:
        table = table.append_column(column, pa.array([[2]], kind))
    write_arrow(table, folder / "a.arrow")
    with pytest.raises(ArtefactError, match=message):
        row_tokens(corpus, "a")


@pytest.fixture
def text_folder(tmp_path):
    """Two rows of the text view: 3 and 1 input, 1 and 2 target tokens."""
    columns = {
        "input": pa.array([[1, 2, 3], [4]], IDS),
        "target": pa.array([[5], [6, 7]], IDS),
        "row": pa.array([0, 1], pa.uint32()),
    }
    write_arrow(pa.table(columns), tmp_path / "t.arrow")
    task = entry("t", 2, 0, 11) | {"supervised": 5, "prompts": [{"id": "plain"}], "draw": "all"}
    head = {"version": 1, "view": "text", "extras": 2, "supervised_extras": 1}
    write_json(head | {"tasks": [task]}, tmp_path / "manifest.json")
    return tmp_path


def test_in_the_text_view_a_row_is_one_sequence_of_which_the_target_is_supervised(text_folder):
    corpus = read_corpus(text_folder)
    assert corpus.view == "text"
    assert row_tokens(corpus, "t").tolist() == [6, 5]
    assert row_supervised(corpus, "t").tolist() == [2, 3]


def test_supervised_tokens_that_are_not_what_the_manifest_says_are_refused(text_folder):
    task = entry("t", 2, 0, 11) | {
        "supervised": 6,
        "prompts": [{"id": "x"}, {"id": "y"}],
        "draw": "one",
    }
    head = {"version": 1, "view": "text", "extras": 2, "supervised_extras": 1}
    write_json(head | {"tasks": [task]}, text_folder / "manifest.json")
    with pytest.raises(ArtefactError, match="holds 2 rows and 5 supervised tokens\n  expected: 2"):
        row_supervised(read_corpus(text_folder), "t")
    write_json(head | {"tasks": [entry("t", 2, 0, 11)]}, text_folder / "manifest.json")
    with pytest.raises(ArtefactError, match="lacks the key 'supervised'"):
        read_corpus(text_folder)


def test_the_choice_view_has_no_supervised_tokens(folder):
    with pytest.raises(ArtefactError, match="holds tokens of view 'choice'\n  expected: text"):
        row_supervised(read_corpus(folder), "a")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"version": 2, "tasks": []}, "version is 2"),
        ([], "version is None"),
        ({"version": 1}, "lacks the key 'tasks'"),
        ({"version": 1, "tasks": [{"task": "a", "rows": 3}]}, "lacks the key 'start'"),
        ({"version": 1, "tasks": [entry("a", 3, 1, 40)]}, "task 'a' starts at row 1"),
    ],
)
def test_a_foreign_manifest_is_refused(folder, manifest, message):
    write_json(manifest, folder / "manifest.json")
    with pytest.raises(ArtefactError, match=message):
        read_corpus(folder)
