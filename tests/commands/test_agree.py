"""Scores against a table of gains, as a user would."""

import json

import numpy as np
import pytest

from pipeline.commands import agree
from pipeline.errors import ConfigError
from pipeline.relationships.scores import Provenance, ScoreMatrix, write_scores

NAMES = ("a", "b", "c", "d")
GAINS = {(s, t): i * 7 % 11 - 4 for i, (s, t) in enumerate((s, t) for s in NAMES for t in NAMES)}


@pytest.fixture
def scores(project):
    values = np.array([[float(GAINS[s, t]) for t in NAMES] for s in NAMES])
    for scorer, sign in (("good", 1.0), ("bad", -1.0)):
        origin = Provenance(scorer=scorer, version="1", seed=0, inputs={}, cost={})
        matrix = ScoreMatrix(
            sources=NAMES, targets=NAMES, values_ST=sign * values, se_ST=None, directional=True,
            unit="similarity", provenance=origin,
        )  # fmt: skip
        (project / "scores").mkdir(exist_ok=True)
        write_scores(matrix, project / "scores")
    return project / "scores"


@pytest.fixture
def truth(project):
    lines = [f"{t},{s},{gain}" for (s, t), gain in GAINS.items() if s != t]
    path = project / "gains.csv"
    path.write_text("\n".join(["target,source,gain", *lines]) + "\n")
    return path


def test_a_folder_of_scores_among_the_baselines(scores, truth, capsys):
    agree.main([str(scores), "--truth", str(truth)])
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("4 targets, 4 sources, 1 runs a pair; means over targets")
    names = [line[: len("ceiling of symmetric scores")].strip() for line in out[2:]]
    assert names == [
        "bad", "good", "random", "popularity", "ceiling of symmetric scores",
    ]  # fmt: skip
    assert "-1.000 [-1.000, -1.000]" in out[2]
    assert "1.000 [1.000, 1.000]" in out[3]


def test_json_has_every_target(scores, truth, capsys):
    agree.main([str(scores / "good.parquet"), "--truth", str(truth), "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["good"]["per_target"]["spearman"] == dict.fromkeys(NAMES, 1.0)
    assert rows["good"]["pairs"] == 12
    assert rows["random"]["asymmetry"] is None


def test_names_of_the_table_may_differ(scores, project, truth, capsys):
    truth.write_text(truth.read_text().replace("\na,", "\nTask A,").replace(",a,", ",Task A,"))
    names = project / "names.csv"
    names.write_text("Task A,a\n")
    agree.main(
        [str(scores / "good.parquet"), "--truth", str(truth), "--names", str(names), "--json"]
    )
    assert json.loads(capsys.readouterr().out)[0]["pairs"] == 12


def test_sizes_bring_their_baseline(scores, project, truth, capsys):
    sizes = project / "sizes.csv"
    sizes.write_text("a,10\nb,20\nc,30\nd,40\n")
    agree.main([str(scores), "--truth", str(truth), "--sizes", str(sizes)])
    assert "\nsize " in capsys.readouterr().out


def test_nothing_in_common_is_said(scores, project):
    path = project / "other.csv"
    path.write_text("target,source,gain\nx,y,1\n")
    with pytest.raises(ConfigError, match="knows none of the targets") as error:
        agree.main([str(scores), "--truth", str(path)])
    assert "give --names FILE" in str(error.value)


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--names", "a,b,c\n", "line 1 has 3 columns"),
        ("--sizes", "a,many\n", "'a' has 'many' rows"),
    ],
)
def test_bad_side_tables_are_refused(scores, project, truth, option, text, said):
    path = project / "side.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        agree.main([str(scores), "--truth", str(truth), option, str(path)])


def test_an_empty_folder_says_what_makes_scores(project, truth):
    with pytest.raises(ConfigError, match="holds no scores") as error:
        agree.main([str(project), "--truth", str(truth)])
    assert "dvc repro relate" in str(error.value)
