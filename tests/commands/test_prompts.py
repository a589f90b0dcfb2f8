import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.commands import prompts
from pipeline.config.prompt_file import read_prompts, write_prompts
from pipeline.config.resolved import NormalizeSource
from pipeline.errors import ConfigError, SourceError
from pipeline.layout import Layout
from pipeline.schema import EXAMPLE
from pipeline.tables import write_parquet
from pipeline.templates.prompt import Prompt, PromptFile

IDS = [f"0000000{i}-0000-4000-8000-000000000000" for i in range(3)]


def prompt(index: int, jinja: str, choices: str | None = None) -> Prompt:
    return Prompt(
        IDS[index], f"p{index}", jinja, choices,
        original_task=True, metrics=("Accuracy",), languages=("en",),
    )  # fmt: skip


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    good = prompt(0, "{{ text }} ||| {{ answer_choices[label] }}", "no ||| yes")
    write_prompts(PromptFile("pears", None, (good,)), Path("pool/pears/templates.yaml"))
    two = (prompt(1, "{{ txt }} ||| x"), prompt(2, "{{ [text] }} ||| x"))
    write_prompts(PromptFile("apples", "red", two), Path("pool/apples/red/templates.yaml"))
    rows = pl.DataFrame({"text": ["one", "two"] * 10, "label": [0, 1] * 10, "a-b": ["x"] * 20})
    rows.write_parquet("rows.parquet")
    return Path("pool")


def run(capsys, *arguments: str) -> list[str]:
    prompts.main(arguments)
    return capsys.readouterr().out.splitlines()


def test_import_takes_prompts_in_and_list_shows_them(pool, capsys):
    assert run(capsys, "import", "pool", "--dataset", "apples/red", "--name", "fruit") == [
        "mixtures/prompts/fruit/templates.yaml: 2 prompts"
    ]
    taken = read_prompts(Path("mixtures/prompts/fruit/templates.yaml"))
    assert taken == PromptFile(
        "fruit", None, read_prompts(pool / "apples/red/templates.yaml").prompts
    )
    assert run(capsys, "list") == [
        "fruit: 2 prompts",
        f"  {IDS[1]}  p1: free text, original task, Accuracy",
        f"  {IDS[2]}  p2: free text, original task, Accuracy",
        "2 prompts of 1 datasets",
    ]
    with pytest.raises(ConfigError, match="is there already"):
        prompts.main(["import", "pool", "--dataset", "apples/red", "--name", "fruit"])


def test_import_stays_inside_its_folder(pool):
    write_prompts(
        PromptFile("../../out", None, (prompt(0, "a ||| b"),)), Path("evil/templates.yaml")
    )
    with pytest.raises(ConfigError, match="leads out of mixtures/prompts"):
        prompts.main(["import", "evil"])
    assert not Path("out").exists()


def test_lint_prints_findings_and_fails_on_errors(pool, capsys):
    assert run(capsys, "lint", "pears", "--prompts", "pool", "--rows", "rows.parquet") == [
        "1 prompts: 0 errors, 0 warnings"
    ]
    with pytest.raises(ConfigError, match="2 errors in the prompts"):
        prompts.main(["lint", "apples", "--prompts", "pool", "--rows", "rows.parquet"])
    lines = capsys.readouterr().out.splitlines()
    assert "apples/red, p1: error: fields: the rows have no txt" in lines


CURATED = {
    "context": ["a pear"] * 20, "question": [f"is it {i} ?" for i in range(20)],
    "choices": [["no", "yes"]] * 20, "label": [0, 1] * 10, "labels": [None] * 20,
    "target": ["no", "yes"] * 10, "prefix": "[task: pears]", "task": "pears", "form": "classification",
    "example_id": [f"pears/train/{i}" for i in range(20)],
    "content_hash": [f"{i:016}".encode() for i in range(20)],
}  # fmt: skip


