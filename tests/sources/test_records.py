import polars as pl
import pytest

from pipeline.errors import SourceError
from pipeline.sources.records import (
    REJECTS,
    Records,
    beside,
    numbered,
    reject_where,
    unwoven,
    woven,
)


def test_records_are_numbered_from_zero_in_their_order():
    records = numbered(pl.DataFrame({"a": ["x", "y"]}), where="f")
    assert records.frame.rows() == [("x", 0), ("y", 1)]
    assert records.frame.schema["__row__"] == pl.Int64
    assert records.rejects.schema == REJECTS
    assert records.height == 2


def test_a_reject_keeps_its_number_and_the_others_theirs():
    frame = pl.DataFrame({"a": ["x", "z"]})
    records = numbered(frame, [(1, "bad_json", "{")], where="f", numbers=[0, 2])
    assert records.frame["__row__"].to_list() == [0, 2]
    assert records.rejects.rows() == [(1, "bad_json", "{")]
    assert records.height == 3


def test_the_detail_of_a_reject_is_shortened():
    records = numbered(pl.DataFrame({"a": [1]}), [(1, "r", "x" * 500)], where="f", numbers=[0])
    assert records.rejects["detail"][0] == "x" * 117 + "..."


def test_a_file_of_rejects_alone_is_an_error():
    with pytest.raises(SourceError) as error:
        numbered(pl.DataFrame({"a": []}), [(0, "wrong_fields", "1 fields")], where="t.csv")
    assert "t.csv: none of the 1 records can be read; record 0: wrong_fields, 1 fields" in str(
        error.value
    )


@pytest.mark.parametrize("name", ["__row__", "__reason__"])
def test_a_reserved_column_name_is_refused(name):
    with pytest.raises(SourceError, match=f"column '{name}' has a name that is reserved"):
        numbered(pl.DataFrame({name: [1]}), where="f")


def test_weaving_and_unweaving_returns_the_same_records():
    records = numbered(pl.DataFrame({"a": ["x", "z"]}), [(1, "r", "d")], where="f", numbers=[0, 2])
    whole = woven(records)
    assert whole["a"].to_list() == ["x", None, "z"]
    again = unwoven(whole)
    assert again.frame.equals(records.frame)
    assert again.rejects.equals(records.rejects)


def test_a_first_reason_stays_when_a_second_one_applies():
    records = numbered(pl.DataFrame({"a": [1, 2]}), [(1, "r", "d")], where="f", numbers=[0, 2])
    marked = reject_where(woven(records), pl.lit(True), "later", pl.lit("why"))
    result = unwoven(marked)
    assert result.rejects.rows() == [(0, "later", "why"), (1, "r", "d"), (2, "later", "why")]


def test_a_row_beside_a_reject_is_one():
    left = numbered(pl.DataFrame({"a": ["x", "y"]}), where="f")
    right = numbered(pl.DataFrame({"b": ["u"]}), [(0, "r", "d")], where="f", numbers=[1])
    result = unwoven(beside([woven(left), woven(right)]))
    assert result.frame.rows() == [("y", "u", 1)]
    assert result.rejects.rows() == [(0, "r", "d")]
    assert isinstance(result, Records)
