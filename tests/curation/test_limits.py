"""Caps are exact, nested and blind to the order of rows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.curation.limits import limited


def test_no_limit_and_a_wide_one_change_nothing(examples):
    frame = examples("a", "train", [(f"x {i}", "q") for i in range(5)])
    assert limited(frame, None).equals(frame)
    assert limited(frame, 5).equals(frame)


def test_the_rows_kept_are_not_the_first_ones_but_stay_in_order(examples):
    frame = examples("a", "train", [(f"x {i}", "q") for i in range(100)])
    kept = limited(frame, 10)["example_id"].to_list()
    assert kept != frame["example_id"].head(10).to_list()
    assert kept == [name for name in frame["example_id"] if name in kept]


@settings(deadline=None, max_examples=50)
@given(rows=st.integers(0, 40), most=st.integers(1, 40), more=st.integers(0, 10), data=st.data())
def test_caps_are_exact_nested_and_independent_of_order(examples, rows, most, more, data):
    frame = examples("a", "train", [(f"x {i}", "q") for i in range(rows)])
    kept = set(limited(frame, most)["example_id"])
    assert len(kept) == min(rows, most)
    assert kept <= set(limited(frame, most + more)["example_id"])
    order = list(data.draw(st.permutations(range(rows))))
    assert set(limited(frame[order], most)["example_id"]) == kept
