import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard
from pipeline.errors import ArtefactError, MixtureError
from pipeline.relationships.scores import read_scores
from pipeline.stages import mix, plan, relate, tailor
from pipeline.tables import read_json, sha256

ROOT = Path(__file__).parents[2]


def card(**tailor_keys):
    return MixtureCard.model_validate(
        {
            "name": "fruit",
            "tasks": {task: {} for task in ("apples", "pears", "plums", "stars")},
            "sampling": {"strategy": "proportional", "epochs": 1.0},
            "tailor": {"target": "apples", "k": 2, "max_epochs": 4.0} | tailor_keys,
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
        "# Made by the stage `tailor` (mixture 'fruit', scorer 'prefix'); why.json says why.",
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


def test_a_target_without_rows_is_refused(scored):
    matrix = read_scores(scored.layout.scores, "prefix")
    with pytest.raises(MixtureError, match="the target 'apples' has no train rows"):
        tailor.choice(matrix, {"apples": 0, "pears": 25}, card())


def test_a_target_whose_epochs_are_no_row_is_refused(scored):
    with pytest.raises(MixtureError, match=r"0.001 epochs of the target's 40 rows are no row"):
        tailored(scored, epochs=0.001)
