import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipeline.errors import ArtefactError
from pipeline.relationships.scores import (
    Provenance,
    ScoreMatrix,
    as_rows,
    frame_of,
    read_scores,
    reliability,
    widen,
    write_scores,
)

NAN = float("nan")


def matrix(values, *, tasks=("a", "b", "c"), se=None):
    return ScoreMatrix(
        sources=tasks,
        targets=tasks,
        values_ST=np.array(values, dtype=np.float64),
        se_ST=None if se is None else np.array(se, dtype=np.float64),
        directional=True,
        unit="similarity",
        provenance=Provenance(
            scorer="toy", version="3", seed=13, inputs={"x": "f00"}, cost={"rows": 7.0},
            warnings=("careful",),
        ),
        extras={"note": [1, None]},
    )  # fmt: skip


VALUES = [[1.0, 0.2, 0.5], [0.7, 1.0, NAN], [0.7, -0.1, 1.0]]


def test_a_task_with_itself_has_no_score():
    assert np.isnan(np.diag(matrix(VALUES).values_ST)).all()


def test_values_are_rounded_before_anything_is_chosen():
    got = matrix([[0, 0.12344999, -0.00001], [0.3, 0, 0], [0, 0, 0]]).values_ST
    assert got[0, 1:].tolist() == [0.1234, 0.0]
    assert not np.signbit(got[0, 2])


def test_values_that_differ_by_less_than_a_score_s_precision_are_a_tie():
    scores = matrix([[0, 0, 0], [0.30000, 0, 0], [0.30004, 0, 0]])
    assert scores.column("a") == {"b": 0.3, "c": 0.3}


def test_a_missing_score_is_missing_and_not_0():
    assert matrix(VALUES).column("c") == {"a": 0.5}


def test_an_unknown_target_is_named_with_the_nearest():
    with pytest.raises(ArtefactError) as caught:
        matrix(VALUES, tasks=("apples", "b", "c")).column("aples")
    assert str(caught.value) == (
        "scores of 'toy': no target named 'aples'\n  to do: did you mean 'apples'?"
    )


def test_a_frame_holds_each_ordered_pair_once_and_null_for_what_is_missing():
    frame = frame_of(matrix(VALUES, se=[[0, 0.01, NAN], [0, 0, 0], [0, 0, 0]]))
    assert frame.rows() == [
        ("a", "b", 0.2, 0.01),
        ("a", "c", 0.5, None),
        ("b", "a", 0.7, 0.0),
        ("b", "c", None, 0.0),
        ("c", "a", 0.7, 0.0),
        ("c", "b", -0.1, 0.0),
    ]


def test_a_matrix_survives_being_written_and_read(tmp_path):
    original = matrix(VALUES)
    write_scores(original, tmp_path)
    got = read_scores(tmp_path, "toy")
    np.testing.assert_array_equal(got.values_ST, original.values_ST)
    assert np.isnan(got.se_ST).all()
    for name in ("sources", "targets", "directional", "unit", "signed"):
        assert getattr(got, name) == getattr(original, name)
    assert got.provenance == original.provenance
    assert got.extras == {"note": [1, None]}
    written = json.loads((tmp_path / "toy.json").read_text())["provenance"]
    assert (written["scorer"], written["version"], written["warnings"]) == ("toy", "3", ["careful"])


def test_files_do_not_depend_on_the_order_of_tasks(tmp_path):
    write_scores(matrix(VALUES), tmp_path / "one")
    shuffled = np.array(VALUES)[[2, 0, 1]][:, [2, 0, 1]]
    write_scores(matrix(shuffled, tasks=("c", "a", "b")), tmp_path / "two")
    one, two = ((tmp_path / name / "toy.parquet").read_bytes() for name in ("one", "two"))
    assert one == two


def test_an_unknown_scorer_is_named_with_the_nearest(tmp_path):
    write_scores(matrix(VALUES), tmp_path)
    with pytest.raises(ArtefactError, match="no scorer named 'toi'\n  to do: did you mean 'toy'?"):
        read_scores(tmp_path, "toi")


def test_missing_or_incomplete_files_are_named(tmp_path):
    with pytest.raises(ArtefactError, match=r"toy.json: does not exist"):
        read_scores(tmp_path / "nowhere", "toy")
    write_scores(matrix(VALUES), tmp_path)
    value = json.loads((tmp_path / "toy.json").read_text())
    (tmp_path / "toy.json").write_text(json.dumps({k: v for k, v in value.items() if k != "unit"}))
    with pytest.raises(ArtefactError, match=r"toy.json: is incomplete: 'unit'"):
        read_scores(tmp_path, "toy")
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "toy.parquet")
    with pytest.raises(ArtefactError, match="columns are x"):
        read_scores(tmp_path, "toy")


def test_a_matrix_of_another_shape_is_a_bug():
    with pytest.raises(ValueError, match=r"values_ST has shape \(2, 2\), expected \(3, 3\)"):
        matrix([[0, 1], [1, 0]])


def test_as_rows_writes_null_for_nan_and_no_negative_zero():
    assert as_rows(np.array([[NAN, -0.00001], [0.12345678, 1.0]])) == [[None, 0.0], [0.1235, 1.0]]
    assert json.dumps(as_rows(np.array([[-0.00001]]))) == "[[0.0]]"


def runs_of(*flat):
    """Runs over three tasks from their six off-diagonal values."""
    values = np.full((len(flat), 3, 3), NAN)
    values[:, ~np.eye(3, dtype=bool)] = np.array(flat)
    return values


def test_reliability_is_the_correlation_of_two_runs_stepped_up_to_their_number():
    one, two = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, 4.0, 6.0, 5.0]
    r = 1.0 - 6 * 2 / (6 * 35)  # Spearman by hand, which is Pearson on whole numbers of that range
    assert reliability(runs_of(one, two)) == pytest.approx(2 * r / (1 + r), abs=1e-4)
    three = reliability(runs_of(one, two, one))
    mean = (r + 1.0 + r) / 3
    assert three == pytest.approx(3 * mean / (1 + 2 * mean), abs=1e-4)
    # halves that disagree are not stepped up: the formula would leave [-1, 1]
    assert reliability(runs_of(one, one[::-1])) == -1.0


def test_reliability_is_unknown_for_one_run_and_where_nothing_varies():
    one = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert reliability(runs_of(one)) is None
    assert reliability(runs_of(one, [2.0] * 6)) is None
    assert reliability(np.full((2, 1, 1), NAN)) is None
    holes = [NAN, NAN, NAN, NAN, 5.0, 6.0]
    assert reliability(runs_of(one, holes)) is None  # two pairs are no correlation


def test_a_matrix_of_some_tasks_becomes_one_of_more():
    some = matrix(VALUES, tasks=("a", "c", "d"), se=VALUES)
    some = replace(some, extras={"share": [[1, 2, 3], [4, None, 6], [7, 8, 9]], "rows": [1, 2, 3]})
    got = widen(some, ("a", "b", "c", "d"), why="no rows")
    assert got.sources == got.targets == ("a", "b", "c", "d")
    assert got.column("c") == some.column("c")
    assert got.column("b") == {}
    assert np.isnan(got.se_ST[1]).all()
    assert got.extras["share"][2] == [4.0, None, None, 6.0]
    assert got.extras["rows"] == [1, 2, 3]
    assert got.provenance.warnings == ("careful", "not scored: b (no rows)")
