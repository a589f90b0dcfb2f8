import json

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import save_file

from pipeline.config.params import RelateParams
from pipeline.config.settings import RelateSettings
from pipeline.contract.files import read_json, sha256
from pipeline.errors import ArtefactError, ConfigError
from pipeline.relationships.proxy import shared
from pipeline.relationships.scores import read_scores
from pipeline.schema import SCORE
from pipeline.stages import relate
from pipeline.tables import read_parquet


def best_source(scores, target):
    column = scores.column(target)
    return max(column, key=column.__getitem__)


def test_every_scorer_writes_its_pairs_and_their_origin(mixture, capsys):
    relate.main(["fruit"])
    folder = mixture.layout.scores
    assert sorted(path.name for path in folder.iterdir()) == [
        "prefix.json", "prefix.parquet", "prior.json", "prior.parquet", "text.json", "text.parquet",
    ]  # fmt: skip
    for scorer in ("prefix", "text", "prior"):
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
    assert best_source(scores, "apples") == "pears"
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


def relate_with(mixture, **params):
    """Tell the stage its parameters and run it; training is short, tasks being tiny."""
    settings = RelateSettings(
        name="fruit", seed=13, tasks=tuple(mixture.sizes), families=mixture.families,
        relate=RelateParams(**params),
    )  # fmt: skip
    mixture.layout.settings("relate").write_text(settings.model_dump_json())
    relate.main(["fruit"])


def write_features(mixture, **changes):
    """Write features in which pears are answered like apples, and stars the other way round."""
    ways = {"apples": 1.0, "pears": 1.0, "plums": 0.0, "stars": -1.0}
    manifest = json.loads((mixture.layout.tokens("train") / "manifest.json").read_text())
    folder = mixture.layout.features / "train"
    folder.mkdir(parents=True, exist_ok=True)
    for entry in manifest["tasks"]:
        task = entry["task"]
        rng = np.random.default_rng(len(task) + ord(task[1]))
        rows, seen = 40, rng.normal(size=(80, 4)).astype(np.float32)
        first = seen[::2, 0] * ways[task] if ways[task] else seen[::2, 3]
        other = seen[1::2, 0] * ways[task] if ways[task] else seen[1::2, 3]
        gold = (other > first).astype(np.int64)
        gold[3] = -1
        gold[:] = changes.get("gold", {}).get(task, gold)
        metadata = {"version": "2", "encoder": "e0", "rows": "40", "tokens": entry["sha256"]}
        save_file(
            {"features": seen, "first": np.arange(0, 2 * rows + 1, 2), "gold": gold},
            folder / f"{task}.safetensors",
            metadata=metadata | changes.get("metadata", {}).get(task, {}),
        )


def test_family_form_and_size_are_known_to_the_prior(mixture):
    relate.main(["fruit"])
    scores = read_scores(mixture.layout.scores, "prior")
    # one family, one form; apples have 40 train rows
    assert scores.column("pears")["apples"] == pytest.approx(1.5 + 0.1602, abs=1e-4)


def test_only_what_is_named_is_written(mixture):
    relate_with(mixture, scorers=["text"])
    assert sorted(p.name for p in mixture.layout.scores.iterdir()) == ["text.json", "text.parquet"]


def test_a_model_is_needed_for_prefixes_alone(mixture):
    (mixture.layout.model("compass") / "prefixes.safetensors").unlink()
    relate_with(mixture, scorers=["text", "prior"])
    assert read_scores(mixture.layout.scores, "prior").column("apples")


def test_scorers_are_named_once_and_stacked_ones_are_scored():
    with pytest.raises(ValidationError, match="one scorer at least, and none twice"):
        RelateParams(scorers=("text", "text"))
    with pytest.raises(ValidationError, match="one scorer at least"):
        RelateParams(scorers=())
    with pytest.raises(ValidationError, match="stack: 'prior' is not among scorers"):
        RelateParams(scorers=("text",), stack=("prior",))


def test_an_unknown_scorer_in_the_settings_is_an_error_for_people(mixture):
    path = mixture.layout.settings("relate")
    path.write_text(path.read_text().replace('"prior"', '"priro"'))
    with pytest.raises(ConfigError, match=r"relate.json: relate.scorers: no scorer named 'priro'"):
        relate.main(["fruit"])


def test_scorers_that_train_say_what_it_costs_before_they_do(mixture, capsys):
    write_features(mixture)
    relate_with(mixture, scorers=["prior", "gradient", "source_head"], seeds=2)
    out = capsys.readouterr().out
    assert "gradient: 2 small trainings, about " in out
    assert "source_head: 8 small trainings, about " in out
    assert "prior:" not in out
    scores = read_scores(mixture.layout.scores, "source_head")
    assert best_source(scores, "apples") == "pears"
    assert scores.column("apples")["stars"] < 0
    about = read_json(mixture.layout.scores / "source_head.json")["provenance"]
    path = mixture.layout.features / "train/pears.safetensors"
    assert about["inputs"]["features/pears"] == sha256(path)


