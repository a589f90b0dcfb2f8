"""A clustered heatmap as SVG: cells, labels, legend and the tree beside it. Knows names and numbers.

Lines and words take the page's colour, so that the drawing fits a light and a dark page.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.report.clustering import Group
from pipeline.report.colours import Scale

Floats = NDArray[np.float64]
_TREE = 110
"""Width of the tree."""
_LABEL = 26
"""Most letters of a label."""
_LEGEND = 52
"""Height of the legend."""
_TITLE = 20
"""Height of an axis title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a heatmap shows; rows and columns are the same groups of tasks."""

    groups: Sequence[Group]
    """As drawn, top to bottom and left to right."""
    tree: Group
    """Holds the groups."""
    scores_GG: Floats
    """Scores in words, sources x targets; NaN where none was measured."""
    scale: Scale
    """Colours, for the same sources and targets."""
    bold: str | None = None
    """A task whose labels stand out."""
    title: str = ""
    """For readers that do not see the picture."""


def label(group: Group, bold: str | None = None) -> str:
    """Return a group's name: its task, or one of its tasks and how many more."""
    first = bold if bold in group.names else min(group.names)
    more = f" +{len(group.names) - 1}" if len(group.names) > 1 else ""
    return f"{first}{more}"


def short(name: str) -> str:
    """Return a name that fits beside a picture: without its middle, since names differ at the ends."""
    half = _LABEL // 2
    return name if len(name) <= _LABEL else f"{name[:half]}…{name[1 - half :]}"


def draw(picture: Picture, *, key: str) -> str:
    """Return the SVG text.

    Args:
        picture: What to draw.
        key: Letters and digits that no other drawing of the page has.
    """
    size, font = _cell(len(picture.groups))
    labels = [short(label(group, picture.bold)) for group in picture.groups]
    beside = max(map(len, labels)) * font * 0.6 + 10
    side = size * len(labels)
    left, top = _TITLE + beside, float(_LEGEND)
    width = max(left + side + 8 + _TREE + 16, 420.0)
    height = top + side + beside + _TITLE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="heatmap" role="img" aria-labelledby="t{key}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-size="{font}">',
        f'<title id="t{key}">{html.escape(picture.title)}</title>',
        _hatch(key),
        _legend(picture, key),
        f'<g transform="translate({left:.1f},{top:.1f})">',
        _cells(picture, size, key),
        _labels(picture, labels, size),
        _axes(side, beside),
        f'<g transform="translate({side + 8:.1f},0)">{_tree(picture, size)}</g>',
        "</g></svg>",
    ]
    return "\n".join(parts)


def _cell(count: int) -> tuple[int, float]:
    """Return the size of a cell and of the labels' letters."""
    return (24, 12) if count <= 20 else (17, 11) if count <= 40 else (13, 10)


def _hatch(key: str) -> str:
    return (
        f'<defs><pattern id="h{key}" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="5" height="5" fill="#8a93a5" fill-opacity=".16"/>'
        '<path d="M0 0v5" stroke="#8a93a5" stroke-width="1.6"/></pattern></defs>'
    )


def _cells(picture: Picture, size: int, key: str) -> str:
    """Return one square a pair, targets from top to bottom; each says its pair and score."""
    names = [html.escape(label(group, picture.bold)) for group in picture.groups]
    lines = ['<g shape-rendering="crispEdges">']
    for row, target in enumerate(names):
        for column, source in enumerate(names):
            at = f"M{column * size} {row * size}h{size}v{size}h-{size}z"
            value = float(picture.scale.values_ST[column, row])
            if row == column and len(picture.groups[row].names) == 1:
                fill, words = "#8a93a5", "itself"
            elif np.isfinite(value):
                fill, words = picture.scale.colour(value), f"{picture.scores_GG[column, row]:.3f}"
            else:
                fill, words = f"url(#h{key})", "not measured"
            said = f"<title>{source} → {target}: {words}</title>"
            lines.append(f'<path d="{at}" fill="{fill}">{said}</path>')
    return "".join([*lines, "</g>"])


