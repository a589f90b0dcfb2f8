"""What changed since an artefact was built: every kind of cause, found from the files alone."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.commands import why
from pipeline.stages.resolve import NORMALIZE_CODE, SUITE_CODE, code_hash
from tests.commands.conftest import commit, edit, record, run_stage


def told(capsys, *arguments: str) -> list[str]:
    capsys.readouterr()
    why.main(arguments)
    return capsys.readouterr().out.splitlines()


def causes(capsys, artefact: str) -> list[tuple[str, str]]:
    """Kind and place of each cause."""
    capsys.readouterr()
    why.main([artefact, "--json"])
    return [
        (cause["kind"], cause["what"])
        for line in capsys.readouterr().out.splitlines()
        for cause in json.loads(line)["causes"]
    ]


@pytest.mark.parametrize(
    "artefact",
    ["mix", "tokens", "plan", "data/toy/mixes/compass/order.arrow", "settings", "examples/apples",
     "normalize@pears", "data/toy/tokenizer", "prefixes.json"],
)  # fmt: skip
def test_what_was_just_built_is_up_to_date(built, capsys, artefact):
    lines = told(capsys, artefact)
    assert lines[0].startswith(f"{artefact} (stage ")
    assert lines[0].endswith("): up to date")
    assert lines[1:] == ["  nothing that it depends on has changed since it was built"]


def test_a_weight_is_found_before_anything_runs(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    assert told(capsys, "mix") == [
        "mix (stage mix): out of date, one thing has changed since it was built",
        "  mixture card: data/toy/settings/plan.json",
        "    tasks.pears.weight: none -> 2",
        "    reaches it through plan -> mix",
    ]
    assert told(capsys, "tokens")[0].endswith("up to date")
    assert sorted(causes(capsys, "settings")) == [
        ("mixture card", "data/toy/settings/plan.json"),
        ("mixture card", "data/toy/settings/report.json"),
        ("mixture card", "data/toy/settings/tailor.json"),
    ]


@pytest.mark.parametrize(
    ("path", "old", "new", "cause", "line"),
    [
        ("params.yaml", "max_tokens: 128", "max_tokens: 64",
         ("parameter", "data/toy/settings/tokenize.json"),
         "    tokenize.max_tokens: 128 -> 64"),
        ("mixtures/tasks/pears.yaml", "[bad, good]", "[good, bad]",
         ("task card", "data/toy/sources/pears.json"),
         "    card.fields.classes: ['bad', 'good'] -> ['good', 'bad']"),
        ("data/external/pears/train.jsonl", "number 3 of", "numero 3 of",
         ("raw bytes", "data/toy/sources/pears.json"),
         "    pears/train.jsonl was edited"),
        ("pipeline/mixing/audit.py", "import", "import  ",
         ("code", "pipeline/mixing"), "    audit.py was edited"),
        ("pipeline/seeds.py", "import", "import  ",
         ("code", "pipeline/seeds.py"), "  code: pipeline/seeds.py was edited"),
    ],
)  # fmt: skip
def test_each_edit_is_named_to_the_key_or_file(built, capsys, path, old, new, cause, line):
    edit(path, old, new)
    assert cause in causes(capsys, "mix")
    assert line in told(capsys, "mix")


def test_another_version_of_the_order_is_named_as_such(built, capsys):
    edit("data/toy/plans/compass.json", '"order": "shuffled-', '"order": "shuffled-0.')
    record("plan", "mix")
    commit("of an older version")
    assert "order algorithm" not in [kind for kind, _ in causes(capsys, "mix")]
    edit("pipeline/mixing/audit.py", "import", "import  ")
    found = causes(capsys, "mix")
    assert found[0] == ("order algorithm", "data/toy/plans/compass.json")
    assert found[1] == ("code", "pipeline/mixing")


def test_code_that_reads_is_named_by_its_files_and_the_commit(built, capsys):
    edit("pipeline/sources/values.py", "import", "import  ")
    Path("pipeline/normalize/extra.py").write_text("")
    # the walk itself hashes code by its place in the project
    lines = told(capsys, "examples/apples")
    assert lines[1].startswith("  code: code that reads and normalises (since commit ")
    assert lines[2:] == [
        "    pipeline/normalize/extra.py is new",
        "    pipeline/sources/values.py was edited",
    ]


def test_a_plan_made_anew_is_traced_to_the_edit_through_the_committed_lock(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    run_stage("resolve")
    run_stage("plan")
    record("resolve", "plan")
    assert told(capsys, "plan")[0].endswith("up to date")
    assert told(capsys, "mix")[1:3] == [
        "  mixture card: data/toy/settings/plan.json",
        "    tasks.pears.weight: none -> 2",
    ]
    edit("mixtures/toy.yaml", "pears: {weight: 2}", "pears: {}")
    assert causes(capsys, "mix") == [("out of step", "data/toy/plans/compass.json")]


def test_old_settings_that_are_gone_from_the_cache_are_said_to_be_gone(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    run_stage("resolve")
    record("resolve")
    assert told(capsys, "mix")[2] == "    tasks.pears.weight: none -> 2"
    shutil.rmtree(".dvc/cache")
    assert told(capsys, "mix")[1] == (
        "  unknown: data/toy/settings/plan.json (what it held before is gone from DVC's cache)"
    )


def test_an_artefact_that_was_edited_or_deleted_is_named(built, capsys):
    Path("data/toy/mixes/compass/preview.parquet").write_bytes(b"x")
    assert causes(capsys, "mix") == [("changed on disk", "data/toy/mixes/compass")]
    shutil.rmtree("data/toy/mixes/compass")
    assert causes(capsys, "mix") == [("missing", "data/toy/mixes/compass")]
    Path("data/toy/settings/plan.json").unlink()
    assert causes(capsys, "settings") == [("missing", "data/toy/settings/plan.json")]


def test_code_that_no_commit_holds_is_said_to_be_unknown(built, capsys):
    edit("pipeline/mixing/audit.py", "import", "import  ")
    record("mix")
    edit("pipeline/mixing/audit.py", "import  ", "import   ")
    assert told(capsys, "mix")[1] == (
        "  code: pipeline/mixing (the code that it was built with is in none of the last commits)"
    )


def test_the_record_of_an_earlier_commit_serves_where_another_mixture_was_run_since(built, capsys):
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(lock.replace("data/toy", "data/other"))
    commit("another mixture")
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    assert ("mixture card", "data/toy/settings/plan.json") in causes(capsys, "plan")


@pytest.mark.parametrize(
    ("artefact", "message"),
    [
        ("mox", "error: taskloom why: no artefact named 'mox'\n  to do: did you mean 'mix'?\n"),
        ("order.arrow", "error: taskloom why: 'order.arrow' is made by several stages\n"
         "  to do: name one of them: mix, tailored_mix\n"),
        ("train", "error: models/toy/compass: dvc.lock records no run of stage 'train' that made it\n"
         "  to do: run `dvc repro` (after `taskloom use NAME`, where it is another mixture's)\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_worded(built, capsys, artefact, message):
    if artefact == "order.arrow":
        shutil.copytree("data/toy/mixes/compass", "data/toy/mixes/tailored")
    assert main(["why", artefact]) == 2
    assert capsys.readouterr().err == message


def test_a_recipe_with_an_error_is_named(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "peers: {}")
    assert main(["why", "mix"]) == 2
    assert "no task card named 'peers'" in capsys.readouterr().err


def test_nothing_is_written(built, capsys):
    def state():
        return {
            str(p): p.stat().st_mtime_ns for p in Path().rglob("*") if "__pycache__" not in p.parts
        }

    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    before = state()
    told(capsys, "mix")
    assert {k: v for k, v in state().items() if ".git" not in k} == {
        k: v for k, v in before.items() if ".git" not in k
    }


@pytest.mark.parametrize("kind", ["files", "suite"])
def test_the_hash_of_the_code_is_that_of_resolve(built, kind):
    path = Path("source.json")
    path.write_text(json.dumps({"card": {"source": {"kind": kind}}}))
    files = {
        file.as_posix(): file.read_bytes()
        for root in map(Path, NORMALIZE_CODE)
        for file in (root.rglob("*") if root.is_dir() else [root])
        if file.is_file()
    }
    without = SUITE_CODE if kind == "files" else ""
    assert why.code_of(str(path), files) == code_hash(NORMALIZE_CODE, without=without)


@pytest.mark.parametrize(
    ("path", "key", "kind"),
    [
        ("d/settings/tokenizer.json", "model_sha256", "tokenizer files"),
        ("d/settings/train.json", "train.batch", "parameter"),
        ("d/settings/train.json", "seed", "parameter"),
        ("d/settings/train.json", "init", "mixture card"),
        ("d/settings/relate.json", "families.a", "task card"),
        ("d/settings/plan.json", "sampling.order", "order algorithm"),
        ("d/settings/plan.json", "sampling.rows", "mixture card"),
        ("d/settings/tokenize.json", "prompts.a.prompts.0.jinja", "prompts"),
        ("d/sources/a.json", "revision", "hub commit"),
        ("d/sources/a.json", "seed", "parameter"),
    ],
)
def test_keys_are_kinds_of_causes(path, key, kind):
    assert why.kind_of(path, key) == kind
