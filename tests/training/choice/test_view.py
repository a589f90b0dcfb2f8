"""Global batches through the view: layouts, passes and ranks against one another."""

import numpy as np
import pytest
import torch

from pipeline.errors import TrainingError
from pipeline.training.choice.exact_layouts import PaddedLayout
from pipeline.training.choice.start import build_model, open_artefacts
from pipeline.training.choice.view import view_of
from pipeline.training.run import read_run
from pipeline.training.view import StepContext

CPU = torch.device("cpu")
HOW = StepContext(CPU, seed=1, precision="fp32")
LAYOUTS = ["ragged", "padded", "compassmtl", "shared_context"]


@pytest.fixture
def view(shared_folders):
    """Return the view of a run with these settings; weights are wide enough to tell texts apart."""

    def opened(**train):
        run, _ = read_run(shared_folders.write(shared_folders.run(train=train), "view"))
        artefacts = open_artefacts(run, verify=False)
        model = build_model(run, artefacts.train, say=print)
        for name, parameter in sorted(model.named_parameters()):
            torch.manual_seed(len(name))
            torch.nn.init.normal_(parameter, std=0.3)
        return view_of(run, artefacts, model.train(), device="cpu")

    return opened


def gradients(view, *, step=0, world=1):
    """Return the losses of one global batch and its gradients, over all ranks, in float64."""
    batches = [view.batch(step, rank=rank, world=world) for rank in range(world)]
    totals = np.maximum(sum(view.counts(batch) for batch in batches), 1.0)
    view.model.zero_grad()
    sums = sum(view.backward(batch, totals, HOW).vector() for batch in batches)
    found = {n: p.grad.double() for n, p in view.parameters().items() if p.grad is not None}
    assert len(found) == len(view.parameters())
    return sums, found


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("mlm_pass", ["second", "same"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_ranks_and_budgets_add_up_to_one_batch(view, layout, mlm_pass):
    settings = {"layout": layout, "mlm_pass": mlm_pass}
    sums, whole = gradients(view(**settings, token_budget=10**6))
    for world, budget in ((2, 160), (3, 10**6)):
        parts, found = gradients(view(**settings, token_budget=budget), world=world)
        # past tokens and cells, which the cut changes: the losses, their items, and the tasks
        np.testing.assert_allclose(parts[2:], sums[2:], rtol=0, atol=1e-5)
        assert_close(found, whole)


@pytest.mark.parametrize("mlm_pass", ["second", "same"])
def test_padded_has_the_loss_and_gradients_of_ragged(view, mlm_pass):
    ragged, ours = gradients(view(mlm_pass=mlm_pass))
    padded, theirs = gradients(view(mlm_pass=mlm_pass, layout="padded", token_budget=10**6))
    np.testing.assert_allclose(padded[2:], ragged[2:], rtol=0, atol=1e-5)
    assert_close(theirs, ours)
    assert padded[1] > 1.2 * ragged[1], "it has more cells"


def test_shared_context_is_another_model(view):
    ragged, shared = (
        gradients(view(layout=layout, mlm_weight=0))[0] for layout in ("ragged", "shared_context")
    )
    assert ragged[3] == shared[3]
    assert abs(ragged[2] - shared[2]) > 1e-3


def test_one_pass_reads_fewer_cells_and_guesses_in_the_gold_line(view):
    second, same = (view(mlm_pass=where).batch(0, rank=0, world=1) for where in ("second", "same"))
    assert same.masked == []
    assert 0 < same.masked_tokens <= second.masked_tokens
    assert same.cells()[1] < second.cells()[1]
    for batch in same.choice:
        lines = batch.line[np.flatnonzero(batch.slot == batch.gold[batch.row])]
        assert set(batch.masked.sequence) <= set(lines)
        shown = batch.inputs.ids[batch.masked.sequence, batch.masked.place]
        assert (shown == 4).all()


def test_select_answers_do_not_depend_on_the_budget(view):
    from pipeline.training.ranks import Ranks

    alone = Ranks(0, 0, 1, CPU)
    for layout in ("shared_context", "compassmtl"):
        few, many = (
            view(layout=layout, token_budget=budget).select(alone) for budget in (40, 10**6)
        )
        assert few["accuracy"] == many["accuracy"]
        assert set(few["accuracy"]) == {"alpha", "beta", "gamma"}


def test_the_layout_of_a_run_shapes_its_batches(view):
    assert isinstance(view(layout="padded").plan.layout, PaddedLayout)
    compass = view(layout="compassmtl")
    assert compass.plan.layout.max_tokens == 32
    assert "heads.scoring.pooler.dense.weight" in compass.parameters()
    assert "heads.scoring.pooler.dense.weight" not in view(layout="padded").parameters()


def test_an_encoder_that_cannot_keep_choices_apart_is_refused(shared_folders):
    from transformers import DebertaV2Config, DebertaV2Model

    from pipeline.modeling.model import with_heads

    path = shared_folders.write(shared_folders.run(train={"layout": "shared_context"}), "deberta")
    run, _ = read_run(path)
    artefacts = open_artefacts(run, verify=False)
    config = DebertaV2Config(
        vocab_size=80, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, relative_attention=True, position_buckets=8,
        pos_att_type=["p2c", "c2p"], max_relative_positions=32, position_biased_input=False,
    )  # fmt: skip
    model = with_heads(DebertaV2Model(config), dropout=0.0, seed=1)
    with pytest.raises(TrainingError) as error:
        view_of(run, artefacts, model, device="cpu")
    assert "the encoder (deberta-v2) cannot read train.layout shared_context" in error.value.what
    assert error.value.remedy == "set train.layout to ragged"
