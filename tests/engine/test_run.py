"""Work that was stopped goes on, and only that; errors name the item."""

import json
import os
from functools import partial

import pytest

from pipeline.engine.ledger import fingerprint, read_results
from pipeline.engine.local import one_thread_each
from pipeline.engine.run import run
from pipeline.errors import DataError, PipelineError

KEYS = {"1": "k", "2": "k"}


def square(calls, item):
    calls.append(item)
    return int(item) ** 2


def fail_on_two(item):
    if item == "2":
        raise DataError("two is no number", where="here", expected="one", remedy="count again")
    return item


def break_on_two(item):
    return 1 / (int(item) - 2)


def end_process(item):
    os._exit(1)


def test_what_is_done_is_not_done_again(tmp_path):
    calls, path = [], tmp_path / "work" / "done.jsonl"
    act = partial(square, calls)
    assert list(run(act, {"2": "k", "1": "k"}, ledger=path).items()) == [("1", 1), ("2", 4)]
    assert run(act, {"1": "k", "3": "k"}, ledger=path) == {"1": 1, "3": 9}
    assert calls == ["1", "2", "3"]
    assert run(act, {"1": "other", "2": "k"}, ledger=path) == {"1": 1, "2": 4}
    assert calls == ["1", "2", "3", "1"]


def test_without_a_ledger_everything_is_computed(tmp_path):
    assert run(partial(square, []), KEYS) == {"1": 1, "2": 4}


def test_the_ledger_has_a_line_an_item(tmp_path):
    run(partial(square, []), KEYS, ledger=tmp_path / "done.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text().splitlines()]
    assert lines == [
        {"item": "1", "key": "k", "result": 1},
        {"item": "2", "key": "k", "result": 4},
    ]


def test_half_a_line_counts_as_not_done(tmp_path):
    path = tmp_path / "done.jsonl"
    run(partial(square, []), KEYS, ledger=path)
    path.write_bytes(path.read_bytes()[:-12])
    assert read_results(path, KEYS) == {"1": 1}
    assert run(partial(square, []), KEYS, ledger=path) == {"1": 1, "2": 4}
    assert read_results(path, KEYS) == {"1": 1, "2": 4}
    path.write_bytes(path.read_bytes() + b'\xff{"key"')  # no text at all
    assert read_results(path, KEYS) == {"1": 1, "2": 4}


def test_processes_share_the_work_on_one_thread_each(tmp_path, monkeypatch):
    names = ["MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    for name in names:
        monkeypatch.delenv(name, raising=False)
    # it is another process that answers: in this one no such variable is set
    found = run(os.getenv, dict.fromkeys(names, "k"), ledger=tmp_path / "d.jsonl", jobs=2)
    assert list(found.items()) == [(name, "1") for name in names]
    assert not set(names) & set(os.environ)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with one_thread_each():
        assert os.environ["OMP_NUM_THREADS"] == "7"  # what the user set stays


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_names_its_item_and_what_was_done_before_stays(tmp_path, jobs):
    path = tmp_path / "done.jsonl"
    with pytest.raises(DataError) as error:
        run(
            fail_on_two,
            {"2": "k", "3": "k"} if jobs == 2 else {**KEYS, "3": "k"},
            ledger=path,
            jobs=jobs,
        )
    assert str(error.value) == ("2: here: two is no number\n  expected: one\n  to do: count again")
    if jobs == 1:
        assert read_results(path, KEYS) == {"1": "1"}


def test_a_bug_names_its_item_too():
    with pytest.raises(ZeroDivisionError) as error:
        run(break_on_two, KEYS)
    assert error.value.__notes__ == ["while working on '2'"]


def test_a_process_that_dies_is_an_error_for_people():
    with pytest.raises(PipelineError, match="squares: a process ended before its work was done"):
        run(end_process, KEYS, jobs=2, title="squares")


def test_what_no_process_could_be_sent_is_refused_at_once():
    with pytest.raises(ValueError, match="<lambda> cannot be sent to another process"):
        run(lambda item: item, KEYS)


def test_another_engine_is_a_function():
    def backwards(function, names, *, jobs, title):
        assert (jobs, title) == (3, "squares")
        for name in reversed(names):
            yield name, function(name)

    calls = []
    found = run(partial(square, calls), KEYS, jobs=3, title="squares", engine=backwards)
    assert calls == ["2", "1"]
    assert list(found.items()) == [("1", 1), ("2", 4)]


def test_a_fingerprint_does_not_hang_on_the_sequence_of_keys():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
