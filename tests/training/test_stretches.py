"""Stretches: every line is in one, there are few, and a resumed run has the same."""

import json

import numpy as np
import pytest

from pipeline.training.stretches import KEPT, Stretches


def filled(lines, *, stop=None):
    """Return stretches of so many lines, line i of 10 steps and the sums i; stopped once, or never."""
    stretches = Stretches()
    for line in range(1, lines + 1):
        stretches.add(10 * line, np.full((2, 3), float(line)))
        if line == stop:
            state = json.loads(json.dumps(stretches.state()))
            stretches = Stretches()
            stretches.load_state(state)
    return stretches


def as_plain(stretches):
    return [(step, sums[0, 0]) for step, sums in stretches.closed()]


def test_a_short_run_keeps_its_lines():
    assert as_plain(filled(3)) == [(10, 1.0), (20, 2.0), (30, 3.0)]


def test_one_line_too_many_merges_neighbours():
    assert as_plain(filled(2 * KEPT))[-1] == (20 * KEPT, 2 * KEPT)
    merged = as_plain(filled(2 * KEPT + 1))
    assert len(merged) == KEPT + 1
    assert merged[:2] == [(20, 3.0), (40, 7.0)]
    assert merged[-1] == (20 * KEPT + 10, 2 * KEPT + 1)
    assert as_plain(filled(2 * KEPT + 3))[-2] == (20 * KEPT + 20, 4 * KEPT + 3)


@pytest.mark.parametrize("lines", [1, 2 * KEPT, 2 * KEPT + 1, 9 * KEPT + 5])
def test_nothing_is_lost_and_a_stop_changes_nothing(lines):
    whole = filled(lines)
    assert sum(value for _, value in as_plain(whole)) == lines * (lines + 1) / 2
    assert len(as_plain(whole)) <= 2 * KEPT
    for stop in {1, lines // 2, lines - 1}:
        assert filled(lines, stop=stop).state() == whole.state()
