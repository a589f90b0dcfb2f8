import pytest

from pipeline.errors import ArtefactError
from pipeline.training.choice.compassmtl_layout import CompassMTLLayout
from pipeline.training.choice.exact_layouts import PaddedLayout, RaggedLayout
from pipeline.training.choice.layouts import recorded_layout, scoring_layout, training_layout
from pipeline.training.choice.shared_context import SharedContextLayout
from pipeline.training.run import read_run


@pytest.mark.parametrize(
    ("layout", "trains", "scores"),
    [
        ("ragged", RaggedLayout(), RaggedLayout()),
        ("padded", PaddedLayout(), RaggedLayout()),
        ("shared_context", SharedContextLayout("last_sep"), SharedContextLayout("last_sep")),
    ],
)
def test_layouts_by_name(shared_folders, layout, trains, scores):
    changes = {"layout": layout, "readout": "last_sep"}
    run, value = read_run(shared_folders.write(shared_folders.run(train=changes), "layouts"))
    folder = shared_folders.root / "tokenizer"
    assert training_layout(run.train, tokenizer=folder, max_tokens=32) == trains
    assert recorded_layout(value["train"], where="run.json") == scores


def test_compass_asks_the_tokenizer_for_its_ending_and_is_scored_ragged(shared_folders, tmp_path):
    run, _ = read_run(
        shared_folders.write(shared_folders.run(train={"layout": "compassmtl"}), "layouts")
    )
    found = training_layout(run.train, tokenizer=shared_folders.root / "tokenizer", max_tokens=32)
    assert isinstance(found, CompassMTLLayout)
    assert (found.ending.tolist(), found.max_tokens) == ([1], 32)
    assert scoring_layout("compassmtl", "own_cls") == RaggedLayout()
    with pytest.raises(ArtefactError, match="not readable"):
        training_layout(run.train, tokenizer=tmp_path, max_tokens=32)


def test_a_run_that_names_no_layout_is_an_error():
    with pytest.raises(ArtefactError, match="train lacks 'layout'") as error:
        recorded_layout({"readout": "own_cls"}, where="models/x/run.json")
    assert error.value.where == "models/x/run.json"


def test_a_trained_model_is_judged_in_the_layout_that_it_was_trained_in(folders):
    import json

    import torch

    from pipeline.training.session import run_session
    from pipeline.training.views import judge_model

    built = folders(positions=160).build()
    threads = torch.get_num_threads()
    try:
        run_session(
            built.write(
                built.run(
                    train={"layout": "shared_context", "learning_rate": 2e-2, "mlm_weight": 0}
                )
            )
        )
        out, select = built.root / "run" / "out", built.root / "tokens" / "select"
        answers = {one.task: one.answers for one in judge_model(out, select, token_budget=300)}
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
    kept = json.loads((out / "select.json").read_text())["accuracy"]
    assert {task: float(found.right.mean()) for task, found in answers.items()} == kept
    record = json.loads((out / "run.json").read_text())
    assert (record["train"]["layout"], record["train"]["readout"]) == ("shared_context", "own_cls")
    record["train"]["layout"] = "ragged"
    (out / "run.json").write_text(json.dumps(record))
    other = {one.task: one.answers for one in judge_model(out, select, token_budget=300)}
    assert abs(other["alpha"].probability - answers["alpha"].probability).max() > 1e-4
