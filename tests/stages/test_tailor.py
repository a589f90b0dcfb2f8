import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import RelateParams
from pipeline.config.settings import RelateSettings
from pipeline.contract.files import read_json, sha256
from pipeline.contract.tokens import shard_hashes
from pipeline.curation.overlap import TABLE
from pipeline.errors import ArtefactError, MixtureError
from pipeline.stages import mix, plan, relate, tailor
from pipeline.tables import write_frame
from tests.trainings import TRAININGS

ROOT = Path(__file__).parents[2]


def card(**tailor_keys):
    return MixtureCard.model_validate(
        {
            "name": "fruit",
            "tasks": {task: {} for task in ("apples", "pears", "plums", "stars")},
            "sampling": {"strategy": "proportional", "epochs": 1.0},
            "trainings": TRAININGS,
            "tailor": {"target": "apples", "selection": "top_k", "k": 2, "max_epochs": 4.0}
            | tailor_keys,
        }
    )


@pytest.fixture
def scored(mixture):
    relate.main(["fruit"])
    return mixture


def tailored(mixture, **tailor_keys):
    mixture.tell(card(**tailor_keys))
    tailor.main(["fruit"])
    folder = mixture.layout.tailored
    return load(MixtureCard, folder / "tailored.yaml"), read_json(folder / "why.json")


def test_the_target_gets_what_was_learnt_like_it(scored):
    made, why = tailored(scored)
    assert made.name == "fruit_tailored"
    assert {task: entry.count for task, entry in made.tasks.items()} == {"apples": 80, "pears": 80}
    assert made.tailor == card().tailor
    assert (why["version"], why["selection"], why["scorer"]) == (2, "top_k", "prefix")
    assert not {"race", "rises", "guard"} & set(why)
    assert (why["min_score"], why["predicted"]) == (0.0, None)
    assert (why["target_rows"], why["rows_asked"], why["rows_placed"]) == (80, 80, 80)
    by_task = {entry["task"]: entry for entry in why["tasks"]}
    assert sorted(by_task) == ["pears", "plums", "stars"]
    assert by_task["pears"]["decision"] == "taken"
    assert by_task["pears"]["reason"].endswith("rank 1 of 3")
    assert (by_task["pears"]["rows"], by_task["pears"]["epochs"]) == (80, 3.2)
    assert by_task["pears"]["family"] == "fruit"
    assert by_task["stars"]["reason"] == "refused: below min_score"
    assert (by_task["stars"]["decision"], by_task["stars"]["rows"]) == ("refused", 0)
    assert isinstance(by_task["stars"]["inside_null"], bool)
    assert 0 < why["null_band"] < 1


def test_the_other_scorer_can_be_asked_for(scored):
    made, why = tailored(scored, scorer="text", k=3, max_share=0.5)
    assert (why["scorer"], why["directional"], why["null_band"]) == ("text", True, None)
    assert sorted(made.tasks) == ["apples", "pears", "plums", "stars"]
    assert sum(entry.count for entry in made.tasks.values()) == 160
    assert max(entry.count for task, entry in made.tasks.items() if task != "apples") <= 40


@pytest.mark.parametrize("keys", [{"k": 0}, {"min_score": 1.0}])
def test_nothing_may_be_chosen(scored, keys):
    made, why = tailored(scored, **keys)
    assert {task: entry.count for task, entry in made.tasks.items()} == {"apples": 80}
    assert {entry["decision"] for entry in why["tasks"]} == {"refused"}


def test_a_complement_whose_share_is_no_row_is_refused_with_that_reason(scored):
    made, why = tailored(scored, ratio=0.0)
    assert list(made.tasks) == ["apples"]
    pears = next(entry for entry in why["tasks"] if entry["task"] == "pears")
    assert pears["decision"] == "refused"
    assert pears["reason"] == "refused: its share of the budget is less than a row"


def test_the_tailored_mixture_is_planned_and_mixed_as_it_stands(scored):
    tailored(scored)
    plan.main(["fruit", "tailored"])
    mix.main(["fruit", "tailored"])
    audit = read_json(scored.layout.mix("tailored") / "audit.json")
    assert [(t["task"], t["got_rows"]) for t in audit["tasks"]] == [("apples", 80), ("pears", 80)]


def test_only_settings_scores_and_the_train_manifest_are_opened(scored):
    expected, _ = tailored(scored), shutil.rmtree(scored.layout.tailored)
    for folder in ("curated", "rendered", "tokens/report", "tokens/select"):
        shutil.rmtree(scored.layout.data / folder)
    for shard in scored.layout.tokens("train").glob("*.arrow"):
        shard.unlink()
    assert tailored(scored) == expected


