import pytest

from pipeline.config.source import FilesSource
from pipeline.errors import SourceError
from pipeline.sources.assemble import read_table


@pytest.fixture
def read(tmp_path):
    """Read files, given by name, as one split."""

    def build(files, split, **options):
        for name, text in files.items():
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        table = FilesSource(kind="files", folder="x", **options)
        return read_table(
            table,
            split,
            lambda name: sorted(tmp_path.glob(name)),
            records=table.records,
            where="t/train",
        )

    return build


def test_files_of_two_formats_follow_one_another(read):
    files = {"a.jsonl": '{"t":"x","l":1}\n', "b.csv": "t,l\ny,2\n"}
    records = read(files, ("a.jsonl", "b.csv"))
    assert records.frame.rows() == [("x", "1", 0), ("y", "2", 1)]


def test_numbers_run_on_over_the_rejects_of_several_files(read):
    files = {"p1.csv": "a,b\n1,2\n3\n", "p2.csv": "a,b\n4\n5,6\n"}
    records = read(files, "p*.csv")
    assert records.frame.rows() == [("1", "2", 0), ("5", "6", 3)]
    assert records.rejects["row"].to_list() == [1, 2]


def test_a_column_that_one_file_lacks_is_null_there(read):
    files = {"a.jsonl": '{"t":"x"}\n', "b.jsonl": '{"l":true}\n'}
    assert read(files, ("a.jsonl", "b.jsonl")).frame.to_dicts() == [
        {"t": "x", "l": None, "__row__": 0},
        {"t": None, "l": True, "__row__": 1},
    ]


def test_booleans_beside_numbers_stay_what_they_are(read):
    files = {"a.jsonl": '{"l":true}\n', "b.jsonl": '{"l":3}\n'}
    assert read(files, ("a.jsonl", "b.jsonl")).frame["l"].to_list() == ["true", "3"]


def test_lists_beside_texts_are_an_error(read):
    files = {"a.jsonl": '{"l":["x"]}\n', "b.jsonl": '{"l":"x"}\n'}
    with pytest.raises(SourceError, match="has types that do not go together"):
        read(files, ("a.jsonl", "b.jsonl"))


def test_files_of_lines_side_by_side_are_columns(read):
    files = {"t.txt": "one\n\nthree\n", "l.txt": "a\nb\nc\n"}
    records = read(files, {"text": "t.txt", "label": "l.txt"})
    assert records.frame.to_dicts() == [
        {"text": "one", "label": "a", "__row__": 0},
        {"text": "", "label": "b", "__row__": 1},
        {"text": "three", "label": "c", "__row__": 2},
    ]


def test_a_row_is_rejected_where_either_file_has_no_text(read):
    files = {"t.txt": b"one\n\xff\nthree\n", "l.txt": "a\nb\nc\n"}
    records = read(files, {"text": "t.txt", "label": "l.txt"})
    assert records.frame["label"].to_list() == ["a", "c"]
    assert [row[:2] for row in records.rejects.rows()] == [(1, "bad_encoding")]


def test_files_of_other_lengths_do_not_go_row_by_row(read):
    files = {"t.txt": "one\ntwo\n", "l.txt": "a\n"}
    with pytest.raises(SourceError) as error:
        read(files, {"text": "t.txt", "label": "l.txt"})
    assert str(error.value).startswith(
        "t/train: the files that belong row to row differ in length: text 2, label 1 records"
    )


def test_columns_of_tables_lie_below_their_alias(read):
    files = {"d.tsv": "S1\tq1\tq2\nS2\tq3\tq4\n", "a.ans": "A\tB\nC\tD\n"}
    records = read(
        files,
        {"story": "d.tsv", "gold": "a.ans"},
        format="tsv",
        quote=False,
        columns={"story": ("text", "one", "two"), "gold": ("g1", "g2")},
        stack={"question": ("story.one", "story.two"), "gold": ("gold.g1", "gold.g2")},
    )
    assert records.frame.select("question", "gold", "__row__").rows() == [
        ("q1", "A", 0),
        ("q2", "B", 1),
        ("q3", "C", 2),
        ("q4", "D", 3),
    ]
    assert records.frame["story"].struct.field("text").to_list() == ["S1", "S1", "S2", "S2"]


def join(read, data, gold, **options):
    return read(
        {"d.csv": data, "g.csv": gold}, {"data": "d.csv", "gold": "g.csv"}, key="id",
        columns={"gold": ("id", "label")}, **options,
    )  # fmt: skip


def test_files_are_joined_by_their_key_in_the_order_of_the_first(read):
    records = join(read, "id,t\n2,x\n1,y\n", "1,a\n2,b\n3,c\n")
    assert records.frame.to_dicts() == [
        {"data": {"id": "2", "t": "x"}, "gold": {"id": "2", "label": "b"}, "__row__": 0},
        {"data": {"id": "1", "t": "y"}, "gold": {"id": "1", "label": "a"}, "__row__": 1},
    ]


def test_a_record_without_partner_is_a_reject(read):
    records = join(read, "id,t\n1,x\n2\n7,y\n8,z\n", "1,a\n8,b\n")
    assert records.frame["__row__"].to_list() == [0, 3]
    assert [row[:2] for row in records.rejects.rows()] == [(1, "wrong_fields"), (2, "no_partner")]
    assert records.rejects["detail"][1] == "id 7 is not in 'gold'"


def test_numbers_and_texts_are_the_same_key(read):
    files = {"d.jsonl": '{"id":1,"t":"x"}\n', "g.csv": "id,l\n1,a\n"}
    records = read(files, {"d": "d.jsonl", "g": "g.csv"}, key="id")
    assert records.frame["g"].struct.field("l").to_list() == ["a"]


@pytest.mark.parametrize(
    ("data", "gold", "message"),
    [
        ("id,t\n1,x\n", "1,a\n1,b\n", "key: id 1 occurs several times in 'gold'"),
        ("id,t\n1,x\n", "2,a\n", "key: no id of the first file is in 'gold'"),
        ("idx,t\n1,x\n", "1,a\n", "data: key: no column named 'id'\n  to do: did you mean 'idx'?"),
    ],
)
def test_a_key_that_does_not_join_is_an_error(read, data, gold, message):
    with pytest.raises(SourceError) as error:
        join(read, data, gold)
    assert message in str(error.value)


def test_columns_by_alias_belong_to_files_with_aliases(read):
    with pytest.raises(SourceError, match="columns: are given by alias, but the files have none"):
        read({"a.csv": "1\n"}, "a.csv", columns={"a": ("x",)})
    with pytest.raises(SourceError, match="columns: no alias named 'dat'"):
        read({"a.csv": "1\n"}, {"data": "a.csv"}, columns={"dat": ("x",)})
