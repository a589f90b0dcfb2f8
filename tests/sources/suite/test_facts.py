"""The tables that ship are sane, and every wording can be said."""

import re

import polars as pl
import pytest

from pipeline.sources.suite import facts
from pipeline.sources.suite.facts import FACTS, Slot

TABLES = sorted(p.stem for p in FACTS.glob("*.tsv") if not p.stem.startswith("wording_"))
WORDINGS = sorted(p.stem.removeprefix("wording_") for p in FACTS.glob("wording_*.tsv"))
ASKED = {"value", "more", "a", "b", "step"}
"""Slots that recipes fill with values of their own."""


@pytest.mark.parametrize("name", [name for name in TABLES if name != "fillers"])
def test_a_fact_table_has_one_row_an_entity_and_no_gap(name):
    frame = facts.table(name)
    assert frame.to_series(0).is_unique().all()
    assert frame.select(pl.all().str.len_chars().min()).min_horizontal().item() > 0
    assert frame.select(pl.all().str.contains(r"^\s|\s$|  ").any()).sum_horizontal().item() == 0


@pytest.mark.parametrize("name", WORDINGS)
def test_every_slot_is_a_filler_a_column_or_made_by_a_recipe(name):
    wording = facts.wording(name)
    columns = {column for table in TABLES for column in facts.table(table).columns}
    kinds = {slot.kind for slot in wording.slots}
    assert kinds <= set(wording.fillers) | columns | ASKED
    texts = [part for one in wording.templates for part in one.context + one.question]
    assert not [text for text in texts if isinstance(text, str) and re.search(r"[{}]", text)]
    assert len(wording.templates) >= 3


def test_opposites_are_mutual_and_differ_in_polarity_alone():
    words = {row["word"]: row for row in facts.table("words").rows(named=True)}
    for word, row in words.items():
        other = words[row["opposite"]]
        assert other["opposite"] == word
        assert other["polarity"] != row["polarity"]
        assert other["strength"] == row["strength"]


def test_properties_are_crossed():
    """Neither property of a word says anything about the other."""
    for table, one, other, each in (
        ("words", "polarity", "strength", 40),
        ("animals", "size", "food", 28),
    ):
        counts = facts.table(table).group_by(one, other).len()["len"]
        assert counts.to_list() == [each] * 4


def test_a_template_is_cut_into_text_and_slots():
    template = facts.wording("barn").templates[0]
    assert template.context[:3] == ("They saw ", Slot("an", "animal", ""), " near the ")
    assert template.names == ("animal", "hour", "place")
