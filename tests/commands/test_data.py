"""Normalising in a pool: what is stale, what fails, what is recorded."""

from pathlib import Path

import pytest

from pipeline.commands import data
from pipeline.errors import ArtefactError, DataError, SourceError
from pipeline.layout import Layout
from pipeline.stages import resolve
from tests.conftest import write_task


def test_a_task_is_stale_until_its_source_file_is_the_one_it_was_made_from(project: Path):
    layout = Layout("toy")
    resolve.main(["toy"])
    assert not data.is_current(layout, "apples")
    data.normalize_all("toy", ["apples"], jobs=1)
    assert data.is_current(layout, "apples")
    write_task(project, "apples", rows=130)
    resolve.main(["toy"])
    assert not data.is_current(layout, "apples")


def test_a_pool_writes_what_one_process_writes(project: Path):
    resolve.main(["toy"])
    data.normalize_all("toy", ["apples", "pears"], jobs=2)
    first = (project / "data/toy/examples/pears/train.parquet").read_bytes()
    data.normalize_all("toy", ["pears"], jobs=1)
    assert (project / "data/toy/examples/pears/train.parquet").read_bytes() == first


def test_all_failures_are_named_and_the_rest_is_done(project: Path):
    resolve.main(["toy"])
    (project / "data/external/pears/validation.jsonl").write_text("")
    with pytest.raises((DataError, SourceError)) as caught:
        data.normalize_all("toy", ["apples", "pears"], jobs=2)
    assert "pears/validation.jsonl" in str(caught.value)
    assert data.is_current(Layout("toy"), "apples")


def test_a_failing_dvc_command_is_named(project: Path):
    with pytest.raises(ArtefactError, match="`dvc repro no_such_stage` failed, see above"):
        data.dvc("repro", "no_such_stage")
