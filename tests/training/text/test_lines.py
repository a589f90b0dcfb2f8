import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.contract.text import TextRows, TextSpecial
from pipeline.training.text.batches import PADDING, group_pairs, line_batch, pair_batch
from pipeline.training.text.lines import continuations, documents, pairs

BOS, EOS, PAD, PREFIX = 1, 2, 0, 90
SPECIAL = TextSpecial(BOS, EOS, PAD)


def ragged(texts):
    values = np.array([token for text in texts for token in text], np.int32)
    return Ragged(values, offsets_of(np.array([len(text) for text in texts], np.int64)))


def rows(inputs, targets, options=None):
    options = options or [[] for _ in inputs]
    zeros = np.zeros(len(inputs), np.int64)
    return TextRows(
        task=zeros,
        prefix=zeros + PREFIX,
        input=ragged(inputs),
        target=ragged(targets),
        options=ragged([option for some in options for option in some]),
        option_offsets=offsets_of(np.array([len(some) for some in options], np.int64)),
        label=zeros,
        prompt=zeros,
        source=zeros,
    )


def texts_of(ragged):
    return [
        ragged.values[a:b].tolist()
        for a, b in zip(ragged.offsets, ragged.offsets[1:], strict=False)
    ]


def test_documents_of_a_unit_stand_in_one_line():
    lines = documents(
        rows([[10, 11], [12], []], [[20], [], [21, 22]]), np.array([0, 2, 3]), SPECIAL
    )
    assert texts_of(lines.tokens) == [[1, 90, 10, 11, 20, 1, 90, 12], [1, 90, 21, 22]]
    assert texts_of(lines.place) == [[0, 1, 2, 3, 4, 0, 1, 2], [0, 1, 2, 3]]
    assert texts_of(lines.segment) == [[1, 1, 1, 1, 1, 2, 2, 2], [1, 1, 1, 1]]
    assert lines.asks.offsets.tolist() == [0, 3, 6]
    assert lines.asks.at.tolist() == [3, 4, 7, 1, 2, 3]
    assert lines.asks.answer.tolist() == [20, 2, 2, 21, 22, 2]
    assert lines.asks.owner.tolist() == [0, 0, 1, 2, 2, 2]


def test_without_prefixes_an_input_stands_alone():
    bare = TextSpecial(BOS, EOS, PAD, prefix=False)
    some = rows([[10, 11]], [[20]], [[[20], [21]]])
    assert texts_of(documents(some, np.array([0, 1]), bare).tokens) == [[1, 10, 11, 20]]
    assert texts_of(continuations(some, bare, room=9).tokens) == [[1, 10, 11, 20, 21]]
    written = pairs(some, some.target, np.array([0, 1]), bare, start=0)
    assert texts_of(written.inputs) == [[10, 11, 2]]


def test_options_stand_behind_one_context_and_are_cut_into_lines():
    some = rows([[10], [11, 12]], [[20], [20]], [[[20], [21, 22], []], [[23, 24, 25], [26]]])
    lines = continuations(some, SPECIAL, room=100)
    assert texts_of(lines.tokens) == [[1, 90, 10, 20, 21, 22], [1, 90, 11, 12, 23, 24, 25, 26]]
    assert texts_of(lines.place) == [[0, 1, 2, 3, 3, 4], [0, 1, 2, 3, 4, 5, 6, 4]]
    assert texts_of(lines.segment) == [[0, 0, 0, 1, 2, 2], [0, 0, 0, 0, 1, 1, 1, 2]]
    assert lines.asks.at.tolist() == [2, 3, 2, 4, 5, 2, 3, 4, 5, 6, 3, 7]
    assert lines.asks.answer.tolist() == [20, 2, 21, 22, 2, 2, 23, 24, 25, 2, 26, 2]
    assert lines.asks.owner.tolist() == [0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 4, 4]
    cut = continuations(some, SPECIAL, room=2)
    assert texts_of(cut.tokens) == [
        [1, 90, 10, 20, 21, 22], [1, 90, 10], [1, 90, 11, 12, 23, 24, 25], [1, 90, 11, 12, 26],
    ]  # fmt: skip
    assert cut.asks.owner.tolist() == lines.asks.owner.tolist()
    assert cut.asks.answer.tolist() == lines.asks.answer.tolist()
    assert cut.asks.offsets.tolist() == [0, 5, 6, 10, 12]


def test_pairs_begin_and_end():
    some = rows([[10], []], [[20, 21], []])
    found = pairs(some, some.target, np.array([0, 1, 2]), SPECIAL, start=7)
    assert texts_of(found.inputs) == [[90, 10, 2], [90, 2]]
    assert texts_of(found.texts) == [[7, 20, 21], [7]]
    assert found.asks.at.tolist() == [0, 1, 2, 0]
    assert found.asks.answer.tolist() == [20, 21, 2, 2]


def test_rectangles_mark_their_padding():
    lines = documents(rows([[10], [11, 12]], [[20], [21]]), np.array([0, 1, 2]), SPECIAL)
    batch = line_batch(lines.take(np.array([1, 0])), SPECIAL)
    assert batch.ids.tolist() == [[1, 90, 11, 12, 21], [1, 90, 10, 20, PAD]]
    assert batch.segment.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, PADDING]]
    assert batch.asked.line.tolist() == [0, 0, 1, 1]
    assert batch.asked.owner.tolist() == [1, 1, 0, 0]
    assert (batch.tokens, batch.cells) == (9, 10)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.lists(st.integers(0, 6), min_size=1, max_size=4)),
        min_size=1,
        max_size=9,
    ),
    st.integers(1, 80),
)
def test_pair_groups_hold_every_input_once_under_the_budget(sizes, budget):
    some = rows(
        [[5] * length for length, _ in sizes], [[]] * len(sizes),
        [[[6] * length for length in options] for _, options in sizes],
    )  # fmt: skip
    texts = pairs(some, some.options, some.option_offsets, SPECIAL, start=7)
    groups = group_pairs(texts, budget)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(sizes)))
    for group in groups:
        batch = pair_batch(texts.take(group), SPECIAL)
        assert batch.cells <= budget or len(group) == 1
        assert (
            batch.input.tolist()
            == np.repeat(np.arange(len(group)), [len(sizes[g][1]) for g in group]).tolist()
        )
