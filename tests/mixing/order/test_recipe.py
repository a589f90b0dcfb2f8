import pytest

from pipeline.errors import MixtureError
from pipeline.mixing.order.recipe import recipe
from tests.mixing.made import draws

PARTS = draws([(10, 25), (3, 3), (100, 40)])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"algorithm": "shufled-2"}, "no order algorithm named 'shufled-2'\n  to do: did you mean"),
        ({"algorithm": "stratified-1"}, "the batch is None for the order stratified-1"),
        ({"batch": 8}, "the batch is 8 for the order shuffled-2"),
        ({"algorithm": "stratified-1", "batch": 0}, "the batch is 0\n  expected: one row at least"),
        ({"phases": [{"t0000": 25, "t0001": 3}]}, "draw 0 rows of task 't0002'\n  expected: 40 in"),
        (
            {"phases": [{"t0000": 26, "t0001": 3, "t0002": 40}, {"t0000": -1}]},
            "the phases draw 26 \\+ -1 rows of task 't0000'\n  expected: 25 in all, its quota",
        ),
        (
            {"phases": [{"t0000": 25, "t0001": 3, "t0002": 40, "x": 1}]},
            "draw 1 rows of task 'x'\n  expected: 0 in all",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_words(keys, message):
    with pytest.raises(MixtureError, match=message):
        recipe(PARTS, **{"seed": 1} | keys)
