import json
import sys

from pipeline.training.run import Track
from pipeline.training.track import NoTracker, open_tracker


def test_only_the_first_rank_of_a_run_that_asks_is_tracked(tmp_path):
    track = Track("dvclive", str(tmp_path / "live"))
    assert isinstance(open_tracker(None, first=True, resumed=False), NoTracker)
    assert isinstance(open_tracker(track, first=False, resumed=False), NoTracker)


def test_a_tracker_that_is_not_installed_is_said_and_no_error(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "dvclive", None)
    follow = open_tracker(Track("dvclive", "live"), first=True, resumed=False)
    follow.log(1, {"loss": 1.0})
    follow.close()
    assert capsys.readouterr().err == "dvclive is not installed: figures go to log.csv alone\n"


def test_a_task_s_figures_have_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow = open_tracker(Track("dvclive", "live"), first=True, resumed=False)
    follow.log(10, {"tasks/a/examples": 3, "tasks/a/loss": 0.5})
    follow.log(20, {"tasks/a/examples": 4, "tasks/a/loss": 0.25})
    follow.close()
    metrics = json.loads((tmp_path / "live" / "metrics.json").read_text())
    assert metrics["tasks"] == {"a": {"examples": 4, "loss": 0.25}}
    rows = (tmp_path / "live" / "plots" / "metrics" / "tasks" / "a" / "examples.tsv").read_text()
    assert rows == "step\texamples\n10\t3\n20\t4\n"


def test_dvclive_gets_every_figure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow = open_tracker(Track("dvclive", "live"), first=True, resumed=False)
    follow.log(10, {"loss": 2.0, "learning_rate": 0.1})
    follow.log(20, {"loss": 1.5, "learning_rate": 0.2})
    follow.close()
    metrics = json.loads((tmp_path / "live" / "metrics.json").read_text())
    assert (metrics["loss"], metrics["step"]) == (1.5, 20)
    assert (tmp_path / "live" / "plots" / "metrics" / "loss.tsv").read_text().count("\n") == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live"]
