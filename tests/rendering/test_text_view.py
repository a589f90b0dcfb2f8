import polars as pl
import pytest

from pipeline.errors import MixtureError
from pipeline.rendering.text_view import PROMPTED, RENDERED, plain, rendered, text_view
from pipeline.tables import to_arrow


def examples(**columns):
    rows = max(len(value) for value in columns.values())
    base = {
        "example_id": [f"t/train/{i}" for i in range(rows)],
        "context": [""] * rows,
        "question": [""] * rows,
        "choices": [[]] * rows,
        "label": [None] * rows,
        "target": [None] * rows,
        "labels": [None] * rows,
        "prefix": ["[task: t]"] * rows,
    }
    kinds = {
        "choices": pl.List(pl.String), "label": pl.Int32, "target": pl.String,
        "labels": pl.List(pl.Int32),
    }  # fmt: skip
    return pl.DataFrame(base | columns, schema_overrides=kinds)


def test_the_built_in_format_has_a_line_for_each_part():
    rows = plain(
        examples(
            context=["Rain fell.", "", "Rome lies in Italy."],
            question=["Was it wet?", "2 + 2 = _", ""],
            choices=[["yes", "no"], ["3", "4"], []],
            label=[0, None, None],
            target=["yes", None, "Italy"],
        )
    )
    assert rows.schema == pl.Schema(PROMPTED)
    assert rows["input"].to_list() == [
        "Rain fell.\nWas it wet?\nOptions: yes | no\nAnswer:\n",
        "2 + 2 = _\nOptions: 3 | 4\nAnswer:\n",
        "Rome lies in Italy.\nAnswer:\n",
    ]
    assert rows["target"].to_list() == ["yes", None, "Italy"]
    assert rows["options"].to_list() == [["yes", "no"], ["3", "4"], []]
    assert rows["label"].to_list() == [0, None, None]
    assert rows["prompt"].to_list() == ["plain"] * 3


def test_rows_of_several_golds_are_free_text():
    rows = plain(examples(choices=[["a", "b", "c"]], labels=[[0, 2]], target=["a, c"]))
    assert rows["input"].to_list() == ["Options: a | b | c\nAnswer:\n"]
    assert rows.select("target", "options", "label").row(0) == ("a, c", [], None)


def test_another_format_may_give_an_example_several_rows():
    def twice(frame):
        rows = plain(frame)
        return pl.concat([rows, rows.with_columns(prompt=pl.lit("other"))]).sort("row")

    frame = examples(question=["one", "two"], target=["1", "2"])
    view = text_view(frame, twice, where="x")
    assert view["row"].to_list() == [0, 0, 1, 1]
    assert view["example_id"].to_list() == ["t/train/0"] * 2 + ["t/train/1"] * 2
    table = to_arrow(rendered(view, role="train"), RENDERED)
    assert table.column("row").to_pylist() == [0, 1, 2, 3]
    assert table.column("text")[2].as_py() == ["[task: t] two\nAnswer:\n2"]


def test_a_label_outside_the_options_is_refused():
    def wrong(frame):
        return plain(frame).with_columns(label=pl.lit(2, pl.Int32))

    frame = examples(choices=[["a", "b"]], label=[0], target=["a"])
    with pytest.raises(
        MixtureError, match="prompt 'plain' gives row 0 a label outside its options"
    ):
        text_view(frame, wrong, where="somewhere")
