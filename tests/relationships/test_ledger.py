"""Work that was stopped goes on, and only that."""

import os
from functools import partial

import pytest

from pipeline.errors import DataError
from pipeline.relationships.ledger import fingerprint, finished, one_thread_each, resumed


def squared(calls, item):
    calls.append(item)
    return int(item) ** 2


def failing(item):
    if item == "2":
        raise DataError("two is no number")
    return item


def test_what_is_done_is_not_done_again(tmp_path):
    calls, path = [], tmp_path / "work" / "done.jsonl"
    act = partial(squared, calls)
    assert resumed(["2", "1"], act, path=path, key="k") == {"2": 4, "1": 1}
    assert resumed(["1", "3"], act, path=path, key="k") == {"1": 1, "3": 9}
    assert calls == ["2", "1", "3"]
    assert resumed(["1"], act, path=path, key="other") == {"1": 1}
    assert calls == ["2", "1", "3", "1"]


def test_half_a_line_counts_as_not_done(tmp_path):
    path = tmp_path / "done.jsonl"
    resumed(["1", "2"], partial(squared, []), path=path, key="k")
    path.write_bytes(path.read_bytes()[:-12])
    assert finished(path, "k") == {"1": 1}
    assert resumed(["1", "2"], partial(squared, []), path=path, key="k") == {"1": 1, "2": 4}
    assert finished(path, "k") == {"1": 1, "2": 4}
    path.write_bytes(path.read_bytes() + b'\xff{"key"')  # no text at all
    assert finished(path, "k") == {"1": 1, "2": 4}


def test_processes_share_the_work_on_one_thread_each(tmp_path, monkeypatch):
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    for name in names:
        monkeypatch.delenv(name, raising=False)
    # it is another process that answers: in this one no such variable is set
    found = resumed(names, os.getenv, path=tmp_path / "d.jsonl", key="k", jobs=2)
    assert found == dict.fromkeys(names, "1")
    assert list(found) == names
    assert not set(names) & set(os.environ)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with one_thread_each():
        assert os.environ["OMP_NUM_THREADS"] == "7"  # the user's own word stands


def test_what_was_done_before_a_failure_stays(tmp_path):
    path = tmp_path / "done.jsonl"
    with pytest.raises(DataError, match="two is no number"):
        resumed(["1", "2", "3"], failing, path=path, key="k")
    assert finished(path, "k") == {"1": "1"}


def test_a_fingerprint_does_not_hang_on_the_sequence_of_keys():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
