import numpy as np
import pytest

from pipeline.errors import ArtefactError
from pipeline.relationships.scores import Provenance, ScoreMatrix
from pipeline.relationships.stack import stack

NAN = np.nan
TASKS = ("a", "b", "c")


def matrix(values, *, name="one", tasks=TASKS, directional=False):
    return ScoreMatrix(
        sources=tasks, targets=tasks, values_ST=np.array(values), se_ST=None,
        directional=directional, unit="similarity",
        provenance=Provenance(
            scorer=name, version="2", seed=7, inputs={name: "f00"}, cost={"rows": 3.0}
        ),
    )  # fmt: skip


ONE = matrix([[NAN, 4.0, 1.0], [10.0, NAN, 3.0], [30.0, 4.0, NAN]])
TWO = matrix([[NAN, 5.0, 0.2], [0.5, NAN, 0.1], [0.1, 9.0, NAN]], name="two", directional=True)


def test_standardised_in_each_target_then_summed():
    got = stack([ONE, TWO])
    # of two sources each is one standard deviation off their mean; equal ones are 0
    assert got.values_ST == pytest.approx(
        np.array([[NAN, -1.0, 0.0], [0.0, NAN, 0.0], [0.0, 1.0, NAN]]), nan_ok=True, abs=1e-9
    )
    assert stack([ONE]).column("a") == {"b": -1.0, "c": 1.0}


def test_units_do_not_matter():
    scaled = matrix(100.0 * TWO.values_ST + 5.0, name="two")
    np.testing.assert_array_equal(stack([ONE, TWO]).values_ST, stack([ONE, scaled]).values_ST)


def test_a_pair_that_one_lacks_has_no_score():
    holes = matrix([[NAN, 5.0, 0.2], [NAN, NAN, 0.1], [0.1, 9.0, NAN]], name="holes")
    got = stack([ONE, holes])
    assert got.column("a") == {"c": 1.0}  # alone it is its own mean: 0 from `holes`
    assert set(got.column("b")) == {"a", "c"}


def test_sequence_and_names_of_tasks_do_not_matter():
    turn = [2, 0, 1]
    names = ("x", "z", "y")
    moved = [
        matrix(m.values_ST[np.ix_(turn, turn)], tasks=tuple(names[i] for i in turn))
        for m in (ONE, TWO)
    ]
    expected = stack([ONE, TWO]).values_ST[np.ix_(turn, turn)]
    np.testing.assert_array_equal(stack(moved).values_ST, expected)


def test_where_it_comes_from():
    got = stack([ONE, TWO], name="both")
    assert got.directional
    origin = got.provenance
    assert (origin.scorer, origin.seed, origin.inputs) == ("both", 7, {"one": "f00", "two": "f00"})
    assert origin.cost == {"one.rows": 3.0, "two.rows": 3.0}
    assert got.extras == {"of": ["one 2", "two 2"]}
    assert not stack([ONE]).directional


def test_nothing_and_different_tasks_are_refused():
    with pytest.raises(ArtefactError, match="there are no scores to stack"):
        stack([])
    other = matrix(ONE.values_ST, name="other", tasks=("a", "b", "d"))
    with pytest.raises(ArtefactError, match="scorers 'one' and 'other' scored different tasks"):
        stack([ONE, other])
