import pytest

from pipeline.errors import SourceError
from pipeline.sources.text_lines import read_lines


def test_blank_lines_of_a_text_file_are_records():
    records = read_lines(b"a\n\nb\n", separator=None, columns=None, where="f")
    assert records.frame.rows() == [("a", 0), ("", 1), ("b", 2)]
    assert records.frame.columns == ["text", "__row__"]


def test_a_line_is_cut_once_per_column_from_the_left():
    records = read_lines(b"0 how did it\nNUM\n1  x\n", separator=" ", columns=("l", "t"), where="f")
    assert records.frame.rows() == [("0", "how did it", 0), ("1", " x", 2)]
    assert records.rejects.rows() == [(1, "wrong_fields", "1 fields instead of 2: NUM")]


def test_a_line_that_is_no_text_is_a_reject():
    records = read_lines(b"a\n\xff\nb\n", separator=None, columns=("x",), where="f")
    assert records.frame.rows() == [("a", 0), ("b", 2)]
    assert records.rejects["reason"].to_list() == ["bad_encoding"]


@pytest.mark.parametrize(("separator", "columns"), [(None, ("a", "b")), (" ", None), (" ", ("a",))])
def test_separator_and_columns_of_lines_belong_together(separator, columns):
    with pytest.raises(SourceError, match="`separator` and two or more `columns`, or neither"):
        read_lines(b"a b\n", separator=separator, columns=columns, where="f")
