"""The whole walk: what runs, what does not run again, what an edit reaches, what a kill leaves.

The tests of this module share one project and run in order; each leaves it complete.
"""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

import pipeline
from pipeline.config.load import read_yaml
from tests.end_to_end.walk import ROOT, UP_TO_ORDER, Walk, make_walk, tiny_mixture

pytestmark = pytest.mark.slow

TASK_LIST = sorted(tiny_mixture()["tasks"])
TARGET = tiny_mixture()["tailor"]["target"]
OTHER = next(task for task in TASK_LIST if task != TARGET)
NEW = sorted(set(read_yaml(ROOT / "mixtures/demo.yaml")["tasks"]) - set(TASK_LIST))[-1]
AFTER_NORMALIZE = [
    "curate", "tokenizer", "tokenize", "plan@compass", "mix@compass", "train@compass", "features",
    "relate", "tailor", "plan@tailored", "mix@tailored", "train@tailored", "evaluate", "report",
]  # fmt: skip


def test_every_stage_runs_once(walk: Walk):
    normalize = [f"normalize@{task}" for task in TASK_LIST]
    assert sorted(walk.ran) == sorted(["resolve", *normalize, *AFTER_NORMALIZE])


def test_the_walk_ends_in_a_page_that_loads_nothing(walk: Walk):
    page = (walk.root / "data/tiny/report/report.html").read_text()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "src=" not in page
    assert all(task in page for task in TASK_LIST)


def test_what_was_mixed_is_what_was_planned(walk: Walk):
    plan = json.loads((walk.root / "data/tiny/plans/compass.json").read_text())
    frame = pipeline.mixture_frame("tiny", root=walk.root).collect()
    got = dict(frame.group_by("task").len().rows())
    assert {entry["task"]: entry["quota"] for entry in plan["tasks"]} == got
    assert frame.height == plan["positions"] == 96


def test_git_sees_nothing_but_the_lock(walk: Walk):
    assert walk.run("git", "status", "--porcelain").stdout.split() == ["??", "dvc.lock"]
    walk.commit("first run")


def test_a_second_run_runs_nothing(walk: Walk):
    assert walk.repro() == []


def test_a_comment_in_a_card_reaches_resolve_alone(walk: Walk):
    path = walk.root / f"mixtures/tasks/{OTHER}.yaml"
    path.write_text("# a comment\n" + path.read_text())
    assert walk.repro() == ["resolve"]


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("curation/near.py", {"curate"}),
        ("mixing/quotas.py", {"plan@compass"}),
        ("config/mixture_card.py", {"curate", "tokenizer", "plan@compass", "train@compass"}),
    ],
)
def test_an_edit_of_code_reruns_what_can_run_it_and_of_its_words_resolve_alone(
    walk: Walk, module: str, stages: set[str]
):
    path = walk.root / "pipeline" / module
    text = path.read_text()
    first, rest = text.split('"""', 2)[1:]
    path.write_text(f'"""{first} And more words."""\n# a comment{rest}')
    assert walk.repro() == ["resolve"]
    path.write_text(text + "\n\ndef unused() -> int:\n    return 1\n")
    listed = walk.run(sys.executable, "-m", "dvc", "status", "--json")
    assert json.loads(listed.stdout).keys() == {"resolve"}
    walk.repro("resolve")
    status = json.loads(walk.run(sys.executable, "-m", "dvc", "status", "--json").stdout)
    assert stages <= status.keys()
    unrelated = {"normalize@" + TASK_LIST[0], "tokenize"} - stages
    assert not unrelated & {name for name in status if module.startswith(("curation", "mixing"))}
    path.write_text(text)
    assert walk.repro() == []  # DVC knows the outputs of these inputs, and takes them back


def test_editing_a_card_reruns_its_task_and_what_follows(walk: Walk):
    walk.edit(f"mixtures/tasks/{OTHER}.yaml", lambda card: card["source"].update(rows=333))
    ran = walk.repro()
    assert ran[:3] == ["resolve", f"normalize@{OTHER}", "curate"]
    assert not {f"normalize@{task}" for task in TASK_LIST if task != OTHER} & set(ran)


