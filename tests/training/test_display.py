import io
import sys

import pytest

from pipeline.training.display import Bar, Lines, NoDisplay, Standing, _span, display

START = Standing(0, 0.0, 0.0, None)


def test_plain_lines_come_now_and_then_and_at_the_end():
    now = [0.0]
    stream = io.StringIO()
    lines = Lines(steps=200, start=START, stream=stream, clock=lambda: now[0])
    for step in range(1, 201):
        now[0] = float(step)
        line = {"loss": 2.0 / step} if step % 10 == 0 else None
        lines.show(Standing(step, step * 50.0, 0.031, line))
    lines.close()
    assert stream.getvalue().splitlines() == [
        "train: step 10 of 200, loss 0.2000, 50 tokens/s, padding 3.1%, 3 min 10 s left",
        "train: step 70 of 200, loss 0.0286, 50 tokens/s, padding 3.1%, 2 min 10 s left",
        "train: step 130 of 200, loss 0.0154, 50 tokens/s, padding 3.1%, 1 min 10 s left",
        "train: step 190 of 200, loss 0.0105, 50 tokens/s, padding 3.1%, 10 s left",
        "train: step 200 of 200, loss 0.0100, 50 tokens/s, padding 3.1%, took 3 min 20 s",
    ]


def test_a_short_training_says_nothing():
    stream = io.StringIO()
    lines = Lines(steps=3, start=START, stream=stream, clock=lambda: 1.0)
    for step in (1, 2, 3):
        lines.show(Standing(step, 9.0, 0.0, None))
    assert stream.getvalue() == ""


def test_a_resumed_training_counts_its_own_tokens_and_steps():
    now = [0.0]
    stream = io.StringIO()
    start = Standing(100, 1e6, 0.0, None)
    lines = Lines(steps=200, start=start, stream=stream, clock=lambda: now[0])
    now[0] = 20.0
    lines.show(Standing(150, 1e6 + 4000, 0.5, None))
    assert stream.getvalue() == ("train: step 150 of 200, 200 tokens/s, padding 50.0%, 20 s left\n")


def test_a_terminal_gets_a_bar_and_a_log_gets_lines(monkeypatch):
    monkeypatch.delenv("TASKLOOM_TERMINAL", raising=False)
    assert isinstance(display(first=False, steps=3, start=START), NoDisplay)
    assert isinstance(display(first=True, steps=3, start=START), Lines)
    monkeypatch.setenv("TASKLOOM_TERMINAL", "1")
    bar = display(first=True, steps=3, start=START)
    assert isinstance(bar, Bar)
    bar.show(Standing(1, 100.0, 0.25, {"loss": 1.5}))
    assert "loss=1.5000" in bar._bar.postfix
    assert "padding=25.0%" in bar._bar.postfix
    assert "tokens/s=" in bar._bar.postfix
    assert bar._bar.n == 1
    bar.close()
    monkeypatch.delenv("TASKLOOM_TERMINAL")
    monkeypatch.setattr(sys, "stderr", type("Terminal", (), {"isatty": lambda self: True})())
    assert sys.stderr.isatty()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (7500, "2 h 5 min")]
)
def test_spans_are_worded(seconds, words):
    assert _span(seconds) == words
