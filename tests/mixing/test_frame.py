import polars as pl
import pytest

import pipeline
from pipeline.contract.files import write_arrow, write_json
from pipeline.contract.order import Draw
from pipeline.errors import ArtefactError
from pipeline.mixing.frame import COLUMNS, mixture_frame, preview
from pipeline.mixing.order import mixture_order
from pipeline.rendering.choice_view import RENDERED
from pipeline.tables import write_parquet

DRAWS = (
    Draw(task="a", start=0, rows=3, quota=7),
    Draw(task="b", start=3, rows=2, quota=1),
    Draw(task="c", start=5, rows=4, quota=0),
)


def write_rendered(path, task, rows):
    """Rows of two roles; the `select` ones must never show up in training order."""
    frame = pl.concat(
        pl.DataFrame({"row": range(count), "role": [role] * count})
        for role, count in (("select", 2), ("train", rows))
    )
    text = pl.format("{}/{}/{}", pl.lit(task), "role", "row")
    whole = frame.with_columns(
        example_id=text, context=pl.lit("c"), question=pl.lit(""), label=pl.lit(None, pl.Int32),
        labels=pl.lit(None, pl.List(pl.Int32)), target=pl.lit("x"), prefix=pl.lit(f"[task: {task}]"),
        choices=pl.concat_list(pl.lit("x"), pl.lit("y")), text=pl.concat_list(text, text),
    )  # fmt: skip
    write_parquet(whole, path, RENDERED)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data" / "toy"
    for draw in DRAWS:
        write_rendered(folder / "rendered" / f"{draw.task}.parquet", draw.task, draw.rows)
    order = mixture_order(DRAWS, seed=1)
    write_arrow(order, folder / "mixes" / "compass" / "order.arrow")
    tasks = [{"task": d.task, "start": d.start, "rows": d.rows, "quota": d.quota} for d in DRAWS]
    write_json({"tasks": tasks}, folder / "mixes" / "compass" / "manifest.json")
    return folder


def expected_ids():
    rows = mixture_order(DRAWS, seed=1).column("row").to_pylist()
    return [f"a/train/{row}" if row < 3 else f"b/train/{row - 3}" for row in rows]


def test_a_mixture_frame_holds_the_text_in_training_order(data):
    frame = mixture_frame(data, which="compass").collect()
    assert tuple(frame.columns) == COLUMNS
    assert frame["position"].to_list() == list(range(8))
    assert frame["example_id"].to_list() == expected_ids()
    assert frame["task"].to_list() == [name[0] for name in expected_ids()]
    assert frame["text"].to_list() == [[name, name] for name in expected_ids()]
    assert sorted(frame.filter(pl.col("task") == "a")["epoch"]) == [0, 0, 0, 1, 1, 1, 2]
    kinds = [frame.schema[name] for name in ("position", "epoch", "label", "choices")]
    assert kinds == [pl.UInt32, pl.UInt8, pl.Int32, pl.List(pl.String)]


def test_the_package_s_one_function_gives_the_same_frame(data):
    frame = pipeline.mixture_frame("toy", root=data.parent.parent)
    assert isinstance(frame, pl.LazyFrame)
    assert frame.select("example_id").head(3).collect().to_series().to_list() == expected_ids()[:3]


def test_text_is_read_when_the_frame_is_collected(data):
    frame = mixture_frame(data, which="compass")
    write_rendered(data / "rendered" / "a.parquet", "late", 3)
    ids = frame.collect()["example_id"].to_list()
    assert ids == [
        name.replace("a/", "late/") if name[0] == "a" else name for name in expected_ids()
    ]


def test_a_preview_reads_only_the_tasks_that_occur_in_it(data):
    order = pl.DataFrame({"row": [4, 3], "epoch": [0, 0]}, {"row": pl.UInt32, "epoch": pl.UInt8})
    (data / "rendered" / "a.parquet").unlink()
    frame = preview(order, DRAWS, data / "rendered", rows=5)
    assert frame["example_id"].to_list() == ["b/train/1", "b/train/0"]


def test_a_preview_refuses_rows_without_text(data):
    order = pl.DataFrame({"row": [6], "epoch": [0]}, {"row": pl.UInt32, "epoch": pl.UInt8})
    draws = [Draw(task="c", start=0, rows=9, quota=1)]
    with pytest.raises(ArtefactError, match="has no text for 1 of the first 1 rows of the order"):
        preview(order, draws, data / "rendered", rows=5)


def test_a_missing_pass_order_or_text_is_named(data):
    with pytest.raises(
        ArtefactError, match="no training named 'compas'\n  to do: did you mean 'compass'"
    ):
        mixture_frame(data, which="compas")
    (data / "rendered" / "b.parquet").unlink()
    with pytest.raises(ArtefactError, match="rendered/b.parquet: does not exist"):
        mixture_frame(data, which="compass")
    (data / "mixes" / "compass" / "order.arrow").unlink()
    with pytest.raises(ArtefactError, match="order.arrow: does not exist"):
        mixture_frame(data, which="compass")
