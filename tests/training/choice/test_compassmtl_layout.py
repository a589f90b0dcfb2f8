import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.contract.choice import Rows, Special, open_shards
from pipeline.contract.order import open_order
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.errors import ArtefactError
from pipeline.modeling.encoder import Architecture, small_encoder
from pipeline.modeling.model import with_heads
from pipeline.training.choice.batches import BatchPlan, rank_batch
from pipeline.training.choice.compassmtl_layout import CompassMTLLayout, ending_tokens
from pipeline.training.choice.masks import Masking
from pipeline.training.choice.objective import choice_losses, inputs
from pipeline.training.choice.options import Keys

CPU = torch.device("cpu")
SPECIAL = Special(cls=2, sep=3, pad=0, mask=4)
ENDING = np.array([20, 21], dtype=np.int32)


def ragged(texts):
    values = np.array([token for text in texts for token in text], dtype=np.int32)
    return Ragged(values, offsets_of(np.array([len(text) for text in texts], dtype=np.int64)))


def row_of(context, question, choices, label=0):
    one = np.zeros(1, dtype=np.int64)
    return Rows(
        task=one, prefix=one + 10, context=ragged([context]), question=ragged([question]),
        choices=ragged(choices), choice_offsets=np.array([0, len(choices)]),
        label=one + label, golds=ragged([[]]), multi=np.zeros(1, dtype=bool), source=one,
    )  # fmt: skip


def lines_of(row, *, max_tokens=12):
    layout = CompassMTLLayout(ENDING, max_tokens)
    keys = Keys(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64))
    options = layout.options(row, keys, seed=1, max_options=8)
    lines = layout.lines(row, options, SPECIAL)
    tokens = lines.sequences.tokens
    return lines, [part.tolist() for part in np.split(tokens.values, tokens.offsets[1:-1])]


def test_missing_choices_are_filled_up_to_four():
    lines, sequences = lines_of(row_of([5], [6], [[6, 3, 7], [6, 3, 8]]))
    head = [2, 10, 5, 3, 6, 3]
    filler = [*head, 20, 21, 3]
    assert sequences == [[*head, 7, 3], [*head, 8, 3], filler, filler]
    assert lines.filler.tolist() == [False, False, True, True]
    assert lines.option_offsets.tolist() == [0, 4]
    assert lines.width == 12


def test_without_a_question_the_filler_is_the_ending_alone():
    _, sequences = lines_of(row_of([5], [], [[7], [8], [9]]))
    assert sequences[3] == [2, 10, 5, 3, 20, 21, 3]


def test_more_choices_are_cut_to_four_and_the_gold_one_stays():
    row = row_of([5], [], [[i] for i in range(30, 39)], label=7)
    _, sequences = lines_of(row)
    assert len(sequences) == 4
    assert [2, 10, 5, 3, 37, 3] in sequences


@pytest.mark.parametrize(
    ("context", "question", "expected"),
    [
        ([5, 5, 5, 5, 5, 6], [7], [2, 10, 5, 5, 5, 5, 3, 7, 3, 20, 21, 3]),
        ([5], [7, 6, 7, 8, 9, 9, 8], [2, 10, 3, 7, 8, 9, 9, 8, 3, 20, 21, 3]),
    ],
)
def test_a_filler_that_is_too_long_loses_context_then_question(context, question, expected):
    _, sequences = lines_of(row_of(context, question, [[*question, 3], [8]]))
    if len(question) > 1:
        expected = [2, 10, 3, *question[-5:], 3, 20, 21, 3]
    assert sequences[3] == expected
    assert len(sequences[3]) == 12


@pytest.fixture(scope="module")
def opened(shared_folders):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    return shards, open_order(shared_folders.root / "mix", shards)


def plan(**changes):
    layout = CompassMTLLayout(ENDING, 32)
    return BatchPlan(
        **({"seed": 13, "batch": 16, "token_budget": 10**6, "max_options": None,
            "masking": Masking(0.25, "like_any_token"), "layout": layout} | changes)
    )  # fmt: skip


def test_every_line_and_stem_is_padded_to_max_tokens(opened):
    batch = rank_batch(*opened, plan(), 0)
    [choice], [stems] = batch.choice, batch.masked
    assert choice.inputs.ids.shape == (len(choice.gold) * 4, 32)
    assert stems.inputs.ids.shape[1] == 32
    assert batch.cells()[1] == choice.inputs.ids.size + stems.inputs.ids.size
    assert choice.tokens < choice.inputs.real.sum(), "fillers are no tokens of choices"


def test_choices_are_drawn_once_for_all_epochs(opened):
    shards, _ = opened
    rows = shards.gather(np.arange(len(shards.shards[0].rows)))
    number = np.arange(len(rows))
    layout = CompassMTLLayout(ENDING, 32)
    first, second = (
        layout.options(rows, Keys(number + 100 * e, number, number * 0 + e), seed=3, max_options=2)
        for e in (0, 1)
    )
    assert first.kept.tolist() == second.kept.tolist()
    assert np.diff(first.offsets).max() == 4 < rows.counts.max()


def test_the_fillers_take_part_in_the_softmax(opened):
    shards = opened[0]
    encoder = small_encoder(
        Architecture(1, 16, 2, 0.0), vocabulary=shards.vocabulary, max_tokens=32, pad=0, seed=1
    )
    model = with_heads(encoder, dropout=0.0, seed=1, scoring="pooled")
    torch.manual_seed(1)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    [batch] = rank_batch(*opened, plan(), 2).choice
    found = choice_losses(model, batch, CPU)
    hidden = model.hidden(inputs(batch.inputs, CPU))[:, 0]
    head = model.heads.scoring
    pooled = functional.gelu(head.pooler.dense(hidden))
    scores = head.score(pooled).reshape(-1, 4)
    expected = functional.cross_entropy(scores, torch.from_numpy(batch.gold), reduction="none")
    torch.testing.assert_close(found.loss_R, expected, rtol=0, atol=1e-5)


def test_the_ending_comes_from_the_tokenizer(shared_folders, tmp_path):
    assert ending_tokens(shared_folders.root / "tokenizer").tolist() == [
        1
    ]  # a word it does not know
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ArtefactError, match="not readable"):
        ending_tokens(tmp_path)
