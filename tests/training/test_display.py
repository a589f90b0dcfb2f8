import sys

import pytest
from tqdm import tqdm

from pipeline.training.display import progress_bar, show_figures


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    monkeypatch.delenv("TASKLOOM_TERMINAL", raising=False)
    return now


def test_plain_lines_come_now_and_then_and_at_the_end(clock, capsys):
    bar = progress_bar(first=True, steps=200, done=0)
    for step in range(1, 201):
        clock[0] = float(step)
        if step % 10 == 0:
            show_figures(bar, loss=2 / step, tokens=50.0 * step, padding=0.031)
        bar.update()
    bar.close()
    assert capsys.readouterr().err.splitlines() == [
        "train: step 10 of 200, loss 0.2000, 50 tokens/s, padding 3.1%, 00:10 so far, 03:10 left",
        "train: step 70 of 200, loss 0.0286, 50 tokens/s, padding 3.1%, 01:10 so far, 02:10 left",
        "train: step 130 of 200, loss 0.0154, 50 tokens/s, padding 3.1%, 02:10 so far, 01:10 left",
        "train: step 190 of 200, loss 0.0105, 50 tokens/s, padding 3.1%, 03:10 so far, 00:10 left",
        "train: step 200 of 200, loss 0.0100, 50 tokens/s, padding 3.1%, 03:20 so far, 00:00 left",
    ]


def test_a_short_training_says_nothing(clock, capsys):
    bar = progress_bar(first=True, steps=3, done=0)
    for step in range(3):
        clock[0] = float(step)
        bar.update()
    bar.close()
    assert capsys.readouterr().err.splitlines() == []


def test_a_resumed_training_goes_on_from_its_step(clock, capsys):
    bar = progress_bar(first=True, steps=200, done=100)
    clock[0] = 20.0
    bar.update(50)
    assert capsys.readouterr().err.splitlines() == [
        "train: step 150 of 200, 00:20 so far, 00:20 left"
    ]


def test_only_the_first_rank_shows_anything(clock, capsys):
    bar = progress_bar(first=False, steps=3, done=0)
    clock[0] = 100.0
    show_figures(bar, loss=1.0, tokens=9.0, padding=0.0)
    bar.update()
    bar.close()
    assert (capsys.readouterr().err, bar.format_dict["elapsed"]) == ("", 0)


@pytest.mark.parametrize("by", ["a terminal", "a starter that has one"])
def test_a_terminal_gets_a_bar(clock, capsys, monkeypatch, by):
    if by == "a terminal":
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    else:
        monkeypatch.setenv("TASKLOOM_TERMINAL", "1")
    bar = progress_bar(first=True, steps=3, done=0)
    assert type(bar) is tqdm
    clock[0] = 5.0
    bar.update()
    assert "train:  33%|" in capsys.readouterr().err
    bar.close()
