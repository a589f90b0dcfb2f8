"""What changed since an artefact was built: every kind of cause, on a project that DVC recorded."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline import resolution
from pipeline.__main__ import main
from pipeline.commands import why
from pipeline.errors import ArtefactError
from pipeline.provenance import records
from pipeline.provenance.causes import Cause
from pipeline.provenance.changes import ABSENT, Change
from tests.commands.conftest import commit, edit, record, run_stage


def told(capsys, *arguments: str) -> list[str]:
    capsys.readouterr()
    why.main(arguments)
    return capsys.readouterr().out.splitlines()


def causes(capsys, artefact: str) -> list[tuple[str, str]]:
    """Kind and place of each cause."""
    return [
        (cause["kind"], cause["what"])
        for line in told(capsys, artefact, "--json")
        for cause in json.loads(line)["causes"]
    ]


@pytest.mark.parametrize(
    "artefact",
    ["mix@compass", "data/toy/mixes/compass/order.arrow", "settings"],
)
def test_what_was_just_built_is_up_to_date(built, capsys, artefact):
    lines = told(capsys, artefact)
    assert lines[0].startswith(f"{artefact} (stage ")
    assert lines[0].endswith("): up to date")
    assert lines[1:] == ["  nothing that it depends on has changed since it was built"]


def test_a_name_without_its_training_stands_for_all(built, capsys):
    assert told(capsys, "mix") == [
        "mix (stage mix@compass): up to date",
        "  nothing that it depends on has changed since it was built",
        "mix (stage mix@tailored): never built; `dvc repro` builds it",
    ]


@pytest.mark.parametrize(
    ("artefact", "stages"),
    [
        ("tokens", ["tokenize"]), ("data/toy/tokens/train", ["tokenize"]),
        ("examples/apples", ["normalize@apples"]), ("models/toy/tailored", ["train@tailored"]),
        ("plan", ["plan@compass", "plan@tailored"]), ("sources/apples.json", ["resolve"]),
        ("tailored", ["train@tailored"]),
    ],
)  # fmt: skip
def test_an_artefact_is_found_by_stage_by_path_and_by_its_end(built, artefact, stages):
    layout = why.Layout("toy")
    assert why.stages_of(artefact, layout, records.dvc_status()) == stages


def test_a_weight_is_found_before_anything_runs(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    assert told(capsys, "mix@compass") == [
        "mix@compass (stage mix@compass): out of date, one thing has changed since it was built",
        "  mixture card: data/toy/recipes/all/all.yaml",
        "    tasks.pears.weight: none -> 2",
        "    reaches it through plan@compass -> mix@compass",
    ]
    assert told(capsys, "tokens")[0].endswith("up to date")
    assert causes(capsys, "settings") == [
        ("mixture card", "data/toy/recipes/all/all.yaml"),
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
    ],
)  # fmt: skip
def test_each_edit_is_named_to_the_key_or_file(built, capsys, path, old, new, cause, line):
    edit(path, old, new)
    assert cause in causes(capsys, "mix@compass")
    assert line in told(capsys, "mix@compass")


def test_an_edit_of_code_is_named_by_its_module_once(built, capsys, monkeypatch):
    real = resolution.code_of

    def edited(*arguments, **options):
        found = real(*arguments, **options)
        return found | {"pipeline.errors": "edited", "pipeline.new": "1"}

    monkeypatch.setattr(resolution, "code_of", edited)
    assert told(capsys, "mix@compass") == [
        "mix@compass (stage mix@compass): out of date, one thing has changed since it was built",
        "  code: data/toy/settings/mix.json",
        "    pipeline.errors was edited",
        "    pipeline.new is new",
    ]
    assert told(capsys, "examples/apples")[1:] == [
        "  code: data/toy/sources/apples.json",
        "    pipeline.errors was edited",
        "    pipeline.new is new",
    ]


def test_a_plan_made_again_is_traced_to_the_edit_through_the_committed_lock(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    run_stage("resolve")
    run_stage("plan@compass")
    record("resolve", "plan@compass")
    assert told(capsys, "plan@compass")[0].endswith("up to date")
    assert told(capsys, "mix@compass")[1:3] == [
        "  mixture card: data/toy/recipes/all/all.yaml",
        "    tasks.pears.weight: none -> 2",
    ]
    edit("mixtures/toy.yaml", "pears: {weight: 2}", "pears: {}")
    assert causes(capsys, "mix@compass") == [("out of step", "data/toy/plans/compass.json")]


def test_examples_made_again_are_traced_to_the_card(built, capsys):
    """The examples of all tasks are one input of `curate`."""
    edit("mixtures/tasks/pears.yaml", "[bad, good]", "[good, bad]")
    for stage in ("resolve", "normalize@pears"):
        run_stage(stage)
        record(stage)
    assert causes(capsys, "curated") == [("task card", "data/toy/sources/pears.json")]


def test_old_settings_that_are_gone_from_the_cache_are_said_to_be_gone(built, capsys):
    edit("params.yaml", "max_tokens: 128", "max_tokens: 64")
    run_stage("resolve")
    record("resolve")
    shutil.rmtree(".dvc/cache")
    assert told(capsys, "tokens")[1] == (
        "  unknown: data/toy/settings/tokenize.json (what it held before is gone from DVC's cache)"
    )


def test_an_artefact_that_was_edited_or_deleted_is_named(built, capsys):
    Path("data/toy/mixes/compass/preview.parquet").unlink()
    Path("data/toy/mixes/compass/preview.parquet").write_bytes(b"x")
    assert told(capsys, "mix@compass")[1:] == [
        "  changed on disk: data/toy/mixes/compass (not what dvc.lock records: edited, damaged, or "
        "half of a run)",
        "    data/toy/mixes/compass/preview.parquet was edited",
    ]
    shutil.rmtree("data/toy/mixes/compass")
    assert causes(capsys, "mix@compass") == [("missing", "data/toy/mixes/compass")]
    Path("data/toy/settings/mix.json").unlink()
    assert causes(capsys, "settings") == [("missing", "data/toy/settings/mix.json")]


def test_a_mixture_that_is_not_in_use_is_explained_by_the_lock_that_had_it(built, capsys):
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(lock.replace("data/toy", "data/other"))
    commit("another mixture")
    text = Path("mixtures/toy.yaml").read_text()
    Path("mixtures/other.yaml").write_text(text.replace("name: toy", "name: other"))
    assert main(["use", "other"]) == 0
    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    assert causes(capsys, "data/toy/plans") == [("mixture card", "data/toy/recipes/all/all.yaml")]
    why.main(["data/toy/plans"])
    assert capsys.readouterr().err == (
        "note: files on disk are not checked, for the mixture is not in use\n"
    )


def test_an_artefact_that_there_is_none_of_is_refused_with_the_nearest(built, capsys):
    assert main(["why", "mix@compas"]) == 2
    assert capsys.readouterr().err == (
        "error: taskloom why: no artefact named 'mix@compas'\n  to do: did you mean 'mix@compass'?\n"
    )


def test_a_card_with_an_error_is_named(built, capsys):
    edit("mixtures/toy.yaml", "pears: {}", "peers: {}")
    assert main(["why", "mix@compass"]) == 2
    assert "no task card named 'peers'" in capsys.readouterr().err


def test_half_a_lock_is_named(built, capsys, monkeypatch):
    monkeypatch.setattr(records, "run_dvc", lambda *arguments: b"{}")
    Path("dvc.lock").write_text("stages:\n  mix@compass:\n    deps:\n    - path: data\n")
    assert main(["why", "mix@compass"]) == 2
    assert capsys.readouterr().err.startswith("error: dvc.lock: ")


def test_an_error_of_dvc_is_worded(built, capsys, monkeypatch):
    def fail(*arguments):
        raise ArtefactError("another process holds the lock", where="dvc status")

    monkeypatch.setattr(records, "run_dvc", fail)
    assert main(["why", "mix@compass"]) == 2
    assert capsys.readouterr().err == "error: dvc status: another process holds the lock\n"


def test_nothing_is_written(built, capsys):
    def state():
        return {str(p): p.stat().st_mtime_ns for p in Path().rglob("*") if ".git" not in p.parts}

    edit("mixtures/toy.yaml", "pears: {}", "pears: {weight: 2}")
    before = {path: time for path, time in state().items() if ".dvc" not in Path(path).parts}
    told(capsys, "mix@compass")
    after = {path: time for path, time in state().items() if ".dvc" not in Path(path).parts}
    assert after == before


def test_each_cause_has_its_keys_or_files_and_its_way():
    found = [
        Cause("parameter", "settings/plan.json", (Change("seed", 1, 2),), chain=("plan", "mix")),
        Cause(
            "code", "settings/mix.json",
            (
                Change("code.p.a", "1", "2"), Change("code.p.b", ABSENT, "3"),
                Change("code.p.c", "4", ABSENT),
            ),
            chain=("mix",),
        ),
        Cause("raw bytes", "sources/a.json", (Change("files.a/x.csv", "1", "2"),), chain=("mix",)),
        Cause("unknown", "out\x1b[2J", note="who knows"),
    ]  # fmt: skip
    assert list(why.lines("mix", "mix", found)) == [
        "mix (stage mix): out of date, 4 things have changed since it was built",
        "  parameter: settings/plan.json",
        "    seed: 1 -> 2",
        "    reaches it through plan -> mix",
        "  code: settings/mix.json",
        "    p.a was edited",
        "    p.b is new",
        "    p.c is gone",
        "  raw bytes: sources/a.json",
        "    a/x.csv was edited",
        "  unknown: out\\x1b[2J (who knows)",
    ]


def test_a_long_list_is_cut_for_people_and_whole_for_tools():
    cause = Cause("code", "x", tuple(Change(f"code.m{i:02d}", "1", "2") for i in range(20)))
    lines = list(why.lines("mix", "mix", [cause]))
    assert lines[-2:] == ["    m11 was edited", "    and 8 more"]
    value = why.json_value("mix", "mix", [cause])
    assert len(value["causes"][0].pop("changes")) == 20
    assert value == {
        "artefact": "mix", "stage": "mix", "up_to_date": False,
        "causes": [{"kind": "code", "what": "x", "note": "", "chain": ()}],
    }  # fmt: skip
