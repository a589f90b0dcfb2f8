"""Heatmaps are well-formed, name every task, and tell what was measured from what was not."""

import re
import xml.etree.ElementTree as ET

import numpy as np

from pipeline.report.clustering import Group, closeness, clustered, cut
from pipeline.report.colours import scale
from pipeline.report.heatmap import Picture, draw, name_of, reduced, short

NAN = float("nan")
NAMES = ["a", "b<", "c"]
VALUES = np.array([[NAN, 0.5, -0.25], [1.0, NAN, 0.75], [-1.0, NAN, NAN]])


def picture(values=VALUES, names=NAMES, most=60):
    tree = clustered(names, closeness(values))
    groups = cut(tree, most)
    place = {name: i for i, name in enumerate(names)}
    scores = reduced(values, place, groups)
    return Picture(
        groups=groups, tree=tree, scores_GG=scores, scale=scale(scores, gain=True), bold="c",
        title="T & t",
    )  # fmt: skip


def texts(drawing, tag):
    return [
        node.text for node in ET.fromstring(drawing).iter(f"{{http://www.w3.org/2000/svg}}{tag}")
    ]


def test_every_pair_is_a_square_that_says_itself():
    drawing = draw(picture(), key="k")
    said = [text for text in texts(drawing, "title") if "→" in text]
    assert len(said) == 9
    assert "b< → a: 1.000" in said
    assert "a → b<: 0.500" in said
    assert "c → b<: not measured" in said
    assert "c → c: itself" in said
    assert drawing == draw(picture(), key="k")


def test_unmeasured_pairs_are_hatched_and_the_legend_says_so():
    drawing = draw(picture(), key="k")
    # one pair, and the square of the legend
    assert drawing.count('fill="url(#hk)"') == 2
    assert "not measured" in texts(drawing, "text")
    whole = np.where(np.isnan(VALUES), 0.1, VALUES)
    assert "url(#hk)" not in draw(picture(whole), key="k")


def test_both_axes_name_every_task_and_the_target_stands_out():
    drawing = draw(picture(), key="k")
    labels = [text for text in texts(drawing, "text") if text in NAMES]
    assert sorted(labels) == sorted(NAMES * 2)
    assert drawing.count('font-weight="700"') == 2
    assert texts(drawing, "title")[0] == "T & t"
    assert len(set(re.findall(r'aria-labelledby="([^"]+)"', drawing))) == 1


def test_groups_are_named_after_one_task_and_hold_means():
    found = picture(most=2)
    pair = next(group for group in found.groups if len(group.names) == 2)
    single = next(group for group in found.groups if len(group.names) == 1)
    assert {*pair.names, *single.names} == set(NAMES)
    rest = [NAMES.index(name) for name in pair.names]
    one = NAMES.index(single.names[0])
    row, column = found.groups.index(pair), found.groups.index(single)
    values = VALUES[rest, one]
    assert found.scores_GG[row, column] == np.nanmean(values)
    assert "+1" in draw(found, key="k")


def test_labels_are_cut_in_the_middle():
    assert name_of(Group(("b", "a", "c"))) == "a +2"
    assert name_of(Group(("b", "a", "c")), "c") == "c +2"
    assert short("x" * 26) == "x" * 26
    cut_name = short("first_part_of_a_long_name_17")
    assert (cut_name, len(cut_name)) == ("first_part_of…long_name_17", 26)
