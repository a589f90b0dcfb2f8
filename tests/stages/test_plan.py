import pytest

from pipeline.config.load import write_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.errors import ArtefactError, ConfigError, MixtureError
from pipeline.mixing.corpus import read_corpus, row_tokens
from pipeline.stages import plan
from pipeline.tables import read_json, sha256


def planned(mixture, which="compass"):
    plan.main([mixture.layout.name, which])
    return read_json(mixture.layout.plan(which))


def mixture_card(**sampling):
    tasks = {"apples": {}, "pears": {}, "plums": {}, "stars": {}}
    tailor = {"target": "apples"}
    value = {"name": "fruit", "tasks": tasks, "sampling": sampling, "tailor": tailor}
    return MixtureCard.model_validate(value)


def test_a_plan_says_exact_rows_and_tokens_of_each_task(mixture):
    value = planned(mixture)
    assert (value["name"], value["which"], value["seed"]) == ("fruit", "compass", 13)
    assert value["strategy"] == "temperature"
    assert value["positions"] == 135  # one epoch of 40 + 25 + 10 + 60 rows
    # roots of the sizes, 6.32 + 5 + 3.16 + 7.75, of 135 rows: 38.4, 30.4, 19.2, 47.0
    assert {task["task"]: task["quota"] for task in value["tasks"]} == {
        "apples": 39, "pears": 30, "plums": 19, "stars": 47,
    }  # fmt: skip
    assert {task["task"]: task["unseen_rows"] for task in value["tasks"]} == {
        "apples": 1, "pears": 0, "plums": 0, "stars": 13,
    }  # fmt: skip
    assert value["totals"]["tokens"] == sum(task["tokens"] for task in value["tasks"])
    assert value["steps"] is None


def test_one_epoch_of_everything_has_the_tokens_of_the_manifest(mixture, capsys):
    mixture.tell(mixture_card(strategy="proportional", epochs=1.0))
    value = planned(mixture)
    manifest = read_json(mixture.layout.tokens("train") / "manifest.json")
    assert {t["task"]: t["tokens"] for t in value["tasks"]} == {
        t["task"]: t["tokens"] for t in manifest["tasks"]
    }
    files = mixture.layout.tokens("train").glob("*.arrow")
    assert value["disk_bytes"] == sum(f.stat().st_size for f in files) + 5 * 135
    assert "4 tasks" in capsys.readouterr().out


def test_a_broken_epoch_counts_the_tokens_of_the_rows_it_draws(mixture):
    value = planned(mixture)
    corpus = read_corpus(mixture.layout.tokens("train"))
    pears = next(task for task in value["tasks"] if task["task"] == "pears")
    tokens = row_tokens(corpus, "pears")
    low, high = sorted(tokens)[:5], sorted(tokens)[-5:]
    assert tokens.sum() + sum(low) <= pears["tokens"] <= tokens.sum() + sum(high)


def test_the_tailored_pass_is_planned_from_its_own_card(mixture):
    tailored = {
        "name": "fruit_tailored",
        "tasks": {"apples": {"count": 80}, "pears": {"count": 30}},
        "sampling": {"strategy": "counts"},
        "tailor": {"target": "apples"},
    }
    write_yaml(tailored, mixture.layout.tailored / "tailored.yaml")
    value = planned(mixture, "tailored")
    assert (value["name"], value["which"], value["positions"]) == ("fruit", "tailored", 110)
    assert [(t["task"], t["quota"], t["epochs"]) for t in value["tasks"]] == [
        ("apples", 80, 2.0),
        ("pears", 30, 1.2),
    ]


def test_planning_again_gives_the_same_bytes_whatever_the_order_of_tasks(mixture):
    planned(mixture)
    first = sha256(mixture.layout.plan("compass"))
    base = mixture_card(strategy="temperature", temperature=2.0, epochs=1.0)
    mixture.tell(base.model_copy(update={"tasks": dict(sorted(base.tasks.items(), reverse=True))}))
    planned(mixture)
    assert sha256(mixture.layout.plan("compass")) == first


def test_a_task_that_was_not_tokenised_is_refused_and_nothing_is_written(mixture):
    base = mixture_card(strategy="equal", rows=10)
    mixture.tell(base.model_copy(update={"tasks": base.tasks | {"plum": base.tasks["plums"]}}))
    with pytest.raises(
        MixtureError, match="no task named 'plum' .*\n  to do: did you mean 'plums'"
    ):
        planned(mixture)
    assert not mixture.layout.plan("compass").exists()


def test_an_unknown_pass_is_refused(mixture):
    with pytest.raises(
        ConfigError, match="no pass named 'tailor'\n  to do: did you mean 'tailored'"
    ):
        plan.main(["fruit", "tailor"])


def test_missing_settings_say_what_writes_them(mixture):
    mixture.layout.settings("plan").unlink()
    with pytest.raises(ArtefactError, match=r"plan.json: does not exist\n.*`dvc repro resolve`"):
        planned(mixture)