@pytest.fixture
def mixture(pool) -> None:
    """A mixture of the text view with curated rows, raw records, and prompts of both kinds."""
    Path("mixtures").mkdir()
    Path("params.yaml").write_text("seed: 1\ndata_dir: raw\nprompts_dir: pool\n")
    Path("mixtures/toy.yaml").write_text(
        "name: toy\nview: text\ntasks: {pears: {pool: pears}, plums: {}}\n"
        "sampling: {strategy: equal, rows: 9}\ntailor: {target: pears}\n"
        "trainings: {compass: {recipe: all, start: base}}\n"
    )
    own = (prompt(1, "{{ question }} ||| {{ answer_choices[1 - label] }}", "no ||| yes"),)
    write_prompts(PromptFile("pears", None, own), Path("mixtures/prompts/pears/templates.yaml"))
    kinds = {"label": pl.Int32, "labels": pl.List(pl.Int32)}
    rows = pl.DataFrame(CURATED, schema_overrides=kinds)
    layout = Layout("toy")
    write_parquet(rows, layout.curated("pears", "train"), EXAMPLE)
    Path("raw/pears").mkdir(parents=True)
    lines = [json.dumps({"text": f"pear {i}", "label": i % 2}) for i in range(30)]
    Path("raw/pears/train.jsonl").write_text("\n".join(lines) + "\n")
    card = {
        "task": "pears", "family": "fruit", "licence": "none", "splits": {"train": "train.jsonl"},
        "source": {"kind": "files", "folder": "pears"},
        "fields": {"form": "classification", "label": "label", "classes": {0: "no", 1: "yes"}},
    }  # fmt: skip
    source = {
        "name": "toy", "seed": 0, "data_dir": "raw", "files": {}, "revision": None, "code": {},
        "card": card,
    }  # fmt: skip
    layout.source("pears").parent.mkdir(parents=True)
    text = NormalizeSource.model_validate(source).model_dump_json()
    layout.source("pears").write_text(text)


def test_a_task_s_prompts_are_linted_on_its_own_rows(mixture, capsys):
    """The own prompt turns the classes round, which only rows with class names show."""
    with pytest.raises(ConfigError, match="2 errors in the prompts"):
        prompts.main(["lint", "--mixture", "toy"])
    assert capsys.readouterr().out.splitlines() == [
        "pears, p1: error: order: rows of class 'no' have the target 'yes' (10 rows)",
        "pears, p1: error: order: rows of class 'yes' have the target 'no' (10 rows)",
        "2 prompts: 2 errors, 0 warnings",
    ]
    assert run(capsys, "explain", "pears", "--mixture", "toy")[:2] == [
        "pears:",
        "p1: expressions; 0.00% of 20 rows fell back (worst batch 0.00%)",
    ]
    with pytest.raises(ConfigError, match="no task named 'pearz'"):
        prompts.main(["lint", "pearz", "--mixture", "toy"])
    with pytest.raises(ConfigError, match="toy.yaml: none of the tasks has prompts"):
        prompts.main(["lint", "plums", "--mixture", "toy"])


def test_prompts_are_looked_up_in_the_project_and_then_in_the_pool(mixture, capsys):
    assert run(capsys, "list")[-1] == "1 prompts of 1 datasets"
    assert run(capsys, "list", "pears")[1].split()[:2] == [IDS[1], "p1:"]
    assert run(capsys, "list", "apples/red")[-1] == "2 prompts of 1 datasets"


def test_explain_says_tier_and_reason(pool, capsys):
    assert run(
        capsys, "explain", "apples", "--prompts", "pool", "--rows", "rows.parquet", "--sample", "5"
    ) == [
        "p1: expressions; 0.00% of 5 rows fell back (worst batch 0.00%)",
        "p2: jinja (a value that would have to be constant); 5 rows",
        "2 prompts: 1 expressions, 1 jinja",
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["list", "pearz", "--prompts", "pool"], ConfigError, "did you mean"),
        (["list"], ConfigError, "no such folder"),
        (
            ["lint", "--prompts", "pool", "--rows", "rows.parquet"],
            ConfigError,
            "goes with one dataset, 2 match",
        ),
        (
            ["explain", "pears", "--prompts", "pool"],
            ConfigError,
            "without rows no field has a type",
        ),
        (
            ["lint", "pears", "--prompts", "pool", "--rows", "rows.txt"],
            SourceError,
            "no such file of rows",
        ),
        (
            ["explain", "pears", "--prompts", "pool", "--rows", "rows.parquet", "--sample", "0"],
            ConfigError,
            "is 0",
        ),
        (["import", "pool", "--name", "x"], ConfigError, "2 datasets match"),
    ],
)
def test_wrong_calls_are_worded(pool, arguments, error, message):
    with pytest.raises(error) as caught:
        prompts.main(arguments)
    assert message in str(caught.value)
