"""Frozen is frozen, and nothing opens without it."""

import pytest

from pipeline.errors import ArtefactError
from pipeline.tailoring.frozen import FILE, HASH, freeze, open_report, read_back


def test_what_is_frozen_is_read_back_and_opens_report_rows(tmp_path):
    frozen = freeze({"targets": {"a": [1, 2]}}, tmp_path)
    assert frozen.selections == {"targets": {"a": [1, 2]}}
    assert (tmp_path / HASH).read_text() == f"{frozen.sha256}  {FILE}\n"
    assert open_report(tmp_path, lambda it: it.selections["targets"]) == {"a": [1, 2]}
    assert freeze({"targets": {"a": (1, 2)}}, tmp_path).sha256 == frozen.sha256


@pytest.mark.parametrize("lost", [FILE, HASH])
def test_without_one_of_the_files_nothing_opens(tmp_path, lost):
    freeze({"targets": {}}, tmp_path)
    (tmp_path / lost).unlink()
    opened = []
    with pytest.raises(ArtefactError, match="not frozen, so no report row is opened"):
        open_report(tmp_path, opened.append)
    assert opened == []


def test_an_edit_closes_what_was_open(tmp_path):
    freeze({"targets": {}}, tmp_path)
    (tmp_path / FILE).write_text('{"targets": {"a": 1}}\n')
    with pytest.raises(ArtefactError, match="not those that were frozen"):
        read_back(tmp_path)


def test_other_selections_are_refused_and_a_half_written_freeze_is_none(tmp_path):
    freeze({"targets": {}}, tmp_path)
    with pytest.raises(ArtefactError, match="other selections are frozen here"):
        freeze({"targets": {"a": 1}}, tmp_path)
    (tmp_path / HASH).unlink()  # stopped before the hash: no report row was opened
    assert freeze({"targets": {"a": 1}}, tmp_path).selections == {"targets": {"a": 1}}
