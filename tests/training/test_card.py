"""The model card, and that the code in it scores as we do."""

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from pipeline.contract.choice import open_shards
from pipeline.training.card import Trained, base, card
from pipeline.training.choice.export import load_model
from pipeline.training.choice.layouts import scoring_layout
from pipeline.training.choice.predict import score_choices
from pipeline.training.run import read_run
from pipeline.training.session import run_session


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def facts(folders, **changes):
    run, _ = read_run(folders.write(folders.run(**changes)))
    select = {"accuracy": {"alpha": 0.5, "beta": 0.25}, "accuracy_macro": 0.375, "thresholds": {}}
    return Trained(run, "HOW", 1200, "ab" * 32, {"alpha": 1000, "beta": 30000}, select)


def test_a_card_says_tasks_hash_figures_licences_and_base(folders):
    built = folders()
    model = {"source": "some/encoder", "revision": "abc123"}
    text = card(facts(built, model=model, licences={"alpha": "CC-BY-4.0", "beta": ""}))
    assert text.startswith("---\nlibrary_name: transformers\n")
    assert 'base_model: "some/encoder"\n---\n\n# toy: compass\n' in text
    assert "| starts from | `some/encoder` at revision `abc123` |" in text
    assert f"| mixture hash | `{'ab' * 32}` |" in text
    assert "| examples drawn | 31,000 |" in text
    assert "after step 1,200, the last |" in text
    assert "| macro accuracy on `select` rows | 0.3750 |" in text
    assert "| alpha | 1,000 | 0.5000 | CC-BY-4.0 |" in text
    assert "| beta | 30,000 | 0.2500 | unknown |" in text
    assert "## Use\n\nHOW\n" in text
    assert "fp32; choices laid out as `ragged`; weight of the\nmasked-token loss 0.1 at 25%" in text
    assert str(built.root) not in text


def test_a_base_is_named_without_a_machine_s_path(folders):
    built = folders()

    def of(source):
        return base(read_run(built.write(built.run(model={"source": source})))[0])

    assert of("small") is None
    assert of("/somewhere/models/mine") == "mine"
    assert of("./mine") == "mine"
    assert of("package:theirs/folder") == "theirs/folder"


def test_what_is_not_known_is_said(folders):
    known = facts(folders(), init="somewhere")
    select = {"accuracy": {}, "accuracy_macro": None, "thresholds": {}}
    text = card(replace(known, select=select))
    assert "| macro accuracy on `select` rows | not known |" in text
    assert "| alpha | 1,000 |  | unknown |" in text
    assert "| starts from | random weights, by way of a first pass over `toy` |" in text
    assert "base_model" not in text


LAYOUTS = [
    {"layout": "ragged"},
    {"layout": "compassmtl"},
    {"layout": "shared_context", "readout": "own_cls"},
    {"layout": "shared_context", "readout": "last_sep"},
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "-".join(layout.values()))
def test_the_code_of_the_card_scores_as_we_do(folders, layout, monkeypatch, capsys):
    """Run as it stands in README.md, inside the folder, on rows of the shards turned back to words."""
    built = folders(rows=12, positions=60).build()
    run = built.run(train={**layout, "learning_rate": 2e-2, "mlm_weight": 0})
    run_session(built.write(run))
    code = re.search(r"```python\n(.*?)```", (built.root / "run/out/README.md").read_text(), re.S)[
        1
    ]
    assert len(code.splitlines()) <= 30
    assert "pipeline" not in code
    monkeypatch.chdir(built.root / "run" / "out")
    Path("snippet.py").write_text(code)
    spec = importlib.util.spec_from_file_location("snippet", "snippet.py")
    snippet = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(snippet)
    assert len(json.loads(capsys.readouterr().out)) == 2
    spread = compare(snippet.score, built, layout)
    assert spread > 1e-3, "the model says the same of every choice: nothing is compared"


def compare(score, built, layout):
    """Compare the snippet's scores with ours; return how far ours lie apart."""
    shards = open_shards(built.root / "tokens" / "select")
    tokenizer = AutoTokenizer.from_pretrained(built.root / "tokenizer")
    model = load_model(built.root / "run" / "out", max_tokens=shards.max_tokens)

    def text(ids):
        return " ".join(tokenizer.convert_ids_to_tokens(ids))

    theirs, ours = [], []
    for shard in shards.shards:
        rows = shard.rows.take(np.arange(4))
        ours += score_choices(
            model, rows, shards.special, token_budget=500, device=torch.device("cpu"),
            layout=scoring_layout(layout["layout"], layout.get("readout", "own_cls")),
        ).tolist()  # fmt: skip
        for row in range(len(rows)):
            context, question = (
                part.take(np.array([row])).values for part in (rows.context, rows.question)
            )
            for choice in range(*rows.choice_offsets[row : row + 2]):
                ids = rows.choices.take(np.array([choice])).values
                own = ids[len(question) + 1 :] if len(question) else ids
                theirs.append(score(shard.task, text(context), text(question), text(own)))
    assert theirs == pytest.approx(ours, abs=1e-5)
    return max(ours) - min(ours)