def test_the_choice_is_the_same_for_any_hash_seed(scored):
    scored.tell(card(scorer="text", k=3))
    hashes = set()
    for hash_seed in ("0", "1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        code = "from pipeline.stages import tailor; tailor.main(['fruit'])"
        subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True
        )
        folder = scored.layout.tailored
        hashes.add(tuple(sha256(folder / name) for name in ("tailored.yaml", "why.json")))
    assert len(hashes) == 1


def test_the_card_says_in_a_comment_where_it_comes_from(scored):
    tailored(scored)
    lines = (scored.layout.tailored / "tailored.yaml").read_text().splitlines()
    assert lines[:4] == [
        "# Made by the stage `tailor` (mixture 'fruit', selection 'top_k', scorer 'prefix'); "
        "why.json says why.",
        "# 1 complement with 80 of 80 rows asked for, beside 80 of 'apples'.",
        "# Not to be edited here: `taskloom adopt` copies it into mixtures/.",
        "name: fruit_tailored",
    ]


def test_an_unknown_scorer_is_named_with_the_nearest(scored):
    with pytest.raises(ArtefactError) as caught:
        tailored(scored, scorer="prefxi")
    assert str(caught.value) == (
        "data/fruit/scores: tailor.scorer: no scorer named 'prefxi'\n"
        "  to do: did you mean 'prefix'?"
    )
    assert not scored.layout.tailored.exists()


def test_a_target_without_rows_is_refused():
    with pytest.raises(MixtureError, match="the target 'apples' has no train rows"):
        tailor.check_target({"apples": 0, "pears": 25}, card().tailor)


def test_a_target_whose_epochs_are_no_row_is_refused(scored):
    with pytest.raises(MixtureError, match=r"0.001 epochs of the target's 40 rows are no row"):
        tailored(scored, epochs=0.001)


WAYS = {"apples": (1.0, 0.0), "pears": (1.0, 0.2), "plums": (0.6, 1.0), "stars": (-1.0, 0.0)}
"""Directions in which the gold choice lies: pears as apples, stars the other way round."""


def write_features(mixture, *, gold=None):
    """Few rows of apples, so that pears can teach something; many to select by."""
    for role, counts in (("train", {"apples": 24}), ("select", {})):
        hashes = shard_hashes(mixture.layout.tokens(role))
        for place, (task, way) in enumerate(WAYS.items()):
            rng = np.random.default_rng([place, role == "train"])
            rows = counts.get(task, 200)
            seen = rng.normal(size=(rows, 2, 16)).astype(np.float32)
            best = (seen[:, :, :2] @ np.array(way, dtype=np.float32)).argmax(axis=1)
            path = mixture.layout.features / role / f"{task}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(
                {
                    "features": seen.reshape(-1, 16),
                    "first": np.arange(0, 2 * rows + 1, 2),
                    "gold": np.full(rows, -1) if task in (gold or {}).get(role, ()) else best,
                },
                path,
                metadata={"version": "2", "encoder": "e0", "rows": "300", "tokens": hashes[task]},
            )


def write_overlap(mixture, *rows):
    """Rows of curation/overlap.parquet: source, source role, target, target role, share, removed."""
    found = [
        {
            "source_task": source, "source_role": "train", "target_task": "apples",
            "target_role": role, "kind": "near", "share_of_target": share, "removed": removed,
        }
        for source, role, share, removed in rows
    ]  # fmt: skip
    mixture.layout.curation.mkdir(parents=True, exist_ok=True)
    write_frame(pl.DataFrame(found, schema=TABLE), mixture.layout.curation / "overlap.parquet")


@pytest.fixture
def ready(mixture):
    """A mixture with features, the source head's scores, and curation's table of overlaps."""
    write_features(mixture)
    write_overlap(mixture)
    scorers = RelateParams(scorers=("source_head", "prefix"), seeds=2)
    settings = RelateSettings(
        name="fruit", seed=13, tasks=tuple(WAYS), families=mixture.families, relate=scorers
    )
    mixture.layout.settings("relate").write_text(settings.model_dump_json())
    relate.main(["fruit"])
    return mixture


def raced(mixture, **keys):
    return tailored(mixture, **({"selection": "race", "scorer": "source_head"} | keys))


def by_task(why):
    return {entry["task"]: entry for entry in why["tasks"]}


