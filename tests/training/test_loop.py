"""One step: the same gradients however it is cut, spread, recomputed or built ahead."""

import json
from dataclasses import replace

import pytest
import torch

from pipeline.errors import TrainingError
from pipeline.training import loop
from pipeline.training.loop import gradients, new_trainer, one_step
from pipeline.training.ranks import Ranks
from pipeline.training.run import read_run
from pipeline.training.session import run_session
from pipeline.training.views import VIEWS

ALONE = Ranks(0, 0, 1, torch.device("cpu"))
DROPOUT = {"dropout": 0.3}


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def begun(folders, *, overhead=None, name="loop", **settings):
    """Return a training before its first step."""
    run, _ = read_run(folders.write(folders.run(name=name, **settings), name))
    view = VIEWS[run.view].open(run, ALONE, print)
    if overhead is not None:
        view = replace(view, plan=replace(view.plan, overhead=overhead))
    return new_trainer(view, run.train, seed=run.seed, ranks=ALONE)


def first_gradient(training):
    sums = gradients(training)
    return training.optimizer.gradient.clone(), sums


def test_accumulated_gradients_are_those_of_one_batch(shared_folders):
    """Micro-batches of a small budget against one micro-batch for each kind."""
    whole = begun(shared_folders, train={"token_budget": 10**6}, overhead=10**9)
    parts = begun(shared_folders, train={"token_budget": 100}, overhead=20)
    pieces = [
        [len(b.gold) for b in t.view.batch(0, rank=0, world=1).choice] for t in (whole, parts)
    ]
    assert pieces[0] == [8]
    assert len(set(pieces[1])) > 1, "of one size, a mean of means would do"
    (expected, sums), (gradient, others) = first_gradient(whole), first_gradient(parts)
    assert expected.norm() > 1e-2
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-5)
    terms = whole.view.terms
    assert others.losses(terms) == pytest.approx(sums.losses(terms), abs=1e-6)
    assert others.cells < sums.cells


def test_recomputed_activations_change_no_gradient(shared_folders):
    """With dropout, whose draws must be repeated as they were."""
    plain = begun(shared_folders, model=DROPOUT)
    again = begun(shared_folders, model=DROPOUT, train={"gradient_checkpointing": True})
    switched = [
        any(getattr(module, "gradient_checkpointing", False) for module in t.view.model.modules())
        for t in (plain, again)
    ]
    assert switched == [False, True]
    (expected, _), (gradient, _) = first_gradient(plain), first_gradient(again)
    assert torch.equal(gradient, expected)


def test_recomputing_saves_activations(shared_folders):
    """Tensors that autograd holds between the passes, of six layers."""
    held = []
    for on in (False, True):
        model = {"layers": 6}
        training = begun(shared_folders, model=model, train={"gradient_checkpointing": on})
        sizes = []

        def pack(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            batch = training.view.batch(0, rank=0, world=1).choice[0]
            ids = torch.from_numpy(batch.inputs.ids)
            training.view.model.encoder(ids).last_hidden_state.sum()
        held.append(sum(sizes))
    assert held[1] < held[0] / 4


def test_an_architecture_that_cannot_recompute_is_refused(shared_folders, monkeypatch):
    from transformers import BertModel

    monkeypatch.setattr(BertModel, "supports_gradient_checkpointing", False)
    with pytest.raises(
        TrainingError, match="BertModel cannot compute its activations again"
    ) as error:
        begun(shared_folders, train={"gradient_checkpointing": True})
    assert "lower train.token_budget" in error.value.remedy


def test_bf16_halves_no_weight_and_stays_near(shared_folders):
    plain = begun(shared_folders)
    half = begun(shared_folders, train={"precision": "bf16"})
    (expected, _), (gradient, _) = first_gradient(plain), first_gradient(half)
    assert gradient.dtype == torch.float32
    assert 0 < (gradient - expected).norm() < 0.02 * expected.norm()


@pytest.mark.filterwarnings("ignore")
def test_a_compiler_that_fails_is_worded(shared_folders, monkeypatch):
    """What cannot be compiled is not trained uncompiled behind a person's back."""
    compiled = torch.nn.Module.compile

    def fails(graph, inputs):
        raise RuntimeError("no compiler found")

    def broken(self, **options):
        compiled(self, backend=fails, **options)

    monkeypatch.setattr(torch.nn.Module, "compile", broken)
    training = begun(shared_folders, train={"compile": True})
    before = training.weights()["encoder.embeddings.word_embeddings.weight"].clone()
    with pytest.raises(TrainingError, match="torch.compile failed: .*no compiler found") as error:
        one_step(training)
    assert error.value.remedy == "set train.compile to false"
    assert torch.equal(training.weights()["encoder.embeddings.word_embeddings.weight"], before)


def test_memory_that_runs_out_is_worded(shared_folders, monkeypatch):
    training = begun(shared_folders)

    def fails(run):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop, "gradients", fails)
    with pytest.raises(TrainingError, match="the memory of cpu is too small for step 1") as error:
        one_step(training)
    assert "lower train.token_budget (now 160)" in error.value.remedy


