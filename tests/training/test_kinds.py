"""Kinds of training: what is trained and what is exported is the kind's to say."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.training.kinds import KINDS, Whole
from pipeline.training.loop import new_trainer
from pipeline.training.ranks import Ranks
from pipeline.training.run import read_run
from pipeline.training.session import run_session
from pipeline.training.views import VIEWS

ALONE = Ranks(0, 0, 1, torch.device("cpu"))


def test_whole_trains_what_the_view_says_and_leaves_the_model_alone(shared_folders):
    run, _ = read_run(shared_folders.write(shared_folders.run(), "whole"))
    view = VIEWS[run.view].open(run, ALONE, print)
    before = {name: value.clone() for name, value in view.model.state_dict().items()}
    found = KINDS["whole"].prepare(view)
    assert found.keys() == view.parameters().keys()
    assert all(torch.equal(value, before[name]) for name, value in view.model.state_dict().items())
    assert new_trainer(view, run.train, seed=1, ranks=ALONE).kind is KINDS["whole"]


class HeadOnly(Whole):
    """Trains the scoring head, and leaves a mark beside the model."""

    def prepare(self, view):
        for name, parameter in view.model.named_parameters():
            parameter.requires_grad = name.startswith("heads.scoring.")
        return {n: p for n, p in view.parameters().items() if n.startswith("heads.scoring.")}

    def save(self, view, out):
        super().save(view, out)
        (out / "kind").write_text("head only")


def test_a_kind_is_one_entry(shared_folders, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setitem(KINDS, "whole", HeadOnly())
    run = shared_folders.run(name="head-only", train={"mlm_weight": 0})
    try:
        run_session(shared_folders.write(run, "head-only"))
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
    out = Path(run["out"])
    assert (out / "kind").read_text() == "head only"
    settings, _ = read_run(shared_folders.write(run, "head-only"))
    start = VIEWS["choice"].open(settings, ALONE, print).model
    encoder, heads = (load_file(out / f"{name}.safetensors") for name in ("model", "head"))
    assert all(torch.equal(encoder[n], v) for n, v in start.encoder.state_dict().items())
    assert not torch.equal(heads["scoring.score.weight"], start.heads.scoring.score.weight)
