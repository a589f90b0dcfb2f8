"""What a plan says of supervised tokens, over cutting and packing, is what training sees."""

import json

import numpy as np
import pytest

from pipeline.contract.files import read_arrow, read_json, sha256, write_json
from pipeline.contract.order import open_order
from pipeline.contract.text import open_text_shards
from pipeline.errors import MixtureError
from pipeline.stages import mix, plan
from pipeline.stages.packs import PACKS, Lengths, packing
from pipeline.tokens.pack import packed
from pipeline.training.text.batches import TextPlan, text_rank_batch, text_steps
from pipeline.training.text.units import open_units
from pipeline.training.text.view import supervised_csv


def mixed(mixture, **packs):
    """Tokenise so that inputs and targets are cut, plan and mix."""
    mixture.tokens(max_tokens=26, text={"target_tokens": 2})
    mixture.tell()
    mixture.tell_packs(**packs)
    plan.main([mixture.layout.name, "compass"])
    mix.main([mixture.layout.name, "compass"])
    return mixture.layout.mix("compass")


@pytest.mark.parametrize("pack_tokens", [96, None])
def test_the_plan_is_what_training_sees(text_mixture, pack_tokens):
    folder = mixed(text_mixture, pack_tokens=pack_tokens)
    layout = text_mixture.layout
    said = read_json(layout.plan("compass"))
    counted = read_json(folder / "packing.json")
    shards = open_text_shards(layout.tokens("train"))
    assert sum(
        task["input_cut"] for task in read_json(layout.tokens("train") / "manifest.json")["tasks"]
    )
    order = open_order(folder, shards)
    units = open_units(folder, len(order), packed=pack_tokens is not None)
    how = TextPlan(batch=counted["batch"], token_budget=200, overhead=1)
    steps = [
        text_rank_batch(shards, order, units, how, step, rank=0, world=1)
        for step in range(text_steps(units, how))
    ]
    supervised = [step.supervised for step in steps]
    assert sum(supervised) == said["totals"]["supervised"] == counted["supervised"]
    assert sum(step.cells()[0] for step in steps) == said["totals"]["tokens"] == counted["tokens"]
    assert len(steps) == counted["steps"]
    spread = counted["supervised_per_step"]
    assert (spread["least"], spread["most"]) == (min(supervised), max(supervised))
    table = [line.split(",") for line in supervised_csv(shards, order).splitlines()[1:]]
    by_task = {task["task"]: (task["quota"], task["supervised"]) for task in said["tasks"]}
    assert {name: (int(rows), int(tokens)) for name, rows, tokens in table} == by_task
    trained = np.bincount(np.concatenate([step.task for step in steps]), minlength=4)
    assert trained.tolist() == [by_task[name][0] for name in sorted(by_task)]


def test_packs_stand_beside_the_order(text_mixture, capsys):
    folder = mixed(text_mixture)
    manifest = read_json(folder / "manifest.json")
    packs = read_arrow(folder / "packs.arrow")
    assert packs.schema.equals(PACKS)
    summary = read_json(folder / "packing.json")
    assert manifest["packs"] == {
        "algorithm": "best-fit-decreasing-1", "pack_tokens": 96, "window": 60,
        "lines": packs.num_rows, "sha256": sha256(folder / "packs.arrow"),
    }  # fmt: skip
    assert summary["lines"] == packs.num_rows >= summary["lower_bound"]
    assert summary["waste"] == round(1 - summary["tokens"] / (96 * packs.num_rows), 6)
    assert f"packed 135 rows into {packs.num_rows} lines of 96 tokens" in capsys.readouterr().out


def test_the_tailored_pass_has_lines_in_another_order(text_mixture):
    mixed(text_mixture)
    layout = text_mixture.layout
    told = read_json(layout.plan("compass"))
    write_json(told | {"which": "tailored"}, layout.plan("tailored"))
    mix.main([layout.name, "tailored"])
    one, two = (read_arrow(layout.mix(which) / "packs.arrow") for which in ("compass", "tailored"))
    assert one["positions"].to_pylist() != two["positions"].to_pylist()
    assert sorted(one["positions"].to_pylist()) == sorted(two["positions"].to_pylist())


def test_an_order_with_other_supervised_tokens_is_refused(text_mixture):
    mixed(text_mixture)
    path = text_mixture.layout.plan("compass")
    told = read_json(path)
    told["tasks"][0]["supervised"] += 1
    path.write_text(json.dumps(told))
    with pytest.raises(MixtureError, match="supervised tokens\n  expected: [0-9]+, as planned"):
        mix.main([text_mixture.layout.name, "compass"])


def test_a_choice_mixture_is_not_packed(mixture):
    plan.main([mixture.layout.name, "compass"])
    mix.main([mixture.layout.name, "compass"])
    names = {path.name for path in mixture.layout.mix("compass").iterdir()}
    assert not {"packs.arrow", "packing.json"} & names


def test_packing_counts_by_hand():
    lengths = Lengths(np.array([6, 3, 5, 4]), np.array([2, 1, 3, 1]))
    lines = packed(lengths.tokens_N, capacity=10, window=9, seed=1)
    found = packing(lengths, lines, 10, batch=1)
    assert (found["lines"], found["lower_bound"], found["steps"]) == (2, 2, 2)
    assert (found["waste"], found["least_waste"]) == (0.1, 0.1)
    assert found["supervised_per_step"] == {"least": 3, "mean": 3.5, "most": 4}
    loose = packing(lengths, None, None, batch=3)
    assert loose["supervised_per_step"] == {"least": 1, "mean": 3.5, "most": 6}
    assert "lines" not in loose