def test_scorers_that_ask_the_same_models_train_them_once(mixture, capsys, monkeypatch):
    write_features(mixture)
    trained, real = [], shared.train_each_alone
    monkeypatch.setattr(
        shared, "train_each_alone", lambda *a, **k: trained.append(1) or real(*a, **k)
    )
    relate_with(mixture, scorers=["hscore", "text", "source_head", "logme"], seeds=1)
    assert len(trained) == 1
    out = capsys.readouterr().out
    assert "hscore: 4 small trainings, about " in out
    assert "source_head: reuses the single-task models" in out
    assert "logme: reuses the single-task models" in out
    together = read_scores(mixture.layout.scores, "source_head").values_ST
    relate_with(mixture, scorers=["source_head"], seeds=1)
    alone = read_scores(mixture.layout.scores, "source_head").values_ST
    np.testing.assert_array_equal(together, alone)


def test_states_at_prefixes_are_read_from_the_features(mixture):
    with pytest.raises(ArtefactError, match=r"features/prefix_states.safetensors: does not exist"):
        relate_with(mixture, scorers=["prefix_state"])
    tasks = sorted(mixture.sizes)
    rng = np.random.default_rng(0)
    final = rng.normal(size=(4, 64))
    final[tasks.index("pears")] = final[tasks.index("apples")] + 0.1 * rng.normal(size=64)
    path = mixture.layout.features / "prefix_states.safetensors"
    path.parent.mkdir()
    arrays = {"initial": rng.normal(size=(4, 64)), "final": final}
    save_file(arrays, path, metadata={"tasks": json.dumps(tasks)})
    (mixture.layout.model("compass") / "prefixes.safetensors").unlink()
    relate_with(mixture, scorers=["prefix_state"])
    scores = read_scores(mixture.layout.scores, "prefix_state")
    assert best_source(scores, "apples") == "pears"
    assert scores.provenance.inputs["prefix_states"] == sha256(path)
    path.write_bytes(b"{}")
    with pytest.raises(ArtefactError, match="not the prefixes of a trained model") as error:
        relate_with(mixture, scorers=["prefix_state"])
    assert "run `dvc repro features`" in str(error.value)


def test_a_stack_is_written_beside_its_parts(mixture):
    write_features(mixture)
    relate_with(
        mixture,
        scorers=["prior", "gradient", "lookahead"],
        stack=["gradient", "lookahead"],
        seeds=1,
    )
    scores = read_scores(mixture.layout.scores, "stack")
    assert scores.extras["of"] == ["gradient 1", "lookahead 1"]
    assert best_source(scores, "apples") == "pears"


def test_missing_features_say_what_makes_them_and_nothing_is_written(mixture):
    with pytest.raises(ArtefactError, match=r"features/train: there are no features of task") as e:
        relate_with(mixture, scorers=["text", "gradient"])
    assert "run `dvc repro features`" in str(e.value)
    assert not mixture.layout.scores.exists()


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"pears": {"tokens": "old"}}, "the features of task 'pears' are of other tokens than"),
        ({"pears": {"encoder": "e1"}}, "of tasks 'apples' and 'pears' are of different encoders"),
        ({"pears": {"version": "0"}}, r"pears.safetensors: has version 0"),
    ],
)
def test_features_of_something_else_are_refused(mixture, metadata, message):
    write_features(mixture, metadata=metadata)
    with pytest.raises(ArtefactError, match=message):
        relate_with(mixture, scorers=["gradient"])


def test_a_task_without_a_row_of_one_gold_is_not_scored_and_the_others_are(mixture, capsys):
    write_features(mixture, gold={"plums": -1})
    relate_with(mixture, scorers=["gradient"], seeds=1)
    assert (
        "gradient: not scored: plums (no row of one known gold choice)" in capsys.readouterr().out
    )
    scores = read_scores(mixture.layout.scores, "gradient")
    assert set(scores.column("apples")) == {"pears", "stars"}
    assert scores.column("plums") == {}
    assert (
        read_json(mixture.layout.scores / "gradient.json")["extras"]["negative_rows"][2]
        == [None] * 4
    )


def test_two_tasks_are_the_fewest(mixture):
    write_features(mixture, gold=dict.fromkeys(("plums", "pears", "stars"), -1))
    with pytest.raises(ArtefactError, match="scorer 'gradient' needs two tasks with rows of one"):
        relate_with(mixture, scorers=["gradient"])


def test_a_torn_file_of_features_is_named(mixture):
    write_features(mixture)
    (mixture.layout.features / "train/stars.safetensors").write_bytes(b"{}")
    with pytest.raises(ArtefactError, match=r"stars.safetensors: not the features of a task"):
        relate_with(mixture, scorers=["gradient"])
