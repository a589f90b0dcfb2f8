"""Every row of the order, in its order, in every format; restartable to the same bytes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.files import sha256, write_arrow
from pipeline.contract.order import ORDER
from pipeline.errors import ArtefactError
from pipeline.export import run, text_store
from pipeline.export.run import export
from pipeline.rendering.text_view import RENDERED as TEXT_RENDERED
from pipeline.tables import write_parquet
from tests.export.conftest import expected_rows, make_request, rendered_rows


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def quiet(_: int) -> None:
    """Tell no one."""


def test_parquet_holds_the_order_and_the_text(request_, tmp_path):
    result = export(request_, tmp_path / "out", advance=quiet)
    assert (result.rows, result.without_target, result.shards, result.written) == (23, 0, 3, 3)
    files = sorted((tmp_path / "out/data").iterdir())
    assert [f.name for f in files] == [f"train-0000{i}-of-00003.parquet" for i in range(3)]
    assert [pl.read_parquet(f).height for f in files] == [10, 10, 3]
    frame = pl.concat([pl.read_parquet(f) for f in files])
    assert frame["position"].to_list() == list(range(23))
    assert frame.select("task", "row", "epoch").rows() == expected_rows(request_)
    for task, own, *_ in expected_rows(request_)[:5]:
        source = rendered_rows(task, 9).filter(role="train", row=own).row(0, named=True)
        mine = frame.filter(task=task, row=own).row(0, named=True)
        for column in ("example_id", "prefix", "context", "question", "choices", "label", "labels",
                       "target"):  # fmt: skip
            assert mine[column] == source[column]


def test_jsonl_leaves_out_rows_without_a_target_and_counts_them(request_, tmp_path):
    request = replace(request_, format="jsonl")
    hidden = sum(own == 1 for _, own, _ in expected_rows(request))
    result = export(request, tmp_path / "out", advance=quiet)
    assert hidden > 0
    assert (result.rows, result.without_target) == (23 - hidden, hidden)
    lines = [
        json.loads(line)
        for file in sorted((tmp_path / "out/data").iterdir())
        for line in file.read_text().splitlines()
    ]
    assert len(lines) == 23 - hidden
    task, own, _ = next(row for row in expected_rows(request) if row[1] != 1)
    question = "which _ ?\n" if own % 2 else ""
    context = f"the {task} no. {own}\n" if own % 3 else ""
    assert lines[0] == {
        "prompt": f"{context}{question}Options: red | green\nAnswer:\n",
        "completion": "red, green" if task == "plums" else "red",
    }
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert (manifest["rows"], manifest["without_target"]) == (23 - hidden, hidden)


def test_a_mixture_of_the_text_view_keeps_its_own_inputs(request_, tmp_path):
    rendered = tmp_path / "text"
    for draw in request_.draws:
        rows = rendered_rows(draw.task, draw.rows).drop("labels")
        rows = rows.with_columns(
            label=pl.lit(None, pl.Int32),
            prompt=pl.lit("plain"),
            input=pl.concat_str(pl.lit("say "), "example_id"),
        )
        write_parquet(rows, rendered / f"{draw.task}.parquet", TEXT_RENDERED)
    request = replace(request_, view="text", rendered=rendered)
    export(request, tmp_path / "out", advance=quiet)
    first = pl.read_parquet(tmp_path / "out/data/train-00000-of-00003.parquet")
    assert first.columns[-2:] == ["prompt", "input"]
    assert "labels" not in first.columns
    assert first["input"].to_list() == [f"say {i}" for i in first["example_id"]]
    export(replace(request, format="jsonl"), tmp_path / "lines", advance=quiet)
    line = (tmp_path / "lines/data/train-00000-of-00003.jsonl").read_text().splitlines()[0]
    assert json.loads(line)["prompt"].startswith("say ")


def test_the_manifest_names_every_file_its_hash_and_the_licences(request_, tmp_path):
    export(request_, tmp_path / "out", advance=quiet)
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert {s["file"]: s["sha256"] for s in manifest["shards"]} == {
        name: digest for name, digest in bytes_of(tmp_path / "out").items() if "data/" in name
    }
    assert manifest["order"] == {"algorithm": "shuffled-2", "sha256": request_.order_sha256}
    assert [(t["task"], t["licence"], t["quota"]) for t in manifest["tasks"]] == [
        ("apples", "CC0-1.0", 7), ("pears", "CC0-1.0", 5), ("plums", "CC0-1.0", 3),
    ]  # fmt: skip
    assert not (tmp_path / "out/.export").exists()


@pytest.mark.parametrize("kind", ["parquet", "datasets", "jsonl"])
def test_a_run_that_ends_early_goes_on_to_the_same_bytes(request_, tmp_path, kind):
    request = replace(request_, format=kind)
    export(request, tmp_path / "whole", advance=quiet)

    def stop(rows: int) -> None:
        seen.append(rows)
        if len(seen) == 2:
            raise KeyboardInterrupt

    for _ in range(2):
        seen: list[int] = []
        with pytest.raises(KeyboardInterrupt):
            export(request, tmp_path / "out", advance=stop)
    assert not (tmp_path / "out/manifest.json").exists()
    told: list[int] = []
    result = export(request, tmp_path / "out", advance=told.append)
    assert (result.shards, result.written) == (3, 1)
    assert told == [20, 3]
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_a_finished_export_is_checked_and_what_is_damaged_written_again(request_, tmp_path):
    out = tmp_path / "out"
    export(request_, out, advance=quiet)
    before = bytes_of(out)
    assert export(request_, out, advance=quiet).written == 0
    shard = out / "data/train-00001-of-00003.parquet"
    shard.write_bytes(shard.read_bytes()[:-9] + b"something")
    (out / "data/train-00002-of-00003.parquet").unlink()
    assert export(request_, out, advance=quiet).written == 2
    assert bytes_of(out) == before


def test_the_text_of_all_batches_is_found(request_, tmp_path, monkeypatch):
    """Rows that lie in many record batches come back in the order asked for."""
    export(request_, tmp_path / "whole", advance=quiet)
    monkeypatch.setattr(text_store, "BATCH_ROWS", 2)
    export(request_, tmp_path / "pieces", advance=quiet)
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "pieces")


def test_rows_are_held_a_part_at_a_time(request_, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PART_ROWS", 4)
    export(request_, tmp_path / "out", advance=quiet)
    frame = pl.read_parquet(tmp_path / "out/data/*.parquet")
    assert frame.select("task", "row", "epoch").rows() == expected_rows(request_)


@settings(deadline=None, max_examples=15)
@given(shard_rows=st.integers(1, 40), batch=st.integers(1, 9), positions=st.integers(1, 30))
def test_any_cut_gives_the_same_rows(tmp_path_factory, shard_rows, batch, positions):
    root = tmp_path_factory.mktemp("cut")
    request = make_request(root, positions=positions, shard_rows=shard_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_store, "BATCH_ROWS", batch)
        result = export(request, root / "out", advance=quiet)
    assert result.shards == -(-positions // shard_rows)
    frame = pl.read_parquet(root / "out/data/*.parquet")
    assert frame.select("task", "row", "epoch").rows() == expected_rows(request)


def test_an_order_that_is_not_its_manifest_s_is_refused(request_, tmp_path):
    with pytest.raises(ArtefactError, match=r"order.arrow: is not the order that its manifest"):
        export(replace(request_, order_sha256="0" * 64), tmp_path / "out", advance=quiet)


def test_a_row_of_no_task_is_refused(request_, tmp_path):
    foreign = pa.table(
        [pa.array(np.array([3, 15], np.uint32)), pa.array(np.zeros(2, np.uint8))], schema=ORDER
    )
    write_arrow(foreign, request_.order)
    request = replace(request_, positions=2, order_sha256=sha256(request_.order))
    with pytest.raises(ArtefactError, match="holds a row of no task of the mixture"):
        export(request, tmp_path / "out", advance=quiet)


def test_text_of_other_rows_than_the_order_counts_is_refused(request_, tmp_path):
    path = request_.rendered / "pears.parquet"
    pl.read_parquet(path).head(5).write_parquet(path)
    with pytest.raises(ArtefactError) as caught:
        export(request_, tmp_path / "out", advance=quiet)
    assert str(caught.value) == (
        f"{path}: holds 3 train rows\n"
        "  expected: 5, which the order was made for\n"
        "  to do: run `dvc repro`, which mixes again"
    )


def test_text_that_lacks_a_column_or_is_out_of_sequence_is_refused(request_, tmp_path):
    path = request_.rendered / "pears.parquet"
    good = pl.read_parquet(path)
    good.drop("target").write_parquet(path)
    with pytest.raises(
        ArtefactError, match=r"pears.parquet: not readable as rendered text: .*target"
    ):
        export(request_, tmp_path / "out", advance=quiet)
    good.reverse().write_parquet(path)
    with pytest.raises(ArtefactError, match="pears.parquet: its train rows are not numbered"):
        export(request_, tmp_path / "out", advance=quiet)