def test_editing_a_weight_reruns_the_plan_and_what_follows(walk: Walk):
    walk.edit("mixtures/tiny.yaml", lambda card: card["tasks"][OTHER].update(weight=2))
    ran = walk.repro()
    assert ran[:4] == ["resolve", "plan@compass", "mix@compass", "train@compass"]
    assert not {"curate", "tokenizer", "tokenize"} & set(ran)
    audit = pipeline.mixture_frame("tiny", root=walk.root).group_by("task").len().collect()
    counts = dict(audit.rows())
    assert counts[OTHER] == max(counts.values()) > counts[TARGET]


def test_a_removed_task_leaves_no_row_anywhere(walk: Walk):
    walk.edit("mixtures/tiny.yaml", lambda card: card["tasks"].pop(OTHER))
    walk.repro()
    left = [
        path.relative_to(walk.root).as_posix()
        for path in (walk.root / "data/tiny").rglob("*")
        if OTHER in path.name and path.parent.name != ".locks"
    ]
    assert left == []
    for file in (walk.root / "data/tiny").rglob("*.parquet"):
        frame = pl.read_parquet(file)
        columns = [c for c in ("task", "source", "target") if c in frame.columns]
        assert not any(OTHER in frame[c].cast(pl.String).to_list() for c in columns), file


def test_an_added_task_is_one_line(walk: Walk):
    walk.edit("mixtures/tiny.yaml", lambda card: card["tasks"].update({NEW: {}}))
    assert walk.repro()[:3] == ["resolve", f"normalize@{NEW}", "curate"]
    assert NEW in pipeline.mixture_frame("tiny", root=walk.root).collect()["task"].unique()


def test_metrics_and_parameters_compare_across_commits(walk: Walk):
    metrics = walk.run("dvc", "metrics", "diff", "HEAD")
    assert f"compass.tasks.{NEW}.accuracy" in metrics.stdout
    text = (walk.root / "params.yaml").read_text()
    walk.edit("params.yaml", lambda params: params["train"].update(batch=17))
    params = walk.run("dvc", "params", "diff", "HEAD")
    (walk.root / "params.yaml").write_text(text)
    assert "train.batch" in params.stdout
    assert "17" in params.stdout
    assert "fail" not in metrics.stderr + params.stderr


def test_switching_to_another_mixture_and_back_runs_nothing(walk: Walk):
    card = (walk.root / "mixtures/tiny.yaml").read_text()
    (walk.root / "mixtures/twin.yaml").write_text(card.replace("name: tiny", "name: twin"))
    walk.taskloom("use", "twin")
    assert walk.repro("resolve") == ["resolve"]
    walk.taskloom("use", "tiny")
    assert walk.repro() == []


def test_bad_input_is_worded_and_nothing_is_lost(walk: Walk):
    before = walk.hashes(*UP_TO_ORDER)
    walk.edit("mixtures/tiny.yaml", lambda card: card["tasks"].update(no_such_task={}))
    done = walk.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert "no task card named 'no_such_task'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    walk.edit("mixtures/tiny.yaml", lambda card: card["tasks"].pop("no_such_task"))
    walk.repro()
    assert walk.hashes(*UP_TO_ORDER) == before


@pytest.mark.parametrize("stage", ["curate", "train@compass"])
def test_a_killed_run_ends_in_the_same_bytes(walk: Walk, stage: str):
    before = walk.hashes(*UP_TO_ORDER, "models/tiny/compass")
    # another seed makes every stage run again; back to the first one, killed on the way
    walk.edit("params.yaml", lambda params: params.update(seed=params["seed"] + 1))
    walk.repro_killed_in(stage)
    walk.edit("params.yaml", lambda params: params.update(seed=params["seed"] - 1))
    walk.repro()
    assert walk.hashes(*UP_TO_ORDER, "models/tiny/compass") == before


def test_another_folder_hash_seed_and_thread_count_give_the_same_bytes(tmp_path: Path):
    first = make_walk(tmp_path / "a", hash_seed="1", threads="1")
    second = make_walk(tmp_path / "somewhere" / "else", hash_seed="77", threads="2")
    for each in (first, second):
        each.repro("tailor")
    second.taskloom("data", "--jobs", "2")
    folders = [f for f in UP_TO_ORDER if "plans" not in f and "mixes" not in f]
    assert first.hashes(*folders, "data/tiny/mixes/compass") == second.hashes(
        *folders, "data/tiny/mixes/compass"
    )
