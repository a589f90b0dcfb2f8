"""Small multiples: one little drawing of training loss a task, side by side as wide as the page is.

All share both axes, so that heights compare. Lines and words take the page's colour. Knows frames.
"""

import html
from collections.abc import Sequence

import polars as pl

_WIDE, _HIGH = 220, 84
_LEFT, _FOOT = 26, 14
COLOURS = ("#4c78a8", "#f58518")
"""Of the passes, in the sequence in which they are given."""


def sparks(frame: pl.DataFrame, *, tasks: Sequence[str], passes: Sequence[str]) -> str:
    """Return drawings of the loss of each task over steps.

    Args:
        frame: `which`, `task`, `step`, `examples`, `loss`, `accuracy`.
        tasks: That are drawn, in this sequence.
        passes: Values of `which`, one line each.
    """
    shown = frame.filter(pl.col("task").is_in(tasks))
    steps, top = _most(shown, "step"), _most(shown, "loss")
    parts = {key[0]: part for key, part in shown.partition_by("task", as_dict=True).items()}
    figures = (_figure(task, parts[task], passes, steps, top) for task in tasks if task in parts)
    keys = "".join(
        f'<span style="white-space:nowrap"><svg width="26" height="9" aria-hidden="true">'
        f'<path d="M2 5h20" stroke="{colour}" stroke-width="2.5"{_dash(i)}/></svg> {html.escape(name)}'
        "</span> "
        for i, (name, colour) in enumerate(zip(passes, COLOURS, strict=False))
    )
    return f'<p class="soft">{keys}</p><div class="sparks">{"".join(figures)}</div>'


def _most(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].cast(pl.Float64).max() or 1.0)  # type: ignore[arg-type]


def _dash(i: int) -> str:
    return ' stroke-dasharray="5 2.5"' if i else ""


def _figure(task: str, frame: pl.DataFrame, passes: Sequence[str], steps: float, top: float) -> str:
    lines, words = [], []
    for i, (which, colour) in enumerate(zip(passes, COLOURS, strict=False)):
        part = frame.filter(pl.col("which") == which)
        if part.height:
            lines.append(_line(part, colour, i, steps, top))
            words.append(f"{which}: {_words(part)}")
    about = html.escape("; ".join(words))
    name = html.escape(task)
    return (
        f'<figure><svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{name}: {about}" '
        f'font-size="9"><g class="soft">{_axes(steps, top)}</g>{"".join(lines)}</svg>'
        f'<figcaption><b>{name}</b><br><span class="soft">{about}</span></figcaption></figure>'
    )


def _axes(steps: float, top: float) -> str:
    foot = _HIGH - _FOOT
    return (
        f'<path d="M{_LEFT} 4V{foot}H{_WIDE - 2}" fill="none" stroke="#8a93a5"/>'
        f'<text x="{_LEFT - 3}" y="10" text-anchor="end">{top:.2g}</text>'
        f'<text x="{_LEFT - 3}" y="{foot}" text-anchor="end">0</text>'
        f'<text x="{_WIDE - 2}" y="{_HIGH - 3}" text-anchor="end">step {steps:,.0f}</text>'
    )


def _line(part: pl.DataFrame, colour: str, i: int, steps: float, top: float) -> str:
    foot = _HIGH - _FOOT
    points = [
        f"{_LEFT + (_WIDE - 4 - _LEFT) * step / steps:.1f} {foot - (foot - 4) * loss / top:.1f}"
        for step, loss in zip(part["step"], part["loss"], strict=True)
    ]
    if len(points) == 1:
        x, y = points[0].split()
        return f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>'
    return f'<path d="M{"L".join(points)}" fill="none" stroke="{colour}" stroke-width="1.8"{_dash(i)}/>'


def _words(part: pl.DataFrame) -> str:
    first, last = part["loss"][0], part["loss"][-1]
    return (
        f"loss {first:.2f} to {last:.2f}, accuracy {part['accuracy'][-1]:.2f} at the end, "
        f"{part['examples'].sum():,} examples"
    )
