import pytest

from pipeline.errors import ArtefactError
from pipeline.relationships.scores import read_scores
from pipeline.schema import SCORE
from pipeline.stages import relate
from pipeline.tables import read_json, read_parquet, sha256


def test_every_scorer_writes_its_pairs_and_their_origin(mixture, capsys):
    relate.main(["fruit"])
    folder = mixture.layout.scores
    assert sorted(path.name for path in folder.iterdir()) == [
        "prefix.json", "prefix.parquet", "text.json", "text.parquet",
    ]  # fmt: skip
    for scorer in ("prefix", "text"):
        frame = read_parquet(folder / f"{scorer}.parquet", SCORE)
        assert frame.height == 12
        assert frame["score"].null_count() == 0
        about = read_json(folder / f"{scorer}.json")["provenance"]
        assert (about["scorer"], about["seed"]) == (scorer, 13)
        model = mixture.layout.model("compass") / "prefixes.safetensors"
        assert about["inputs"]["prefixes"] == sha256(model)
        pears = mixture.layout.curated("pears", "train")
        assert about["inputs"]["train/pears"] == sha256(pears)
    assert "prefix: symmetric" in capsys.readouterr().out


def test_prefix_scores_find_the_task_that_was_learnt_alike(mixture):
    relate.main(["fruit"])
    scores = read_scores(mixture.layout.scores, "prefix")
    assert scores.best_sources("apples", 1) == ("pears",)
    assert scores.column("apples")["stars"] < 0
    about = read_json(mixture.layout.scores / "prefix.json")
    assert about["extras"]["score"] == "centred"
    assert about["extras"]["variants"]["step0_centred"]["pairs"] == 0  # one shared start


def test_running_again_gives_the_same_bytes(mixture):
    relate.main(["fruit"])
    first = {path.name: sha256(path) for path in mixture.layout.scores.iterdir()}
    relate.main(["fruit"])
    assert {path.name: sha256(path) for path in mixture.layout.scores.iterdir()} == first


def test_rows_for_choosing_and_reporting_are_never_opened(mixture):
    for task in mixture.sizes:
        for role in ("select", "report"):
            mixture.layout.curated(task, role).write_bytes(b"not to be read")
    relate.main(["fruit"])
    assert read_parquet(mixture.layout.scores / "text.parquet", SCORE)["score"].null_count() == 0


def test_a_missing_model_is_named_and_nothing_is_written(mixture):
    (mixture.layout.model("compass") / "prefixes.safetensors").unlink()
    with pytest.raises(ArtefactError, match=r"models/fruit/compass/prefixes.safetensors: does not"):
        relate.main(["fruit"])
    assert not mixture.layout.scores.exists()


def test_missing_train_rows_are_named(mixture):
    mixture.layout.curated("plums", "train").unlink()
    with pytest.raises(ArtefactError, match=r"curated/plums/train.parquet: does not exist"):
        relate.main(["fruit"])
