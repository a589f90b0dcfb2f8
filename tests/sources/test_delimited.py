import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.sources.delimited import read_delimited
from pipeline.sources.quoting import Dialect


def read(data, *, separator=",", quote=None, columns=None, escape=None):
    dialect = Dialect(separator, quote, escape)
    return read_delimited(data, dialect, columns=columns, where="t.csv")


def rows(records):
    return records.frame.drop("__row__").rows()


@pytest.mark.parametrize("quote", [True, False])
def test_values_stay_the_strings_that_they_are(quote):
    records = read(b"id,label\n01,1.0\nNA,null\n,true\n", quote=quote)
    assert rows(records) == [("01", "1.0"), ("NA", "null"), ("", "true")]


@pytest.mark.parametrize("quote", [True, False])
def test_a_line_with_the_wrong_number_of_fields_is_a_reject_with_its_number(quote):
    records = read(b"a,b\n1,2\n3\n\n4,5,6\n7,8\n", quote=quote)
    assert records.frame.rows() == [("1", "2", 0), ("7", "8", 3)]
    assert records.rejects.rows() == [
        (1, "wrong_fields", "1 fields instead of 2: 3"),
        (2, "wrong_fields", "3 fields instead of 2: 4,5,6"),
    ]


@pytest.mark.parametrize("quote", [True, False])
def test_numbers_count_from_the_first_line_where_there_is_no_header(quote):
    records = read(b"1,2\n3\n7,8\n", quote=quote, columns=("a", "b"))
    assert records.frame.rows() == [("1", "2", 0), ("7", "8", 2)]
    assert records.rejects["row"].to_list() == [1]


@pytest.mark.parametrize("quote", [True, False])
def test_bytes_that_are_no_text_reject_their_record(quote):
    records = read(b"a,b\n1,2\n3,\xff\n5\n7,8\n", quote=quote)
    assert records.frame["__row__"].to_list() == [0, 3]
    assert [row[:2] for row in records.rejects.rows()] == [(1, "bad_encoding"), (2, "wrong_fields")]


def test_a_line_that_is_neither_text_nor_complete_keeps_its_number():
    records = read(b'a,b\n1,2\n\xff\n"3",4\n')
    assert records.frame["__row__"].to_list() == [0, 2]
    assert [row[:2] for row in records.rejects.rows()] == [(1, "wrong_fields")]


@given(st.binary(max_size=40), st.booleans())
def test_whatever_the_bytes_every_number_occurs_once(noise, quote):
    try:
        records = read(b"a,b\n1,2\n" + noise + b"\n3,4\n", quote=quote)
    except SourceError:
        return
    numbers = records.frame["__row__"].to_list() + records.rejects["row"].to_list()
    assert sorted(numbers) == list(range(records.height))


def test_quoted_fields_hold_separators_quotes_and_line_feeds():
    records = read(b'a,b\n1,"x, ""y""\nz"\n2,w\n')
    assert records.frame.rows() == [("1", 'x, "y"\nz', 0), ("2", "w", 1)]


def test_without_quoting_a_quote_is_a_character():
    records = read(b'a\tb\n1\t"x\n2\ty" z\n', separator="\t", quote=False)
    assert rows(records) == [("1", '"x'), ("2", 'y" z')]


def test_without_quoting_a_carriage_return_inside_a_line_is_a_character():
    assert rows(read(b"a,b\r\n1,x\ry\r\n", quote=False)) == [("1", "x\ry")]


@pytest.mark.parametrize(
    ("data", "line"),
    [(b'a,b\n1,"x\n2,y\n', 2), (b'a,b\n1,2\n"x,5\n7,8\n', 3), (b'a\n"x\ny\n', 2)],
)
def test_a_card_cannot_make_a_stray_quote_swallow_lines(data, line):
    with pytest.raises(SourceError) as error:
        read(data, quote=True)
    assert error.value.what == (
        f"a quote is opened in line {line} and not closed in its field, so it would swallow what follows"
    )
    assert error.value.remedy.startswith("set `quote: false` on the card if quotes are text here")
    assert len(read(data).frame) == data.count(b"\n") - 1


def test_a_single_column_is_a_table_too():
    assert rows(read(b"a\nx\n\ny\n")) == [("x",), ("y",)]


def test_a_last_line_without_end_counts():
    assert rows(read(b"a,b\n1,2")) == [("1", "2")]


def test_names_that_repeat_or_are_missing_become_unique():
    assert read(b"a,,a,\n1,2,3,4\n").frame.columns == ["a", "1", "a_2", "3", "__row__"]


@pytest.mark.parametrize("quote", [True, False])
def test_columns_that_the_first_line_repeats_are_refused(quote):
    with pytest.raises(SourceError, match="the file has a header"):
        read(b"a,b\n1,2\n", columns=("a", "b"), quote=quote)


def test_a_separator_of_two_characters_needs_quoting_off():
    assert rows(read(b"a||b\n1||2\n", separator="||", quote=False)) == [("1", "2")]
    with pytest.raises(SourceError, match=r"separator '\|\|' is not one character, but"):
        read(b'a||b\n"1"||"2"\n', separator="||", quote=True)


@pytest.mark.parametrize("quote", [True, False])
def test_a_file_whose_every_line_has_other_fields_is_an_error(quote):
    with pytest.raises(
        SourceError, match="none of the 2 records can be read; record 0: wrong_fiel"
    ):
        read(b"1,2\n3,4\n", columns=("a", "b", "c"), quote=quote)


@pytest.mark.parametrize("quote", [True, False])
def test_blank_lines_alone_are_no_table(quote):
    with pytest.raises(SourceError, match="the file has no lines"):
        read(b"\n \n", quote=quote)


def test_a_field_longer_than_a_parser_block_is_read():
    long = b"x" * (3 << 20)
    assert read(b"a,b\n1," + long + b"\n").frame["b"][0] == long.decode()


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1f"), max_size=6)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8))
def test_what_a_csv_writer_wrote_is_read_back(table):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [("p", "q", "r"), *table]
    )
    assert rows(read(text.getvalue().encode())) == table


plain = st.text(st.characters(codec="utf-8", exclude_characters="\n\t\r"), min_size=1, max_size=6)


@given(st.lists(st.tuples(plain, plain), min_size=1, max_size=8))
def test_lines_cut_at_tabs_are_read_back(table):
    data = "".join(f"{a}\tx{b}\n" for a, b in table).encode()
    records = read(data, separator="\t", quote=False, columns=("a", "b"))
    assert rows(records) == [(a, f"x{b}") for a, b in table]
