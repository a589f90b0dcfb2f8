"""A pair in words, from scores that stages wrote."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.__main__ import main as door
from pipeline.commands import explain
from pipeline.errors import ArtefactError, ConfigError
from pipeline.relationships.scores import Provenance, ScoreMatrix, read_scores, write_scores
from pipeline.stages import relate, tailor
from tests.stages.conftest import NAME, SIZES, Mixture

NAN = np.nan
TASKS = ("a", "b", "c")


@pytest.fixture
def scored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Mixture(SIZES)
    made.tokens()
    made.tell()
    made.model()
    relate.main([NAME])
    return made


def printed(capsys, *arguments):
    capsys.readouterr()
    explain.main([*arguments, "--mixture", NAME])
    return capsys.readouterr().out


def matrix(values, **changes):
    origin = Provenance(
        scorer="toy", version="3", seed=5, inputs={"x": "f00"}, cost={"small_trainings": 6.0}
    )
    made = ScoreMatrix(
        sources=TASKS, targets=TASKS, values_ST=np.array(values), se_ST=None, directional=True,
        unit="similarity", provenance=origin,
    )  # fmt: skip
    return replace(made, **changes)


VALUES = [[NAN, 0.5, 0.1], [0.2, NAN, 0.3], [0.7, 0.5, NAN]]


def test_all_that_a_scorer_can_say():
    known = matrix(
        VALUES,
        se_ST=np.full((3, 3), 0.25),
        extras={
            "null_q95": 0.4,
            "near_duplicates": [{"source": "a", "target": "b", "share": 0.125}],
            "negative_rows": [[None, 0.75, None], [0.1] * 3, [0.2] * 3],
            "reliability": 0.9,
        },
    )
    assert explain.word_scores(known, "a", "b") == [
        "toy: 0.5000, rank 1 of 2 sources of 'b', level with 1 more",
        "  a similarity: it ranks, and is no gain; standard error 0.2500",
        "  directional; from 'b' to 'a': 0.2000, rank 2 of 2 sources of 'a'",
        "  outside the band of random vectors: 95 % of them stay below 0.4000",
        "  near duplicates: 12.5% of the texts of 'b' are nearly in it",
        "  rows of 'b' that a step on 'a' would make worse: 75%",
        "  agreement of its trainings (split halves): 0.9",
        "  from: toy version 3, seed 5, 1 inputs; cost: small trainings 6",
    ]


def test_what_was_not_measured_is_said_to_be_so():
    holes = [[NAN, 0.5, 0.1], [NAN, NAN, 0.3], [0.7, 0.5, NAN]]
    known = matrix(holes, extras={"negative_rows": [[None] * 3] * 3})
    assert explain.word_scores(known, "b", "a") == [
        "toy: not scored",
        "  from: toy version 3, seed 5, 1 inputs; cost: small trainings 6",
    ]
    lines = explain.word_scores(known, "a", "b")
    assert "  directional; from 'b' to 'a': not scored" in lines
    assert "  rows of 'b' that a step on 'a' would make worse: unknown" in lines
    assert "standard error unknown" in lines[1]


def test_a_gain_and_a_symmetric_score_are_called_so():
    gain = matrix(VALUES, unit="predicted_gain", directional=False, provenance=replace(
        matrix(VALUES).provenance, cost={}))  # fmt: skip
    lines = explain.word_scores(gain, "a", "b")
    assert lines[1].startswith("  a predicted gain; ")
    assert lines[2] == "  symmetric: the other direction has the same score by construction"
    assert lines[-1].endswith("cost: nothing")


def test_every_scorer_of_a_mixture_is_told(scored, capsys):
    out = printed(capsys, "pears", "apples")
    assert out.startswith("does 'pears' help 'apples'? (mixture 'fruit')\n\nprefix: ")
    assert [line.split(":")[0] for line in out.splitlines() if line[:1].isalpha()] == [
        "does 'pears' help 'apples'? (mixture 'fruit')", "prefix", "prior", "text", "Tailor",
    ]  # fmt: skip
    value = read_scores(scored.layout.scores, "prefix").column("apples")["pears"]
    assert f"prefix: {value:.4f}, rank 1 of 3 sources of 'apples'" in out
    assert "the band of random vectors: 95 % of them stay below 0." in out
    assert "near duplicates: " in out
    assert "Tailor: has not decided yet; run `dvc repro tailor`" in out


def test_tailor_s_decision_and_its_reason(scored, capsys):
    tailor.main([NAME])
    taken = printed(capsys, "pears", "apples").splitlines()[-1]
    assert taken.startswith("Tailor: taken, 80 rows: score 0.")
    assert printed(capsys, "stars", "apples").splitlines()[-1] == (
        "Tailor: refused: below min_score"
    )
    other = printed(capsys, "apples", "pears").splitlines()[-1]
    assert other == "Tailor: its target is 'apples', so nothing was decided on this pair"


def test_a_pair_that_no_one_knows_is_named(scored):
    with pytest.raises(ArtefactError, match="no source task named 'pear'") as error:
        explain.main(["pear", "apples", "--mixture", NAME])
    assert "did you mean 'pears'?" in str(error.value)
    with pytest.raises(ConfigError, match="'pears' is source and target"):
        explain.main(["pears", "pears", "--mixture", NAME])


def test_a_scorer_that_does_not_know_the_target_has_not_scored_it(scored, capsys):
    write_scores(matrix(VALUES), scored.layout.scores)
    out = printed(capsys, "pears", "apples")
    assert "toy: not scored" in out
    assert "prefix: not scored" in printed(capsys, "a", "b")


def test_no_scores_say_what_makes_them(project, capsys):
    assert door(["explain", "apples", "pears"]) == 2  # of the active mixture
    said = capsys.readouterr().err
    assert "data/toy/scores: holds no scores" in said
    assert "run `dvc repro relate`" in said
