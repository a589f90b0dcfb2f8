"""Near pairs are those, and only those, that an exact comparison of trigrams accepts."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.curation import near
from pipeline.seeds import derive_rng

LONG = "a quick brown fox jumps over the lazy dog while it rains in the old town tonight"


def frame(rows, sources=None, targets=None):
    everything = range(len(rows))
    return pl.DataFrame(
        {
            "at": list(everything),
            "first": [row[0] for row in rows],
            "second": [row[1] for row in rows],
            "is_source": [i in (sources or everything) for i in everything],
            "is_target": [i in (targets or everything) for i in everything],
            "group": [0] * len(rows),
        },
        schema_overrides={"at": pl.UInt32, "group": pl.UInt32},
    )


def grams(text):
    words = text.split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))} if words else set()


def jaccard(one, other):
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b) if a | b else 1.0


def similarity(one, other):
    straight = min(jaccard(one[0], other[0]), jaccard(one[1], other[1]))
    return max(straight, min(jaccard(one[0], other[1]), jaccard(one[1], other[0])))


def test_one_changed_word_of_many_is_near():
    rows = [(LONG, ""), (LONG.replace("tonight", "today"), "")]
    pairs = near.near_pairs(frame(rows, sources={0}, targets={1}), least=0.7)
    assert pairs.rows() == [(0, 1, pytest.approx(14 / 16))]
    assert pairs.schema == near.PAIRS


def test_another_question_over_the_same_passage_is_not_near():
    rows = [(LONG, "where does the fox jump"), (LONG, "who was asleep in town")]
    assert near.near_pairs(frame(rows), least=0.3).height == 0


def test_swapped_parts_are_near():
    rows = [(LONG, "who jumps over the dog"), ("who jumps over the dog", LONG)]
    pairs = near.near_pairs(frame(rows, sources={0}, targets={1}), least=0.7)
    assert pairs["similarity"].to_list() == [1.0]


def test_only_sources_are_paired_with_targets_and_never_with_themselves():
    pairs = near.near_pairs(frame([(LONG, "")] * 3, sources={0, 1}, targets={1, 2}), least=0.7)
    assert pairs.select("source", "target").rows() == [(0, 1), (0, 2), (1, 2)]


def test_many_equal_targets_are_sampled_and_no_source_goes_without():
    rows = [(LONG, "")] * 40
    pairs = near.near_pairs(
        frame(rows, sources=set(range(20)), targets=set(range(20, 40))), least=0.7
    )
    counts = pairs.group_by("source").len()
    assert counts.height == 20
    assert counts["len"].unique().to_list() == [4]


def test_empty_texts_and_empty_frames_have_no_pairs():
    assert near.near_pairs(frame([("", ""), ("", "")]), least=0.5).height == 0
    assert near.near_pairs(frame([(LONG, "")]).clear(), least=0.5).height == 0


def test_nearly_every_pair_above_the_threshold_is_found():
    rng = derive_rng(1, "near")
    texts = [[f"w{word}" for word in rng.integers(0, 500, 30)] for _ in range(400)]
    rows = [(" ".join(words[start:]), "") for words in texts for start in (0, 4)]
    pairs = [(i, i + 1) for i in range(0, len(rows), 2)]
    assert all(0.7 <= similarity(rows[i], rows[j]) < 0.9 for i, j in pairs)
    found = set(near.near_pairs(frame(rows), least=0.7).select("source", "target").rows())
    assert sum(pair in found for pair in pairs) >= 0.97 * len(pairs)
    assert len(found) <= 2 * len(pairs)


WORDS = st.lists(st.sampled_from("ab"), max_size=7).map(" ".join)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_similarity_is_the_exact_jaccard_index(rows):
    texts = frame(rows)
    for source, target, value in near.near_pairs(texts, least=0.01).iter_rows():
        assert value == pytest.approx(similarity(rows[source], rows[target]))
    shuffled = near.near_pairs(texts.reverse(), least=0.01)
    assert shuffled.equals(near.near_pairs(texts, least=0.01))