def test_a_race_takes_the_friend_and_tells_all_that_it_looked_at(ready, capsys):
    made, why = raced(ready)
    assert {task: entry.count for task, entry in made.tasks.items()} == {"apples": 80, "pears": 80}
    assert (why["version"], why["selection"], why["scorer"]) == (2, "race", "source_head")
    entries = by_task(why)
    assert entries["pears"]["decision"] == "taken"
    assert (
        "rank 1 of 3, place 1 of the sequence; without it the loss rises by"
        in (entries["pears"]["reason"])
    )
    assert "its score -" in entries["stars"]["reason"]
    assert why["guard"]["stars"]["negative_rows"] > 0.5
    assert why["guard"]["pears"]["leaked"] == 0.0
    assert [arm["k"] for arm in why["race"]] == [0, 1, 2]
    assert why["race"][0]["tasks"] == []
    assert [arm["won"] for arm in why["race"]] == [False, True, False]
    assert why["rises"]["pears"] > 0
    assert [step["task"] for step in why["steps"]] == ["pears", "plums"]
    assert why["parts"] == {"guard": True, "coverage": True, "backward": True}
    assert why["min_score"] is None
    out = capsys.readouterr().out
    assert "taken: pears: 80 rows, score 0." in out
    assert "refused: stars: its score -" in out
    assert "race: k = 1: loss " in out
    assert "1 of 3 tasks complement 'apples'" in out


def test_no_row_for_reporting_is_opened_by_a_race(ready):
    expected = raced(ready)
    for folder in ("curated", "rendered", "tokens/report"):
        shutil.rmtree(ready.layout.data / folder)
    assert raced(ready) == expected


def test_a_race_twice_gives_the_same_bytes(ready):
    raced(ready)
    files = [ready.layout.tailored / name for name in ("tailored.yaml", "why.json")]
    before = [sha256(path) for path in files]
    raced(ready)
    assert [sha256(path) for path in files] == before


def test_a_leak_is_refused_and_what_was_removed_or_is_for_reporting_is_none(ready):
    write_overlap(
        ready, ("pears", "select", 0.25, False), ("plums", "select", 0.5, True),
        ("plums", "report", 0.5, False),
    )  # fmt: skip
    made, why = raced(ready)
    assert list(made.tasks) == ["apples"]
    assert by_task(why)["pears"]["reason"].startswith(
        "refused: 25% of the target's held-out texts are nearly in it"
    )
    assert why["guard"]["plums"]["leaked"] == 0.0


@pytest.mark.parametrize(
    ("keys", "sizes"), [({"k": 0}, [0]), ({"k": 1}, [0, 1]), ({"k": 9}, [0, 1, 2])]
)
def test_k_is_the_most_that_may_be_taken_and_no_task_always_races(ready, keys, sizes):
    made, why = raced(ready, **keys)
    assert [arm["k"] for arm in why["race"]] == sizes
    assert len(made.tasks) - 1 <= keys["k"]
    if keys["k"] == 0:
        assert by_task(why)["pears"]["reason"] == (
            "refused: place 1, beyond the most that may be taken"
        )


def test_each_part_can_be_switched_off(ready):
    _, why = raced(ready, guard=False)
    assert [step["task"] for step in why["steps"]][-1] == "stars"
    _, why = raced(ready, backward=False)
    assert why["rises"] == {}
    _, why = raced(ready, coverage=False)
    assert {step["covered"] for step in why["steps"]} == {0.0}


def test_min_score_keeps_tasks_out_of_a_race(ready):
    _, why = raced(ready, min_score=0.5)
    assert by_task(why)["plums"]["reason"] == "refused: below min_score"
    assert [step["task"] for step in why["steps"]] == ["pears"]


def test_a_similarity_s_sign_says_nothing_and_gradients_still_do(ready):
    _, why = raced(ready, scorer="prefix")
    assert why["guard"]["stars"]["value"] is None
    assert "a step on it would make" in by_task(why)["stars"]["reason"]


def test_a_source_without_one_known_gold_does_not_race(ready):
    write_features(ready, gold={"train": ("plums",)})
    relate.main(["fruit"])
    _, why = raced(ready)
    assert by_task(why)["plums"]["reason"] == "refused: not scored"


@pytest.mark.parametrize("role", ["train", "select"])
def test_a_target_without_one_known_gold_cannot_race(ready, role):
    write_features(ready, gold={role: ("apples",)})
    with pytest.raises(MixtureError, match=f"'apples' has no {role} row of one known") as error:
        raced(ready)
    assert "say `selection: top_k`" in str(error.value)
    assert not ready.layout.tailored.exists()


def test_missing_features_say_what_makes_them(ready):
    shutil.rmtree(ready.layout.features / "select")
    with pytest.raises(ArtefactError, match="there are no features of task 'apples'") as error:
        raced(ready)
    assert "run `dvc repro features`" in str(error.value)
