import pyarrow as pa
import pytest

from pipeline.config.load import write_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.contract.files import read_arrow, read_json, sha256, write_arrow, write_json
from pipeline.contract.tokens import read_tokens
from pipeline.errors import ArtefactError, MixtureError
from pipeline.stages import mix, plan
from tests.trainings import TRAININGS


def planned(mixture, which="compass"):
    plan.main([mixture.layout.name, which])
    return read_json(mixture.layout.plan(which))


TASKS = ("apples", "pears", "plums", "stars")


def mixture_card(*, tasks=TASKS, groups=None, phases=(), same_content="refuse", **sampling):
    entries = tasks if isinstance(tasks, dict) else {task: {} for task in tasks}
    return MixtureCard.model_validate(
        {"name": "fruit", "tasks": entries, "sampling": sampling,
        "trainings": TRAININGS,
        "tailor": {"target": "apples"},
         "groups": groups or {}, "phases": list(phases), "same_content": same_content}
    )  # fmt: skip


def counted(mixture):
    """Count the rows of each task, and their tokens, in what the stage `mix` builds."""
    mix.main([mixture.layout.name, "compass"])
    row = read_arrow(mixture.layout.mix("compass") / "order.arrow").column("row").to_numpy()
    corpus = read_tokens(mixture.layout.tokens("train"))
    result = {}
    for task, entry in corpus.tasks.items():
        mine = row[(row >= entry.start) & (row < entry.start + entry.rows)] - entry.start
        tokens = int(corpus.row_tokens(task)[mine].sum())
        result[task] = (len(mine), tokens, entry.rows - len(set(mine)))
    return len(row), result


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
    assert (value["stop"], value["batch"], value["merged"]) == ("fixed", None, {})
    quotas = {"apples": 39, "pears": 30, "plums": 19, "stars": 47}
    assert value["phases"] == [{"name": "all", "positions": 135, "quotas": quotas}]


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
    corpus = read_tokens(mixture.layout.tokens("train"))
    pears = next(task for task in value["tasks"] if task["task"] == "pears")
    tokens = corpus.row_tokens("pears")
    low, high = sorted(tokens)[:5], sorted(tokens)[-5:]
    assert tokens.sum() + sum(low) <= pears["tokens"] <= tokens.sum() + sum(high)


def test_the_tailored_pass_is_planned_from_its_own_card(mixture):
    tailored = {
        "name": "fruit_tailored",
        "tasks": {"apples": {"count": 80}, "pears": {"count": 30}},
        "sampling": {"strategy": "counts"},
        "trainings": TRAININGS,
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


def test_missing_settings_say_what_writes_them(mixture):
    mixture.layout.settings("plan/compass").unlink()
    with pytest.raises(
        ArtefactError, match=r"plan/compass.json: does not exist\n.*`dvc repro resolve`"
    ):
        planned(mixture)


PHASES = (
    {"name": "many", "share": 0.4, "tasks": ["stone", "stars"], "weights": {"stone": 2.0}},
    {"name": "rest"},
)
GROUPS = {"stone": {"strategy": "proportional", "tasks": ["plums", "apples"]}}


@pytest.mark.parametrize(
    "keys",
    [
        {"strategy": "equal", "rows": 301},
        {"strategy": "equal", "rows": 301, "groups": GROUPS, "phases": PHASES},
        {"strategy": "tokens", "tokens": 9000, "by": "proportional", "phases": PHASES[1:]},
        {"strategy": "unimax", "max_epochs": 2.5, "tokens": 9000},
        {"strategy": "temperature", "temperature": 3.0, "stop": "all_seen"},
        {"strategy": "equal", "stop": "first_exhausted"},
        {"strategy": "proportional", "stop": "exactly_once"},
        {"strategy": "epochs", "epochs": 1.5},
        {"preset": "t0", "epochs": 1.0, "order": "smooth"},
        {"preset": "compassmtl", "order": "stratified"},
    ],
)
def test_what_is_built_equals_the_plan_exactly(mixture, keys):
    mixture.tell(mixture_card(**keys))
    value = planned(mixture)
    positions, built = counted(mixture)
    assert positions == value["positions"]
    assert built == {t["task"]: (t["quota"], t["tokens"], t["unseen_rows"]) for t in value["tasks"]}
    for phase in value["phases"]:
        assert sum(phase["quotas"].values()) == phase["positions"]


def test_a_token_budget_is_met_to_half_a_row_of_each_task(mixture):
    mixture.tell(mixture_card(strategy="tokens", tokens=6000))
    corpus = read_tokens(mixture.layout.tokens("train"))
    for task in planned(mixture)["tasks"]:
        longest = int(corpus.row_tokens(task["task"]).max())
        assert abs(task["tokens"] - 1500) <= longest / 2


def test_the_same_rows_under_two_names_are_refused_and_merged_by_choice(mixture):
    shard = mixture.layout.tokens("train") / "apples.arrow"
    manifest = read_json(shard.parent / "manifest.json")
    apples = next(task for task in manifest["tasks"] if task["task"] == "apples")
    twin = apples | {"task": "twin", "start": sum(t["rows"] for t in manifest["tasks"])}
    write_json(manifest | {"tasks": [*manifest["tasks"], twin]}, shard.parent / "manifest.json")
    table = read_arrow(shard)
    turned = table.take(list(range(table.num_rows))[::-1])
    write_arrow(pa.Table.from_batches([turned]), shard.parent / "twin.arrow")
    # names in another order: `twin` is the first, `apples` the target
    tasks = {"plums": {}, "twin": {}, "apples": {}}

    def tell(choice):
        mixture.tell(mixture_card(tasks=tasks, strategy="equal", rows=9, same_content=choice))

    tell("refuse")
    with pytest.raises(MixtureError, match="under several names: 'apples' and 'twin'"):
        planned(mixture)
    tell("allow")
    assert [t["quota"] for t in planned(mixture)["tasks"]] == [3, 3, 3]
    tell("merge")
    value = planned(mixture)
    assert value["merged"] == {"twin": "apples"}
    assert [(t["task"], t["quota"]) for t in value["tasks"]] == [("apples", 5), ("plums", 4)]


def test_supervised_tokens_are_refused_where_there_are_none(mixture):
    recipe = read_json(mixture.layout.recipe("all"))
    sampling = {"strategy": "supervised_tokens", "tokens": 100}
    write_json(recipe | {"view": "text", "sampling": sampling}, mixture.layout.recipe("all"))
    with pytest.raises(
        MixtureError, match="the tokens are of the choice view, which has no superv"
    ):
        planned(mixture)
