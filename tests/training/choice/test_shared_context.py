"""Packed choices against one choice at a time."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.choice import Rows, Special, open_shards
from pipeline.contract.order import open_order
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.modeling.encoder import Architecture, small_encoder
from pipeline.modeling.model import with_heads
from pipeline.training.choice.batches import BatchPlan, rank_batch
from pipeline.training.choice.exact_layouts import RaggedLayout
from pipeline.training.choice.lines import every_option
from pipeline.training.choice.objective import cells, choice_losses, inputs
from pipeline.training.choice.sequences import pad_sequences
from pipeline.training.choice.shared_context import SharedContextLayout

CPU = torch.device("cpu")
SPECIAL = Special(cls=2, sep=3, pad=0, mask=4)
READOUTS = ("own_cls", "last_sep")


def ragged(texts):
    values = np.array([token for text in texts for token in text], dtype=np.int32)
    return Ragged(values, offsets_of(np.array([len(text) for text in texts], dtype=np.int64)))


def rows_of(rows):
    """Rows of (context, question, choices)."""
    number = np.arange(len(rows), dtype=np.int64)
    return Rows(
        task=number,
        prefix=number + 10,
        context=ragged([row[0] for row in rows]),
        question=ragged([row[1] for row in rows]),
        choices=ragged([choice for row in rows for choice in row[2]]),
        choice_offsets=offsets_of(np.array([len(row[2]) for row in rows], dtype=np.int64)),
        label=np.zeros(len(rows), dtype=np.int64),
        golds=ragged([[] for _ in rows]),
        multi=np.zeros(len(rows), dtype=bool),
        source=number,
    )


TEXT = st.lists(st.integers(5, 9), max_size=4)


@st.composite
def tables(draw):
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        question, joined = draw(TEXT), draw(st.booleans())
        head = [*question, 3] if question and joined else []
        choices = draw(st.lists(TEXT, min_size=1, max_size=4))
        rows.append((draw(TEXT), question, [head + choice for choice in choices]))
    return rows


@settings(deadline=None, max_examples=50)
@given(tables(), st.sampled_from(READOUTS))
def test_every_choice_continues_the_shared_part_as_a_line_of_its_own_would(table, readout):
    rows = rows_of(table)
    options = every_option(rows)
    lines = SharedContextLayout(readout).lines(rows, options, SPECIAL)
    exact = RaggedLayout().lines(rows, options, SPECIAL).sequences
    assert lines.offsets.tolist() == list(range(len(table) + 1))
    tokens, blocks = lines.sequences.tokens, lines.sequences.blocks
    choice = np.arange(len(lines.line)) - lines.option_offsets[lines.line] + 1
    for option, line in enumerate(lines.line):
        part = slice(tokens.offsets[line], tokens.offsets[line + 1])
        ids, places, numbers = (x.values[part] for x in (tokens, blocks.places, blocks.choices))
        seen = (numbers == 0) | (numbers == choice[option])
        own = seen & (numbers > 0) & (places == 0)
        assert own.sum() == (readout == "own_cls")
        seen &= ~own
        alone = exact.tokens.values[exact.tokens.offsets[option] : exact.tokens.offsets[option + 1]]
        assert ids[seen].tolist() == alone.tolist()
        assert places[seen].tolist() == list(range(len(alone)))
        read = lines.place[option]
        assert numbers[read] == choice[option]
        if readout == "own_cls":
            assert (ids[read], places[read]) == (2, 0)
        else:
            assert (ids[read], places[read]) == (3, len(alone) - 1)
    padded = pad_sequences(lines.sequences, SPECIAL)
    for option, line in enumerate(lines.line):
        own_block = padded.choices[line] == choice[option]
        types = padded.types[line][own_block & (padded.places[line] > 0)]
        assert (types == 1).all()
        assert (padded.types[line][padded.places[line] == 0] == 0).all()


def test_the_question_is_read_once_where_all_choices_begin_with_it():
    asked = ([5, 6], [7, 8], [[7, 8, 3, 9], [7, 8, 3, 5]])
    cloze = ([5, 6], [7, 8], [[7, 9], [7, 5]])
    lines = SharedContextLayout("last_sep").lines(
        rows_of([asked, cloze]), every_option(rows_of([asked, cloze])), SPECIAL
    )
    tokens = lines.sequences.tokens
    first, second = np.split(tokens.values, [tokens.offsets[1]])
    assert first.tolist() == [2, 10, 5, 6, 3, 7, 8, 3, 9, 3, 5, 3]
    assert second.tolist() == [2, 11, 5, 6, 3, 7, 9, 3, 7, 5, 3]


@pytest.fixture(scope="module")
def opened(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    return shards, open_order(shared_folders.root / "mix", shards)


@pytest.fixture(scope="module")
def model(opened):
    encoder = small_encoder(
        Architecture(2, 16, 2, 0.0), vocabulary=opened[0].vocabulary, max_tokens=32, pad=0, seed=1
    )
    built = with_heads(encoder, dropout=0.0, seed=1)
    torch.manual_seed(1)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    return built.eval()


def packed_scores(model, rows, special, readout, *, blocks=True):
    """Score every choice of every row, all rows in one rectangle."""
    lines = SharedContextLayout(readout).lines(rows, every_option(rows), special)
    batch = inputs(pad_sequences(lines.sequences, special), CPU)
    if not blocks:
        batch = dataclasses.replace(batch, choice_SL=torch.zeros_like(batch.choice_SL))
    with torch.inference_mode():
        return model.scored(model.hidden(batch), cells(lines.line, lines.place, CPU)).numpy()


def one_at_a_time(model, rows, special, readout):
    """Score every choice in a line of its own, without padding."""
    scores = []
    for row in range(len(rows)):
        one = rows.take(np.array([row]))
        for choice in range(one.counts[0]):
            alone = dataclasses.replace(
                one, choices=one.choices.take(np.array([choice])), choice_offsets=np.array([0, 1])
            )
            scores.append(packed_scores(model, alone, special, readout)[0])
    return np.array(scores)


@pytest.mark.parametrize("readout", READOUTS)
def test_packed_scores_are_those_of_one_choice_at_a_time(opened, model, readout):
    shards, _ = opened
    rows = shards.gather(np.arange(4))
    assert rows.counts.max() > 4
    alone = one_at_a_time(model, rows, shards.special, readout)
    packed = packed_scores(model, rows, shards.special, readout)
    np.testing.assert_allclose(packed, alone, rtol=0, atol=1e-5)
    open_to_all = packed_scores(model, rows, shards.special, readout, blocks=False)
    assert np.abs(open_to_all - alone).max() > 0.01, "the mask is what keeps choices apart"
    assert packed.std() > 0.02


def test_eager_attention_takes_the_mask_too(opened, model):
    shards, _ = opened
    rows = shards.gather(np.arange(4))
    sdpa = packed_scores(model, rows, shards.special, "own_cls")
    model.encoder.set_attn_implementation("eager")
    try:
        eager = packed_scores(model, rows, shards.special, "own_cls")
    finally:
        model.encoder.set_attn_implementation("sdpa")
    np.testing.assert_allclose(eager, sdpa, rtol=0, atol=1e-5)


def test_a_row_reads_fewer_cells_than_its_choices_do(opened):
    plan = BatchPlan(seed=13, batch=16, token_budget=10**6, max_options=None, masking=None)
    shared = dataclasses.replace(plan, layout=SharedContextLayout("own_cls"))
    ours, theirs = (rank_batch(*opened, p, 0) for p in (shared, plan))
    assert ours.rows == theirs.rows
    assert ours.cells()[0] < 0.8 * theirs.cells()[0]
    assert sorted(g for b in ours.choice for g in b.gold) == sorted(
        g for b in theirs.choice for g in b.gold
    )


def test_prefixes_and_choices_receive_gradient(opened, model):
    plan = BatchPlan(13, 60, 10**6, None, None, layout=SharedContextLayout("own_cls"))
    model.zero_grad()
    for batch in rank_batch(*opened, plan, 0).choice:
        choice_losses(model, batch, CPU).loss_R.sum().backward()
    table = model.embeddings.weight.grad
    assert (table[list(opened[0].prefixes.values())].norm(dim=1) > 1e-6).all()
    model.zero_grad()
