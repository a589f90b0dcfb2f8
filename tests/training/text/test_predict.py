"""Scores of options: against reading them one by one, and independent of batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.contract.text import open_text_shards
from pipeline.modeling.encoder import Architecture
from pipeline.modeling.language_load import EndTokens, small_language
from pipeline.training.text.batches import TextPlan
from pipeline.training.text.predict import (
    ReadingPlan,
    answers_from,
    decodes_exactly,
    score_options,
    split_rows,
)

CPU = torch.device("cpu")


def small(kind):
    model = small_language(
        kind,
        Architecture(2, 16, 2, 0.1),
        vocabulary=68,
        max_tokens=32,
        special=EndTokens(2, 3, 0),
        seed=1,
    )
    for name, parameter in sorted(model.named_parameters()):
        torch.manual_seed(len(name))
        torch.nn.init.normal_(parameter, std=0.3)
    return model.train()


@pytest.fixture(params=["causal", "seq2seq"])
def opened(request, shared_text_folders, shared_pair_folders):
    folders = shared_text_folders if request.param == "causal" else shared_pair_folders
    shards = open_text_shards(folders.root / "tokens" / "select")
    model = small(request.param)
    start = None if request.param == "causal" else model.start

    def how(budget):
        return ReadingPlan(shards.special, shards.max_tokens, TextPlan(1, budget, 16, start), CPU)

    return model, shards, how


def by_hand(model, shards, row, option):
    """Return the sum of the log-probabilities of one option by `transformers` alone, and its tokens."""
    ids = [model.start] if model.kind == "seq2seq" else [2]
    prefix, text = int(row.prefix[0]), row.input.values.tolist()
    written = [*option, 3]
    if model.kind == "causal":
        context = [2, prefix, *text]
        logits = model.transformer(torch.tensor([context + option])).logits[0, len(context) - 1 :]
    else:
        read = torch.tensor([[prefix, *text, 3]])
        call = {"input_ids": read, "decoder_input_ids": torch.tensor([ids + option])}
        logits = model.transformer(**call).logits[0]
    chosen = logits.log_softmax(-1)[range(len(written)), written]
    return (
        float(chosen.sum()),
        len(written),
        bool((logits.argmax(-1) == torch.tensor(written)).all()),
    )


@torch.inference_mode()
def test_scores_are_those_of_each_option_read_alone(opened):
    model, shards, how = opened
    ranked, _ = split_rows(shards.shards[0])
    found = score_options(model, ranked, how(200))
    assert model.training
    model.eval()
    for index in range(0, len(ranked), 4):
        row = ranked.take(np.array([index]))
        for slot in range(len(row.options)):
            low, high = row.options.offsets[slot : slot + 2]
            total, count, _ = by_hand(model, shards, row, row.options.values[low:high].tolist())
            at = ranked.option_offsets[index] + slot
            assert found["sum"][at] == pytest.approx(total, abs=1e-4)
            assert found["mean"][at] == pytest.approx(total / count, abs=1e-4)


def test_scores_do_not_depend_on_budget_and_padding(opened):
    model, shards, how = opened
    for shard in shards.shards[:2]:
        ranked, _ = split_rows(shard)
        alone = score_options(model, ranked, how(1))
        for budget in (60, 10**6):
            found = score_options(model, ranked, how(budget))
            np.testing.assert_allclose(found["sum"], alone["sum"], atol=1e-5)
            np.testing.assert_allclose(found["mean"], alone["mean"], atol=1e-5)
        some = score_options(model, ranked.take(np.array([7, 3])), how(10**6))
        low, high = ranked.option_offsets[7:9]
        np.testing.assert_allclose(some["sum"][: high - low], alone["sum"][low:high], atol=1e-5)


@torch.inference_mode()
def test_greedy_decoding_is_told_from_one_reading(opened):
    model, shards, how = opened
    _, free = split_rows(shards.shards[2])
    assert len(free) == 20
    found = decodes_exactly(model, free, how(100))
    model.eval()
    expected = []
    for index in range(len(free)):
        row = free.take(np.array([index]))
        expected.append(by_hand(model, shards, row, row.target.values.tolist())[2])
    assert found.tolist() == expected


def test_greedy_decoding_that_is_right_counts(opened):
    """A model that always says the same token, and then ends, is right where that is the target."""
    model, shards, how = opened
    _, free = split_rows(shards.shards[2])
    seen = []

    def says(module, arguments, logits):
        seen.append(1)
        return logits * 0 + torch.nn.functional.one_hot(torch.tensor(3), logits.shape[-1])

    handle = model.transformer.get_output_embeddings().register_forward_hook(says)
    assert not decodes_exactly(model, free, how(100)).any()
    empty = free.take(np.arange(3))
    nothing = type(empty.target)(empty.target.values[:0], np.zeros(4, np.int64))
    ended = replace(empty, target=nothing)
    assert decodes_exactly(model, ended, how(100)).all()
    handle.remove()
    assert seen


def test_rows_without_options_are_not_ranked(opened):
    model, shards, how = opened
    ranked, free = split_rows(shards.shards[2])
    assert (len(ranked), len(free)) == (0, 20)
    answers = answers_from(ranked, score_options(model, ranked, how(100))["sum"])
    assert len(answers.predicted) == 0


def test_equal_options_have_equal_scores_and_the_first_is_chosen(opened):
    model, shards, how = opened
    ranked, _ = split_rows(shards.shards[0])
    row = ranked.take(np.array([0, 1]))
    counts = row.counts
    twice = row.options.take(np.array([0, 0, *range(1, counts[0]), counts[0]]))
    doubled = replace(
        row, options=twice, option_offsets=np.array([0, counts[0] + 1, counts[0] + 2])
    )
    for budget in (1, 60, 10**6):
        found = score_options(model, doubled, how(budget))
        for scores in found.values():
            assert scores[0] == scores[1]
            assert len(set(scores[1:])) == len(scores) - 1
