"""Whole trainings of the text view: outputs, resume, ranks, the exported folder, the judge."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.contract.ragged import Ragged
from pipeline.contract.text import TextRows, TextSpecial
from pipeline.errors import ArtefactError, ConfigError, TrainingError
from pipeline.training.session import run_session
from pipeline.training.text.batches import TextPlan
from pipeline.training.text.predict import ReadingPlan, score_options
from pipeline.training.text.start import load_language
from pipeline.training.text.view import TextView
from pipeline.training.views import judge_model
from tests.training.prefixes import load_prefixes


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def trained(folders, name, **settings):
    run_session(folders.write(folders.run(name=name, **settings), name))
    return folders.root / name / "out"


@pytest.fixture(scope="module")
def done(shared_text_folders):
    return trained(shared_text_folders, "done")


@pytest.fixture(scope="module")
def pair_done(shared_pair_folders):
    return trained(
        shared_pair_folders, "done", model={"dropout": 0.1}, train={"learning_rate": 0.01}
    )


def test_the_outputs(done, shared_text_folders):
    names = sorted(path.name for path in done.iterdir())
    assert names == [
        "README.md", "config.json", "generation_config.json", "log.csv", "model.safetensors",
        "prefixes.safetensors", "run.json", "select.json", "supervised.csv", "task_log.csv", "tasks.csv",
        "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    log = table(done / "log.csv")
    assert list(log[0])[:3] == ["step", "loss", "token_loss"]
    assert int(log[-1]["examples"]) == 78
    tasks, supervised = table(done / "tasks.csv"), table(done / "supervised.csv")
    assert [t["examples"] for t in tasks] == [s["examples"] for s in supervised]
    assert sum(int(task["examples"]) for task in tasks) == 78
    names, initial, final = load_prefixes(done)
    assert names == ["alpha", "beta", "gamma"]
    assert torch.equal(initial[0], initial[1])
    assert (final - initial).norm(dim=1).min() > 1e-3
    assert json.loads((done / "run.json").read_text())["view"] == "text"


@pytest.mark.parametrize("of", ["done", "pair_done"])
def test_the_card_s_snippet_gives_our_scores(of, request, monkeypatch, capsys):
    out = request.getfixturevalue(of)
    code = re.search(r"```python\n(.*?)```", (out / "README.md").read_text(), re.DOTALL)[1]
    monkeypatch.chdir(out)
    names: dict[str, object] = {}
    exec(code, names)
    assert all(score < 0 for score in json.loads(capsys.readouterr().out))
    theirs = [names["score"]("beta", "w1 w2", option) for option in ("w3", "w4 w5", "")]
    causal = of == "done"
    special = TextSpecial(2 if causal else None, 3, 0)
    rows = TextRows(
        task=np.array([1]),
        prefix=np.array([66]),
        input=Ragged(np.array([6, 7], np.int32), np.array([0, 2])),
        target=Ragged(np.zeros(0, np.int32), np.array([0, 0])),
        options=Ragged(np.array([8, 9, 10], np.int32), np.array([0, 1, 3, 3])),
        option_offsets=np.array([0, 3]),
        label=np.array([0]),
        prompt=np.array([0]),
        source=np.array([0]),
    )
    model = load_language(out, "causal" if causal else "seq2seq", max_tokens=32)
    plan = TextPlan(1, 1000, 256, None if causal else model.start)
    ours = score_options(model, rows, ReadingPlan(special, 32, plan, torch.device("cpu")))
    np.testing.assert_allclose(ours["sum"], theirs, atol=1e-5)
    np.testing.assert_allclose(ours["mean"], np.array(theirs) / [2, 3, 1], atol=1e-5)


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_a_killed_training_goes_on_as_if_it_had_not_been(
    kind, shared_text_folders, shared_pair_folders, done, pair_done, monkeypatch
):
    causal = kind == "causal"
    folders, whole = (shared_text_folders, done) if causal else (shared_pair_folders, pair_done)
    model, rate = ({}, {}) if causal else ({"dropout": 0.1}, {"learning_rate": 0.01})
    run = folders.run(name="killed", model=model, train=rate | {"checkpoint_every": 1})
    path = folders.write(run, "killed")
    exact, calls = TextView.backward, []

    def stops(self, *arguments):
        """Let a step more pass with every start, the first of which is repeated."""
        calls.append(1)
        if len(calls) % 2 == 0:
            raise KeyboardInterrupt
        return exact(self, *arguments)

    monkeypatch.setattr(TextView, "backward", stops)
    steps = len(table(whole / "log.csv"))
    for _ in range(steps - 1):
        with pytest.raises(KeyboardInterrupt):
            run_session(path)
    run_session(path)
    assert len(calls) == 2 * steps - 1
    out = folders.root / "killed" / "out"
    for name in ("log.csv", "tasks.csv", "task_log.csv", "select.json"):
        assert (out / name).read_text() == (whole / name).read_text()
    ours, theirs = load_file(out / "model.safetensors"), load_file(whole / "model.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    shutil.rmtree(folders.root / "killed")


def test_two_ranks_give_the_losses_of_one(shared_text_folders, done, trainers):
    path = shared_text_folders.write(shared_text_folders.run(name="two"), "two")
    ranks = trainers.ranks(path, 2)
    assert [rank.end() for rank in ranks] == [0, 0]
    out = shared_text_folders.root / "two" / "out"
    for one, two in zip(table(done / "log.csv"), table(out / "log.csv"), strict=True):
        assert float(two["loss"]) == pytest.approx(float(one["loss"]), abs=1e-5)
        assert (one["tokens"], one["examples"]) == (two["tokens"], two["examples"])


def test_other_packs_are_another_run(shared_text_folders, done):
    settings = shared_text_folders.run(name="foreign", train={"checkpoint_every": 1})
    path = shared_text_folders.write(settings, "foreign")
    run_session(path)
    (path.parent / "out").rename(path.parent / "first")
    settings["text"]["pack_window"] = 50
    shared_text_folders.write(settings, "foreign")
    with pytest.raises(TrainingError, match="belongs to another recipe"):
        run_session(path)


def test_it_goes_on_from_another_run_s_model(shared_text_folders, done):
    out = trained(shared_text_folders, "next", init=str(done), train={"batch": 6})
    _, initial, _ = load_prefixes(out)
    _, _, final = load_prefixes(done)
    assert torch.equal(initial, final)
    first = float(table(out / "log.csv")[0]["loss"])
    assert first < float(table(done / "log.csv")[0]["loss"]) - 0.1


def test_it_learns(shared_pair_folders, tmp_path):
    out = trained(
        shared_pair_folders, "long", train={"learning_rate": 0.02, "batch": 2}, model={"width": 32}
    )
    first, *_, last = (float(row["loss"]) for row in table(out / "log.csv"))
    assert last < 0.7 * first


@pytest.mark.parametrize("of", ["done", "pair_done"])
def test_the_judge_repeats_the_answers_on_select_rows(of, request):
    out = request.getfixturevalue(of)
    folders = out.parents[1]
    select = json.loads((out / "select.json").read_text())
    for budget in (64, 10**5):
        found = {
            j.task: j for j in judge_model(out, folders / "tokens" / "select", token_budget=budget)
        }
        assert list(found) == ["alpha", "beta", "gamma"]
        assert found["gamma"].figures["exact_match"] == select["accuracy"]["gamma"]
        assert len(found["gamma"].answers.predicted) == 0
        for task in ("alpha", "beta"):
            assert found[task].score == "sum"
            right = found[task].answers.right.mean()
            assert right == pytest.approx(select["accuracy"][task])
            for score in ("accuracy_sum", "accuracy_mean"):
                assert found[task].figures[score] == pytest.approx(select[score][task])


def test_what_does_not_fit_together_is_refused(text_folders):
    folders = text_folders(positions=20).build()
    with pytest.raises(ArtefactError, match="tokens for a causal model"):
        trained(folders, "kind", text={"model": "seq2seq"})
    with pytest.raises(ArtefactError, match="its rows are packed, the run's are not"):
        trained(folders, "packs", text={"pack_tokens": None})
    with pytest.raises(ConfigError, match="text: is missing"):
        run_session(folders.write(folders.run(name="none") | {"text": None}, "none"))
    with pytest.raises(ArtefactError, match="tokens of the view 'text'"):
        run_session(folders.write(folders.run(name="view") | {"view": "choice"}, "view"))
    with pytest.raises(TrainingError, match="'flex' has no backward pass without a GPU"):
        trained(folders, "flex", text={"attention": "flex"})
    with pytest.raises(TrainingError, match="no model_path is given"):
        trained(folders, "path", model={"source": "someone/something"})


def test_rows_that_are_not_packed_train_too(text_folders):
    folders = text_folders(pack_tokens=None, begins=False, positions=30).build()
    out = trained(folders, "loose")
    assert len(table(out / "log.csv")) == 4


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_the_best_model_is_kept_and_activations_can_be_computed_again(
    kind, shared_text_folders, shared_pair_folders, done
):
    folders = shared_text_folders if kind == "causal" else shared_pair_folders
    settings = {"gradient_checkpointing": True, "best": True, "select_every": 1}
    out = trained(folders, "best", train=settings)
    looks = {row["step"]: float(row["accuracy_macro"]) for row in table(out / "select.csv")}
    select = json.loads((out / "select.json").read_text())
    assert select["accuracy_macro"] == pytest.approx(max(looks.values()), abs=1e-5)
    if kind == "causal":  # without dropout both give the same losses
        losses = [float(row["loss"]) for row in table(out / "log.csv")]
        expected = [float(row["loss"]) for row in table(done / "log.csv")]
        assert losses == pytest.approx(expected, abs=1e-5)
