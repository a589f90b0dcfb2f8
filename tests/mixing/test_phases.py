from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.sampling import Phase
from pipeline.errors import MixtureError
from pipeline.mixing.phases import phase_rows, phase_shares


def shared(*shares):
    return [Phase(name=f"p{i}", share=share) for i, share in enumerate(shares)]


def test_shares_become_rows_by_largest_remainder_and_ties_go_to_the_earlier():
    assert phase_rows(shared(0.5, 0.5), 101) == [51, 50]
    assert phase_rows(shared(0.2, 0.3, 0.5), 7) == [1, 2, 4]  # 1.4, 2.1, 3.5


def test_a_phase_without_share_or_rows_takes_the_rest():
    assert phase_rows(shared(0.25, None), 10) == [3, 7]
    assert phase_shares(shared(0.1, None, 0.2)) == [
        Fraction(1, 10), Fraction(7, 10), Fraction(1, 5),
    ]  # fmt: skip
    phases = [Phase(name="a", rows=30), Phase(name="b")]
    assert phase_rows(phases, 100) == [30, 70]


def test_rows_stand_as_told():
    assert phase_rows([Phase(name="a", rows=30), Phase(name="b", rows=5)], None) == [30, 5]


def test_no_phases_are_one():
    assert phase_rows([], 9) == [9]
    assert phase_shares([]) == [1]


@pytest.mark.parametrize(
    ("phases", "total", "message"),
    [
        (shared(0.001, None), 10, "phases.p0: phase 'p0' has 0 of the 10 rows of the mixture"),
        ([Phase(name="a", rows=30), Phase(name="b")], 20, "phases.b: phase 'b' has -10 of the 20"),
    ],
)
def test_a_phase_without_a_row_is_refused_by_name(phases, total, message):
    with pytest.raises(MixtureError, match=message):
        phase_rows(phases, total)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(1000, 10**9))
def test_phases_are_exact_and_within_one_row(parts, total):
    shares = [round(part / sum(parts), 6) for part in parts[:-1]]
    phases = shared(*shares, None)
    rows = phase_rows(phases, total)
    assert sum(rows) == total
    exact = phase_shares(phases)
    assert all(abs(got - total * share) < 1 for got, share in zip(rows, exact, strict=True))