def _labels(picture: Picture, labels: Sequence[str], size: int) -> str:
    lines = []
    end = size * len(labels)
    for i, (text, group) in enumerate(zip(labels, picture.groups, strict=True)):
        middle = (i + 0.5) * size
        weight = ' font-weight="700"' if picture.bold in group.names else ""
        about = f"<title>{html.escape(', '.join(group.names))}</title>"
        said = html.escape(text) + about
        lines.append(
            f'<text x="-5" y="{middle:.1f}" text-anchor="end" dominant-baseline="central"{weight}>'
            f"{said}</text>"
            f'<text transform="translate({middle:.1f},{end + 5}) rotate(-90)" text-anchor="end" '
            f'dominant-baseline="central"{weight}>{said}</text>'
        )
    return "".join(lines)


def _axes(side: float, beside: float) -> str:
    return (
        f'<g class="soft" font-size="12" text-anchor="middle"><text x="{side / 2:.1f}" '
        f'y="{side + beside + 14:.1f}">source: the task that helps</text>'
        f'<text transform="translate({-beside - 6:.1f},{side / 2:.1f}) rotate(-90)">'
        "target: the task that is helped</text></g>"
    )


def _legend(picture: Picture, key: str) -> str:
    """Return the colour bar with its ends in words, and what squares without a colour mean."""
    scale, wide = picture.scale, 220
    step = wide / len(scale.colours)
    bar = "".join(
        f'<rect x="{i * step:.2f}" width="{step + 0.3:.2f}" height="10" fill="{colour}"/>'
        for i, colour in enumerate(scale.colours)
    )
    if scale.by_place:
        marks = ["last for its target", "", "best"]
    else:
        marks = [f"≤ {scale.low:.2g}", "0", f"≥ {scale.high:.2g}"]
    anchors = ("start", "middle", "end")
    words = "".join(
        f'<text x="{wide * i / 2:.0f}" y="24" text-anchor="{anchors[i]}">{html.escape(mark)}</text>'
        for i, mark in enumerate(marks)
    )
    extra = (
        f'<rect x="{wide + 24}" width="14" height="12" fill="#8a93a5"/>'
        f'<text x="{wide + 44}" y="10">a task with itself</text>'
    )
    if not np.isfinite(picture.scale.values_ST[~np.eye(len(picture.groups), dtype=bool)]).all():
        extra += (
            f'<rect x="{wide + 24}" y="18" width="14" height="12" fill="url(#h{key})"/>'
            f'<text x="{wide + 44}" y="28">not measured</text>'
        )
    return f'<g transform="translate(4,4)" font-size="11">{bar}{words}{extra}</g>'


def _tree(picture: Picture, size: int) -> str:
    """Return the tree of the groups, leaves at the left, distance 1 at the right."""
    middle = {group.names: (i + 0.5) * size for i, group in enumerate(picture.groups)}
    path: list[str] = []

    def drawn(group: Group) -> tuple[float, float]:
        """Add a group's lines; return where its own line starts."""
        if group.names in middle:
            return 0.0, middle[group.names]
        (x1, y1), (x2, y2) = (drawn(part) for part in group.parts)
        x = max(group.height, 0.0) * _TREE
        path.append(f"M{x1:.1f} {y1:.1f}H{x:.1f}V{y2:.1f}H{x2:.1f}")
        return x, (y1 + y2) / 2

    drawn(picture.tree)
    side = size * len(picture.groups)
    lines = f'<path d="{"".join(path)}" fill="none" stroke="currentColor" stroke-width="1.2"/>'
    ticks = "".join(
        f'<path d="M{share * _TREE:.0f} {side}v4" stroke="currentColor"/>'
        f'<text x="{share * _TREE:.0f}" y="{side + 16}" text-anchor="middle">{share:g}</text>'
        for share in (0.0, 0.5, 1.0)
    )
    about = f'<text x="{_TREE / 2}" y="{side + 31}" text-anchor="middle">distance</text>'
    return f'{lines}<g class="soft" font-size="10">{ticks}{about}</g>'


def reduced(values_TT: Floats, place: Mapping[str, int], groups: Sequence[Group]) -> Floats:
    """Return mean scores between groups over the pairs that have one; NaN where none has."""
    result = np.full((len(groups), len(groups)), np.nan)
    at = [[place[name] for name in group.names] for group in groups]
    for row, sources in enumerate(at):
        for column, targets in enumerate(at):
            values = values_TT[np.ix_(sources, targets)]
            known = values[np.isfinite(values)]
            if known.size:
                result[row, column] = known.mean()
    return result