def test_other_errors_of_a_step_stay_as_they_are(shared_folders, monkeypatch):
    training = begun(shared_folders)

    def fails(run):
        raise RuntimeError("a bug")

    monkeypatch.setattr(loop, "gradients", fails)
    with pytest.raises(RuntimeError, match="a bug"):
        one_step(training)


def test_a_loss_that_is_not_finite_is_an_error_and_keeps_the_checkpoint(shared_folders):
    wild = {"clip": 1e30, "learning_rate": 1e30, "warmup": 0, "checkpoint_every": 1}
    run = shared_folders.run(name="nan", train=wild)
    with pytest.raises(TrainingError, match="of step 2 is not finite") as error:
        run_session(shared_folders.write(run, "nan"))
    assert error.value.remedy.endswith("the checkpoint of step 1 is intact")
    resume = shared_folders.root / "nan" / "resume"
    assert [path.name for path in sorted(resume.iterdir())] == ["step-00000001"]
    assert not (shared_folders.root / "nan" / "out").exists()


DDP = """
import json, os
os.environ.update(environment)
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from contextlib import nullcontext
from pathlib import Path
from pipeline.training.loop import gradients, new_trainer
from pipeline.training.choice.objective import choice_losses
from pipeline.training.ranks import join_ranks
from pipeline.training.run import read_run
from pipeline.training.views import VIEWS

torch.set_num_threads(1)
with join_ranks() as ranks:
    settings, _ = read_run(Path(run))
    view = VIEWS[settings.view].open(settings, ranks, print)
    ours = new_trainer(view, settings.train, seed=1, ranks=ranks)
    sums = gradients(ours)
    theirs = VIEWS[settings.view].open(settings, ranks, print)
    used = theirs.parameters()
    for name, parameter in theirs.model.named_parameters():
        parameter.requires_grad_(name in used)

    class Losses(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = theirs.model
        def forward(self, batch):
            return choice_losses(self.model, batch, ranks.device).loss_R.sum()

    wrapped = DistributedDataParallel(Losses())
    batches = theirs.batch(0, rank=ranks.rank, world=ranks.world).choice
    rows = sums.terms[0, 1]
    for place, batch in enumerate(batches):
        with nullcontext() if place == len(batches) - 1 else wrapped.no_sync():
            (wrapped(batch) * (ranks.world / rows)).backward()
    mine = dict(ours.view.model.named_parameters())
    far = max(float((used[name].grad - mine[name].grad).abs().max()) for name in used)
    norm = float(ours.optimizer.gradient.norm())
    Path(output).write_text(json.dumps({"far": far, "norm": norm, "micro": len(batches)}))
"""


def test_one_flat_sum_gives_the_gradients_of_ddp(shared_folders, trainers):
    """Ragged batches: the mean is over the global count of rows, which DDP's own mean is not."""
    train = {"mlm_weight": 0, "token_budget": 30, "batch": 7}
    path = shared_folders.write(shared_folders.run(name="ddp", train=train), "ddp")
    ranks = trainers.ranks(path, 2, code=DDP)
    assert [rank.end() for rank in ranks] == [0, 0]
    figures = [json.loads(rank.output.read_text()) for rank in ranks]
    assert [figure["far"] for figure in figures] == [0.0, 0.0]  # the same bits
    assert figures[0]["norm"] == figures[1]["norm"] > 1e-3
    assert [figure["micro"] for figure in figures] == [3, 4]
