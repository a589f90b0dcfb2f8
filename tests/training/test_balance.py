"""Weights of tasks: exact in both views, fed with what was seen, and carried across checkpoints."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.training.balance import BALANCES, NoBalance
from pipeline.training.ranks import Ranks
from pipeline.training.run import read_run
from pipeline.training.session import run_session
from pipeline.training.view import StepContext
from pipeline.training.views import VIEWS

CPU = torch.device("cpu")
ALONE = Ranks(0, 0, 1, CPU)


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def gradient(view, weights):
    """Return the figures and the gradients of one global batch under weights of the tasks."""
    context = StepContext(CPU, seed=1, precision="fp32", weights=weights)
    batch = view.batch(0, rank=0, world=1)
    view.model.zero_grad()
    sums = view.backward(batch, np.maximum(view.counts(batch), 1.0), context)
    found = [p.grad for p in view.parameters().values() if p.grad is not None]
    return sums.vector(), torch.cat([part.double().flatten() for part in found])


@pytest.mark.parametrize("kind", ["choice", "text"])
def test_a_gradient_is_the_weighted_sum_of_the_tasks_own(shared_folders, shared_text_folders, kind):
    folders = shared_folders if kind == "choice" else shared_text_folders
    path = folders.write(folders.run(model={"dropout": 0}, train={"mlm_weight": 0}), "weights")
    run, _ = read_run(path)
    view = VIEWS[run.view].open(run, ALONE, print)
    plain, whole = gradient(view, None)
    figures, ones = gradient(view, torch.ones(3))
    assert torch.equal(whole, ones)
    alone = [gradient(view, torch.eye(3)[task])[1] for task in range(3)]
    assert all(float(part.norm()) > 0 for part in alone)
    weighted, mixed = gradient(view, torch.tensor([2.0, 0.5, 0.5]))
    expected = 2 * alone[0] + alone[1] / 2 + alone[2] / 2
    torch.testing.assert_close(mixed, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(weighted, plain)  # the log shows losses without the weights
    np.testing.assert_array_equal(figures, plain)


def test_without_balancing_nothing_is_weighted_and_nothing_is_kept():
    balance = NoBalance(["a", "b"])
    balance.update(0, None)
    balance.load_state(balance.state())
    assert (balance.weights(0), balance.state()) == (None, {})


class Slowest(NoBalance):
    """The task with the highest loss so far counts three times as much: depends on all that was seen."""

    def __init__(self, tasks):
        self.sums = np.zeros((len(tasks), 3))

    def weights(self, step):
        found = np.full(len(self.sums), 0.6)
        found[np.argmax(self.sums[:, 1])] *= 3
        return found

    def update(self, step, sums):
        self.sums = self.sums + sums.tasks

    def state(self):
        return {"sums": self.sums.tolist()}

    def load_state(self, state):
        self.sums = np.array(state["sums"])


def trained(folders, name, **train):
    run = folders.run(name=name, train={"learning_rate": 1e-2} | train)
    run_session(folders.write(run, name))
    return Path(run["out"]), Path(run["resume"])


def test_a_balance_is_one_entry_and_goes_on_from_a_checkpoint(shared_folders, monkeypatch):
    plain, _ = trained(shared_folders, "unbalanced")
    monkeypatch.setitem(BALANCES, "none", Slowest)
    whole, resume = trained(shared_folders, "balanced", checkpoint_every=3, keep_last=9)
    for newest in sorted(resume.glob("step-*"))[1:]:
        shutil.rmtree(newest)
    shutil.rmtree(whole.parent / "out", ignore_errors=True)
    expected, _ = trained(shared_folders, "balanced-again")
    again, _ = trained(shared_folders, "balanced", checkpoint_every=3, keep_last=9)
    assert (again / "log.csv").read_bytes() == (expected / "log.csv").read_bytes()
    assert (again / "log.csv").read_bytes() != (plain / "log.csv").read_bytes()
