"""A clustered heatmap as SVG: cells, labels, legend, and the tree of the tasks beside it.

Lines and words take the page's colour, so that the drawing fits a light and a dark page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from pipeline.report.clustering import Group
from pipeline.report.colours import Scale
from pipeline.report.markup import fill

Floats = NDArray[np.float64]
_TREE = 110
"""Width of the tree, in pixels as all lengths here."""
_LABEL = 26
"""Most letters of a label."""
_LEGEND = 52
"""Height of the legend."""
_TITLE = 20
"""Height of an axis title."""
_GRAY = "#8a93a5"


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


def name_of(group: Group, bold: str | None = None) -> str:
    """Return a group's name: its task, or one of its tasks and how many more there are."""
    first = bold if bold in group.names else min(group.names)
    more = f" +{len(group.names) - 1}" if len(group.names) > 1 else ""
    return f"{first}{more}"


def short(name: str) -> str:
    """Return a name that fits beside a picture: without its middle, since names differ at the ends."""
    half = _LABEL // 2
    return name if len(name) <= _LABEL else f"{name[:half]}…{name[1 - half :]}"


def draw(picture: Picture, *, key: str) -> Markup:
    """Return the SVG.

    Args:
        picture: What to draw.
        key: Letters and digits that no other drawing of the page has.
    """
    size, font = _cell_size(len(picture.groups))
    labels = [
        {
            "short": short(name_of(group, picture.bold)),
            "tasks": ", ".join(group.names),
            "bold": picture.bold in group.names,
        }
        for group in picture.groups
    ]
    beside = round(max(len(str(label["short"])) for label in labels) * font * 0.6 + 10, 1)
    side = size * len(labels)
    left = _TITLE + beside
    off_diagonal = picture.scale.values_ST[~np.eye(len(labels), dtype=bool)]
    return fill(
        "heatmap.svg",
        key=key, title=picture.title, font=font, size=size, side=side, beside=beside,
        left=left, top=_LEGEND, tree_width=_TREE,
        width=round(max(left + side + 8 + _TREE + 16, 420)),
        height=round(_LEGEND + side + beside + _TITLE),
        colours=picture.scale.colours, marks=_marks(picture.scale),
        gaps=not np.isfinite(off_diagonal).all(),
        cells=_cells(picture, size), labels=labels, tree=_tree(picture, size),
    )  # fmt: skip


def _cell_size(count: int) -> tuple[int, float]:
    """Return the size of a cell and of the labels' letters."""
    return (24, 12) if count <= 20 else (17, 11) if count <= 40 else (13, 10)


def _marks(scale: Scale) -> Sequence[str]:
    """Return what stands below the start, the middle and the end of the colour bar."""
    if scale.by_place:
        return ["last for its target", "", "best"]
    return [f"≤ {scale.low:.2g}", "0", f"≥ {scale.high:.2g}"]


def _cells(picture: Picture, size: int) -> Iterator[tuple[int, int, str | None, str]]:
    """Yield x, y, colour and words of each pair, targets from top to bottom; no colour is hatched."""
    names = [name_of(group, picture.bold) for group in picture.groups]
    for row, target in enumerate(names):
        for column, source in enumerate(names):
            value = float(picture.scale.values_ST[column, row])
            colour, words = None, "not measured"
            if row == column and len(picture.groups[row].names) == 1:
                colour, words = _GRAY, "itself"
            elif np.isfinite(value):
                colour = picture.scale.colour(value)
                words = f"{picture.scores_GG[column, row]:.3f}"
            yield column * size, row * size, colour, f"{source} → {target}: {words}"


def _tree(picture: Picture, size: int) -> str:
    """Return the path of the groups' tree, leaves at the left, distance 1 at the right."""
    middle = {group.names: (i + 0.5) * size for i, group in enumerate(picture.groups)}
    path: list[str] = []

    def add(group: Group) -> tuple[float, float]:
        """Add a group's lines; return where its own line starts."""
        if group.names in middle:
            return 0.0, middle[group.names]
        (x1, y1), (x2, y2) = (add(part) for part in group.parts)
        x = max(group.height, 0.0) * _TREE
        path.append(f"M{x1:.1f} {y1:.1f}H{x:.1f}V{y2:.1f}H{x2:.1f}")
        return x, (y1 + y2) / 2

    add(picture.tree)
    return "".join(path)


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
