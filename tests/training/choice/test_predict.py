import numpy as np
import pytest
import torch

from pipeline.contract.choice import open_shards
from pipeline.modeling.encoder import Architecture, small_encoder
from pipeline.modeling.model import with_heads
from pipeline.training.choice.exact_layouts import RaggedLayout
from pipeline.training.choice.predict import answer_rows, score_choices
from pipeline.training.choice.shared_context import SharedContextLayout

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shards(shared_folders):
    return open_shards(shared_folders.root / "tokens" / "select")


@pytest.fixture(scope="module")
def model(shards):
    encoder = small_encoder(
        Architecture(1, 16, 2, 0.5), vocabulary=shards.vocabulary, max_tokens=32, pad=0, seed=1
    )
    built = with_heads(encoder, dropout=0.5, seed=1)
    torch.manual_seed(1)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return built


LAYOUTS = [RaggedLayout(), SharedContextLayout("own_cls"), SharedContextLayout("last_sep")]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_scores_do_not_depend_on_the_batch_size(shards, model, layout):
    for shard in shards.shards:
        rows = shard.rows.take(np.arange(len(shard.rows)))
        one, many = (
            score_choices(
                model, rows, shards.special, token_budget=budget, device=CPU, layout=layout
            )
            for budget in (1, 10**6)
        )
        np.testing.assert_allclose(one, many, rtol=0, atol=1e-5)
        assert one.std() > 0.01
        assert len(one) == len(rows.choices)


def test_dropout_is_off_for_the_time_only(shards, model):
    model.train()
    rows = shards.shards[0].rows.take(np.arange(5))
    first, second = (
        score_choices(model, rows, shards.special, token_budget=500, device=CPU) for _ in range(2)
    )
    assert (first == second).all()
    assert model.training


def test_a_part_of_the_rows_is_answered_as_in_the_whole(shards, model):
    arguments = {"token_budget": 300, "device": CPU}
    whole = answer_rows(model, shards.shards[0], shards.special, **arguments)
    part = answer_rows(model, shards.shards[0], shards.special, part=np.array([2, 11]), **arguments)
    assert part.predicted.tolist() == whole.predicted[[2, 11]].tolist()
    assert part.label.tolist() == whole.label[[2, 11]].tolist()
    assert part.source.tolist() == [2, 11]


def test_multi_label_rows_know_their_gold_sets(shards, model):
    answers = answer_rows(model, shards.shards[2], shards.special, token_budget=300, device=CPU)
    sets = shards.shards[2].rows.golds
    assert answers.gold.sum() == len(sets.values)
    assert answers.multi.all()
    hits = answers.gold[answers.offsets[:-1] + answers.predicted]
    assert (answers.right == hits).all()


def test_an_empty_task_has_no_answers(shards, model):
    answers = answer_rows(
        model, shards.shards[0], shards.special, token_budget=9, device=CPU,
        part=np.array([], dtype=np.int64),
    )  # fmt: skip
    assert len(answers.predicted) == 0
