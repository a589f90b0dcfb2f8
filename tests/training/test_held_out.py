"""Held-out tasks in a training: their prefix, and that they decide nothing."""

import csv
import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pipeline.errors import ConfigError
from pipeline.training.looks import mean_prefixes, over_drawn_tasks, set_mean_prefixes
from pipeline.training.session import run_session
from tests.training.prefixes import load_prefixes

PREFIXES = {"a": 1, "b": 2, "c": 3, "held": 4}


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def table():
    made = nn.Embedding(6, 2)
    made.weight.data = torch.arange(12.0).reshape(6, 2)
    return made


def test_the_prefix_is_the_mean_of_those_that_were_trained():
    made = table()
    examples = {"a": 5, "b": 0, "c": 2, "held": 0}
    set_mean_prefixes(made, PREFIXES, held_out={"held", "elsewhere"}, examples=examples)
    expected = torch.arange(12.0).reshape(6, 2)
    expected[4] = torch.tensor([4.0, 5.0])  # of rows 1 and 3: b was not drawn
    torch.testing.assert_close(made.weight.data, expected)


def test_without_trained_or_held_out_tasks_nothing_changes():
    for held_out, examples in (({"held"}, {}), (set(), {"a": 1})):
        made = table()
        set_mean_prefixes(made, PREFIXES, held_out=held_out, examples=examples)
        torch.testing.assert_close(made.weight.data, table().weight.data)


def test_a_look_leaves_no_trace_even_if_it_fails():
    made = table()
    seen = []

    def look():
        with mean_prefixes(made, PREFIXES, held_out={"held"}, examples={"a": 1}):
            seen.append(made.weight[4].tolist())
            raise RuntimeError("in a look")

    with pytest.raises(RuntimeError, match="in a look"):
        look()
    assert seen == [[2.0, 3.0]]
    assert torch.equal(made.weight.data, table().weight.data)


def test_the_macro_accuracy_is_that_of_drawn_tasks():
    seen = {"accuracy": {"a": 0.5, "b": 1.0, "held": 0.0}, "accuracy_macro": 0.5, "thresholds": {}}
    assert over_drawn_tasks(seen, frozenset()) == seen
    found = over_drawn_tasks(seen, {"held"})
    assert (found["accuracy_macro"], found["accuracy_macro_held_out"]) == (0.75, 0.0)
    assert found["accuracy"] == seen["accuracy"]
    nothing = over_drawn_tasks(seen, {"a", "b", "held"})
    assert (nothing["accuracy_macro"], nothing["accuracy_macro_held_out"]) == (None, 0.5)


def trained(folders, name, **changes):
    run = folders.run(name=name, train={"select_every": 2, "best": True}, **changes)
    run_session(folders.write(run, name))
    return folders.root / name / "out"


@pytest.fixture(params=["choice", "text"])
def made(request, folders, text_folders):
    builder = folders if request.param == "choice" else text_folders
    return builder(undrawn="gamma").build()


def test_a_training_looks_at_held_out_tasks_and_is_not_chosen_by_them(made):
    out = trained(made, "held", held_out=["gamma"])
    names, _, final = load_prefixes(out)
    at = names.index("gamma")
    others = [i for i in range(len(names)) if i != at]
    torch.testing.assert_close(final[at], final[others].double().mean(0).float())
    select = json.loads((out / "select.json").read_text())
    drawn = [value for task, value in select["accuracy"].items() if task != "gamma"]
    assert select["accuracy_macro"] == pytest.approx(sum(drawn) / len(drawn))
    assert select["accuracy_macro_held_out"] == select["accuracy"]["gamma"]
    with (out / "tasks.csv").open() as file:
        examples = {row["task"]: int(row["examples"]) for row in csv.DictReader(file)}
    assert examples["gamma"] == 0
    assert examples["alpha"] > 0
    card = (out / "README.md").read_text()
    assert "Trained by taskloom on 2 tasks (and none of 1 held out), each" in card
    assert "| gamma | held out |" in card


def test_looks_at_held_out_tasks_change_no_step(folders):
    made = folders(undrawn="gamma").build()
    outs = []
    for name, every in (("often", 1), ("never", None)):
        run = made.run(name=name, train={"select_every": every}, held_out=["gamma"])
        run_session(made.write(run, name))
        outs.append(made.root / name / "out")
    weights = [load_file(out / "model.safetensors") for out in outs]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_held_out_is_a_list_of_names(shared_folders):
    path = shared_folders.write(shared_folders.run(name="bad", held_out="gamma"), "bad")
    with pytest.raises(ConfigError, match="held_out: is 'gamma'") as caught:
        run_session(path)
    assert "a list of texts" in str(caught.value)
