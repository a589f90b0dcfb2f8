"""Parts of the report stage that read what may be there or not; the end-to-end walk runs all of it."""

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from pipeline.errors import ArtefactError, ConfigError
from pipeline.layout import Layout
from pipeline.relationships.scores import write_scores
from pipeline.stages import report
from tests.report.matrices import matrix

TRAININGS = ("compass", "tailored")
SETTINGS = SimpleNamespace(scorer="s", target="a", trainings=TRAININGS)
WHY = {
    "target": "a", "scorer": "s", "selection": "top_k", "warnings": [], "rows_placed": 1,
    "target_rows": 2, "tasks": [{"task": "b", "decision": "taken", "reason": "good"}],
}  # fmt: skip


@pytest.fixture
def layout(tmp_path):
    found = Layout("x", root=tmp_path)
    values = np.where(np.eye(4, dtype=bool), np.nan, np.arange(16.0).reshape(4, 4))
    for name in ("s", "other"):
        write_scores(matrix(values, scorer=name), found.scores)
    found.tailored.mkdir(parents=True)
    (found.tailored / "why.json").write_text(json.dumps(WHY))
    return found


def log(layout, header, *lines):
    for which in TRAININGS:
        layout.model(which).mkdir(parents=True, exist_ok=True)
        (layout.model(which) / "log.csv").write_text("\n".join([header, *lines]) + "\n")


def test_every_scorer_has_a_panel_and_a_missing_truth_is_a_sentence(layout):
    tailor, scores, agreement, gains = report.related(layout, SETTINGS)
    assert tailor.tables[0]["task"].to_list() == ["b"]
    assert [tab.title for tab in scores.tabs] == ["s", "other"]
    assert agreement.tables[0].height == 2
    assert f"gain at {layout.data}/truth/gains.csv." in gains.notes[0]


def test_a_truth_of_the_user_s_is_held_against_the_scores(layout):
    path = layout.data / "truth" / "gains.csv"
    path.parent.mkdir()
    path.write_text("target,source,gain,se\na,b,0.1,0.01\na,c,0.2,0.01\na,d,0.3,0.01\n")
    gains = report.related(layout, SETTINGS)[-1]
    (table,) = gains.tables
    assert table["scorer"].to_list() == ["other", "s"]
    assert table["spearman"].to_list() == pytest.approx([1.0, 1.0])
    path.write_text("target,source\na,b\n")
    with pytest.raises(ConfigError, match="lacks the column 'gain'"):
        report.related(layout, SETTINGS)


def test_without_the_scores_that_tailor_chose_by_there_is_an_error(layout):
    (layout.scores / "s.parquet").unlink()
    with pytest.raises(ArtefactError, match="'s'"):
        report.related(layout, SETTINGS)


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("choice_loss,mlm_loss", "1,9", "the loss of the choices and that of masked tokens"),
        ("choice_loss,mlm_loss", "1,0", "the loss of the choices"),
        ("token_loss", "1", "the loss of the targets' tokens"),
    ],
)
def test_the_training_note_names_the_terms_that_there_are(layout, header, line, words):
    log(layout, header, line)
    assert report.terms(layout.model("compass")) == words


def test_the_worst_tasks_are_drawn_and_the_target_besides(layout):
    log(layout, "step,loss,token_loss", "1,2,1")
    tasks = [f"t{i:02}" for i in range(20)]
    by_task = pl.DataFrame(
        {
            "which": ["compass"] * 20, "task": tasks, "step": [1] * 20, "examples": [3] * 20,
            "loss": [float(i) for i in range(20)], "accuracy": [0.5] * 20,
        }
    )  # fmt: skip
    losses = pl.DataFrame({"which": ["compass"], "step": [1], "loss": [2.0]})
    frames = {"losses": losses, "loss_by_task": by_task}
    section = report.training(layout, SimpleNamespace(target="t03", trainings=TRAININGS), frames)
    drawn = [task for task in tasks if f"<b>{task}</b>" in section.figures[1]]
    assert drawn == ["t03", *tasks[8:]]
    assert (
        "the 12 tasks with the highest loss at the end, the highest first, and the target"
        in (section.notes[1])
    )
    section = report.training(layout, SimpleNamespace(target="t19", trainings=TRAININGS), frames)
    assert section.figures[1].count("<figure>") == 12
    assert "and the target" not in section.notes[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [("[]", "lacks 'target'"), ('{"target": "a", "scorer": "s"}', "lacks 'selection'")],
)
def test_decisions_of_another_shape_are_refused(layout, text, words):
    (layout.tailored / "why.json").write_text(text)
    with pytest.raises(ArtefactError, match=rf"why\.json: {words}"):
        report.related(layout, SETTINGS)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "not a readable table"), ("step,lost\n1,2\n", "lacks the column 'loss'")],
)
def test_a_log_that_is_none_is_refused(tmp_path, text, words):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(ArtefactError, match=words):
        report._csv(path, "step", "loss")


def test_held_out_is_a_column_where_some_task_is():
    none = pl.DataFrame({"task": ["a", "b"], "held_out": [False, False]})
    assert report.per_task_shown(none).columns == ["task"]
    some = none.with_columns(held_out=pl.Series([False, True]))
    assert report.per_task_shown(some).equals(some)
