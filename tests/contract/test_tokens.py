import numpy as np
import pyarrow as pa
import pytest
from token_folders import choice_row, text_row, write_choice, write_text

from pipeline.contract.choice import CHOICE_SHARD
from pipeline.contract.files import REMEDY, read_json, sha256, write_arrow, write_json
from pipeline.contract.rows import IDS
from pipeline.contract.tokens import read_tokens
from pipeline.errors import ArtefactError

A = [
    choice_row([5, 5, 5], [[1], [1, 2]], label=1),
    choice_row([], [[1], [], [1, 2, 3]], row=1),
    choice_row([7], [[9, 9]], row=2),
]
B = [choice_row([1], [[2], [3]])]


@pytest.fixture
def folder(tmp_path):
    """Two tasks: three rows of 2, 3 and 1 choices; and one row."""
    write_choice(tmp_path, {"a": A, "b": B})
    return tmp_path


def change(folder, **values):
    """Replace values of the first task's entry."""
    manifest = read_json(folder / "manifest.json")
    manifest["tasks"][0] |= values
    write_json(manifest, folder / "manifest.json")


def test_a_row_s_tokens_are_those_of_the_sequences_of_all_its_choices(folder):
    corpus = read_tokens(folder)
    # [CLS] prefix context [SEP] choice [SEP] is 4 tokens more than context and choice:
    # 2 * (4 + 3) + 1 + 2 = 17; 3 * (4 + 0) + 1 + 0 + 3 = 16; 1 * (4 + 1) + 2 = 7
    assert corpus.row_tokens("a").tolist() == [17, 16, 7]
    assert corpus.row_tokens("a").dtype == np.int64
    assert corpus.row_tokens("b").tolist() == [12]


def test_the_corpus_tells_sizes_starts_and_its_own_hash(folder):
    corpus = read_tokens(folder)
    assert corpus.sizes == {"a": 3, "b": 1}
    assert corpus.tasks["b"].start == 3
    assert corpus.sha256 == sha256(folder / "manifest.json")


def test_a_task_without_rows_has_no_tokens(tmp_path):
    write_choice(tmp_path, {"c": []})
    assert read_tokens(tmp_path).row_tokens("c").tolist() == []


def test_a_shard_that_is_not_what_the_manifest_says_is_refused(folder):
    change(folder, tokens=41)
    with pytest.raises(ArtefactError) as caught:
        read_tokens(folder).row_tokens("a")
    assert str(caught.value) == (
        f"{folder}/a.arrow: holds 40 tokens\n  expected: 41, as the manifest says\n  to do: {REMEDY}"
    )


def test_a_missing_or_truncated_shard_is_named(folder):
    corpus = read_tokens(folder)
    content = (folder / "a.arrow").read_bytes()
    (folder / "a.arrow").write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtefactError, match="a.arrow: not a readable Arrow file"):
        corpus.row_tokens("a")
    (folder / "a.arrow").unlink()
    with pytest.raises(ArtefactError, match="a.arrow: does not exist"):
        corpus.row_tokens("a")


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        ("choices", None, "column 'choices' is missing"),
        ("context", pa.list_(pa.int32()), "column 'context' is list<item: int32>"),
        ("choices", IDS, "column 'choices' is large_list<item: int32 not null>"),
    ],
)
def test_a_missing_column_or_one_of_another_type_is_named(folder, column, kind, message):
    table = pa.Table.from_pylist(A, CHOICE_SHARD).drop([column])
    if kind is not None:
        table = table.append_column(column, pa.array([[2]] * 3, kind))
    write_arrow(table, folder / "a.arrow")
    with pytest.raises(ArtefactError, match=message):
        read_tokens(folder).row_tokens("a")


@pytest.fixture
def text_folder(tmp_path):
    """Two rows of the text view: 3 and 1 input, 1 and 2 target tokens."""
    write_text(tmp_path, {"t": [text_row([1, 2, 3], [5]), text_row([4], [6, 7], row=1)]})
    return tmp_path


def test_in_the_text_view_a_row_is_one_sequence_of_which_the_target_is_supervised(text_folder):
    tokens = read_tokens(text_folder)
    assert tokens.manifest.view == "text"
    assert tokens.row_tokens("t").tolist() == [6, 5]
    assert tokens.row_supervised("t").tolist() == [2, 3]


def test_supervised_tokens_that_are_not_what_the_manifest_says_are_refused(text_folder):
    change(text_folder, supervised=6)
    with pytest.raises(ArtefactError, match="holds 5 supervised tokens\n  expected: 6, as the man"):
        read_tokens(text_folder).row_supervised("t")


def test_the_choice_view_has_no_supervised_tokens(folder):
    with pytest.raises(
        ArtefactError, match="holds tokens of the view 'choice'\n  expected: a view"
    ):
        read_tokens(folder).row_supervised("a")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"version": 2, "tasks": []}, "version: is 2"),
        ([], "version: is None"),
        ({"version": 1, "view": "chat"}, "holds tokens of the view 'chat'\n  expected: 'choice'"),
        ({"version": 1, "view": "text"}, "role: is missing"),
    ],
)
def test_a_foreign_manifest_is_refused(folder, manifest, message):
    write_json(manifest, folder / "manifest.json")
    with pytest.raises(ArtefactError, match=message):
        read_tokens(folder)


def test_a_start_that_is_not_the_rows_before_it_is_refused(folder):
    change(folder, start=1)
    with pytest.raises(ArtefactError, match="task 'a' starts at row 1\n  expected: 0, the rows"):
        read_tokens(folder)
