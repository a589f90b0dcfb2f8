import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics.choices import answers, gold_marks, probabilities, row_maximum

tables = st.lists(
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=5), min_size=1, max_size=6
)


def flat(rows):
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    return np.array([value for row in rows for value in row], dtype=np.float32), offsets


@given(tables)
def test_each_rows_choices_compete_among_themselves(rows):
    values, offsets = flat(rows)
    odds = probabilities(values, offsets)
    for i, row in enumerate(rows):
        exact = np.exp(np.array(row) - max(row))
        np.testing.assert_allclose(
            odds[offsets[i] : offsets[i + 1]], exact / exact.sum(), atol=1e-9
        )
    assert answers(values, offsets).tolist() == [int(np.argmax(row)) for row in rows]
    assert row_maximum(values.astype(float), offsets).tolist() == [max(row) for row in rows]


def test_the_first_of_equal_scores_wins():
    assert answers(np.array([1.0, 2.0, 2.0, 0.0, 0.0]), np.array([0, 3, 5])).tolist() == [1, 0]


def test_no_rows_give_no_figures():
    nothing, offsets = np.zeros(0), np.zeros(1, dtype=np.int64)
    assert len(probabilities(nothing, offsets)) == 0
    assert len(answers(nothing, offsets)) == 0
    assert len(row_maximum(nothing, offsets)) == 0


def test_gold_marks_follow_the_rows():
    marks = gold_marks(np.array([1, 0, 2]), np.array([0, 1, 1, 3]), np.array([0, 2, 3, 6]))
    assert marks.tolist() == [False, True, False, True, False, True]
