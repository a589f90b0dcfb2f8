import threading

import pytest

from pipeline.errors import ArtefactError
from pipeline.training.ahead import Ahead


def test_the_next_batch_is_built_in_another_thread_and_none_beyond_the_last():
    built = []
    ahead = Ahead(
        lambda step: built.append((step, threading.current_thread().name)) or step, steps=3
    )
    assert [ahead.take(step) for step in range(3)] == [0, 1, 2]
    ahead.close()
    assert [step for step, _ in built] == [0, 1, 2]
    assert built[0][1] == "MainThread"
    assert built[1][1].startswith("batches")


def test_any_step_may_be_asked_for():
    ahead = Ahead(lambda step: step * 10, steps=9)
    assert [ahead.take(step) for step in (4, 5, 2, 8, 0)] == [40, 50, 20, 80, 0]
    ahead.close()


def test_an_error_comes_up_where_the_batch_is_wanted():
    def build(step):
        if step == 1:
            raise ArtefactError("truncated")
        return step

    ahead = Ahead(build, steps=3)
    assert ahead.take(0) == 0
    with pytest.raises(ArtefactError, match="truncated"):
        ahead.take(1)
    ahead.close()
