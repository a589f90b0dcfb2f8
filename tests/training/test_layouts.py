import pytest

from pipeline.errors import ArtefactError
from pipeline.training.compass_layout import CompassLayout
from pipeline.training.exact_layouts import PaddedLayout, RaggedLayout
from pipeline.training.layouts import recorded_layout, scoring_layout, training_layout
from pipeline.training.run import read_run
from pipeline.training.shared_context import SharedContextLayout


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
        shared_folders.write(shared_folders.run(train={"layout": "compass"}), "layouts")
    )
    found = training_layout(run.train, tokenizer=shared_folders.root / "tokenizer", max_tokens=32)
    assert isinstance(found, CompassLayout)
    assert (found.ending.tolist(), found.max_tokens) == ([1], 32)
    assert scoring_layout("compass", "own_cls") == RaggedLayout()
    with pytest.raises(ArtefactError, match="not readable"):
        training_layout(run.train, tokenizer=tmp_path, max_tokens=32)


def test_a_run_that_names_no_layout_is_an_error():
    with pytest.raises(ArtefactError, match="train lacks 'layout'") as error:
        recorded_layout({"readout": "own_cls"}, where="models/x/run.json")
    assert error.value.where == "models/x/run.json"
