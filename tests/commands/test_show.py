"""Rows are shown from the latest stage that has them, readable for people and for programs."""

import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from pipeline.commands import show
from pipeline.config.catalog import load_task
from pipeline.contract.files import write_arrow, write_json
from pipeline.contract.order import ORDER
from pipeline.errors import ArtefactError, ConfigError, SourceError
from pipeline.layout import Layout
from pipeline.normalize.dispatch import normalize
from pipeline.rendering.choice_view import RENDERED, choice_view, rendered
from pipeline.schema import EXAMPLE
from pipeline.sources.dispatch import read_split
from pipeline.tables import write_parquet

APPLE = """
apples/train/0
  input     [task: apples] the apples number 0 of train is rotten
  * 0       bad
    1       good
"""


def examples(task: str) -> pl.DataFrame:
    card = load_task(Path("mixtures/tasks") / f"{task}.yaml")
    records = read_split(card, "train", data_dir=Path("data/external"), revision=None, seed=0)
    return normalize(records.frame, records.rejects, card, "train").examples


def render(task: str, frame: pl.DataFrame) -> None:
    text = pl.concat(rendered(choice_view(frame, where=task), role="train"))
    write_parquet(text, Layout("toy").rendered(task), RENDERED)


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.usefixtures("project", "wide")
def test_before_anything_is_built_a_task_is_read_from_its_card(capsys):
    show.main(["apples", "--rows", "1"])
    out = capsys.readouterr().out
    assert out == "task apples, train split: mixtures/tasks/apples.yaml\n" + APPLE


@pytest.mark.usefixtures("wide")
def test_examples_curated_and_rendered_rows_come_first_in_turn(project: Path, capsys):
    frame = examples("apples")
    layout = Layout("toy")
    places = [
        (layout.examples("apples") / "train.parquet", "train split"),
        (layout.curated("apples", "train"), "train"),
        (layout.rendered("apples"), "train"),
    ]
    for path, part in places:
        if path == layout.rendered("apples"):
            render("apples", frame)
        else:
            write_parquet(frame, path, EXAMPLE)
        show.main(["apples", "--rows", "1"])
        assert capsys.readouterr().out == f"task apples, {part}: {path}\n" + APPLE


@pytest.mark.usefixtures("project")
def test_report_rows_before_curation_are_those_of_the_labelled_split(capsys):
    show.main(["pears", "--role", "report", "--rows", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "task pears, validation split: mixtures/tasks/pears.yaml"
    assert [line for line in lines if line.startswith("pears/")] == [
        "pears/validation/0",
        "pears/validation/1",
    ]


@pytest.mark.usefixtures("project")
def test_tsv_has_a_header_and_one_row_a_line(capsys):
    show.main(["apples", "--rows", "3", "--tsv"])
    frame = pl.read_csv(io.StringIO(capsys.readouterr().out), separator="\t")
    assert frame.columns == [
        "task", "example_id", "context", "question", "choices", "label", "labels", "target",
    ]  # fmt: skip
    assert frame["example_id"].to_list() == [f"apples/train/{i}" for i in range(3)]
    assert [json.loads(text) for text in frame["choices"]] == [["bad", "good"]] * 3
    assert frame["label"].to_list() == [0, 1, 0]


@pytest.fixture
def mixed(project: Path) -> Path:
    """The toy mixture with an order of four positions."""
    for task in ("apples", "pears"):
        render(task, examples(task))
    folder = Layout("toy").mix("compass")
    order = pa.table({"row": [121, 3, 121, 0], "epoch": [0, 0, 1, 0]}, schema=ORDER)
    write_arrow(order, folder / "order.arrow")
    draws = [
        {"task": "apples", "start": 0, "rows": 120, "quota": 2},
        {"task": "pears", "start": 120, "rows": 120, "quota": 2},
    ]
    manifest = {"version": 1, "name": "toy", "which": "compass", "algorithm": "shuffled-2",
                "seed": 1, "positions": 4, "tasks": draws, "sha256": ""}  # fmt: skip
    write_json(manifest, folder / "manifest.json")
    return project


@pytest.mark.usefixtures("mixed", "wide")
def test_a_mixture_is_shown_in_training_order(capsys):
    show.main(["toy", "--rows", "3"])
    out = capsys.readouterr().out
    assert out.startswith(
        "mixture toy, compass, in training order: data/toy/mixes/compass\n"
        "\n"
        "pears/train/1  position 0, epoch 0\n"
        "  input     [task: pears] the pears number 1 of train is ripe\n"
        "    0       bad\n"
        "  * 1       good\n"
        "\n"
        "apples/train/3  position 1, epoch 0\n"
    )
    assert "pears/train/1  position 2, epoch 1\n" in out
    assert "position 3" not in out


@pytest.mark.usefixtures("mixed")
def test_a_mixture_has_positions_and_epochs_in_tsv(capsys):
    show.main(["toy", "--rows", "9", "--tsv"])
    frame = pl.read_csv(io.StringIO(capsys.readouterr().out), separator="\t")
    assert frame.select("position", "epoch", "example_id", "target").rows() == [
        (0, 0, "pears/train/1", "good"),
        (1, 0, "apples/train/3", "good"),
        (2, 1, "pears/train/1", "good"),
        (3, 0, "apples/train/0", "bad"),
    ]


def test_several_golds_are_starred_and_many_choices_cut():
    rows = pl.DataFrame(
        {
            "example_id": ["a/train/0"], "prefix": ["[task: a]"], "context": ["x " * 900],
            "question": ["which?"], "choices": [[f"c{i}" for i in range(30)]], "label": [None],
            "labels": [[2, 25]], "target": ["c2"],
        }
    )  # fmt: skip
    lines = list(show.lines(show.Shown("title", rows), width=60))
    starred = [line for line in lines if line.startswith("  *")]
    assert starred == ["  * 2       c2", "  * 25      c25"]
    assert lines[-1] == "            and 19 more choices"
    assert sum("x x" in line for line in lines) == 12
    assert max(map(len, lines)) <= 60


def test_a_cloze_is_shown_filled_and_a_hidden_label_named():
    rows = pl.DataFrame(
        {
            "example_id": ["a/train/0"], "prefix": ["[task: a]"], "context": [""],
            "question": ["the _ barks"], "choices": [["cat", "dog"]], "label": [None],
            "labels": [None], "target": [None],
        }
    )  # fmt: skip
    assert list(show.lines(show.Shown("title", rows), width=60))[2:] == [
        "a/train/0",
        "  input     [task: a]",
        "  question  the _ barks",
        "    0       the cat barks",
        "    1       the dog barks",
        "  label     (hidden)",
    ]


def test_a_row_without_choices_shows_its_target():
    rows = pl.DataFrame(
        {
            "example_id": ["a/train/0"], "prefix": ["[task: a]"], "context": ["some text"],
            "question": [""], "choices": [[]], "label": [None], "labels": [None], "target": ["an answer"],
        },
        schema_overrides={"choices": pl.List(pl.String)},
    )  # fmt: skip
    assert list(show.lines(show.Shown("title", rows), width=60))[-1] == "  target    an answer"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["aples"], "taskloom show: no task or mixture named 'aples'\n  to do: did you mean 'apples'?"),
        (["apples", "--rows", "0"], "taskloom show: --rows: is 0\n  expected: 1 or more"),
        (["apples", "--training", "compass"],
         "taskloom show: --training goes with a mixture; 'apples' is a task"),
        (["toy", "--role", "select"],
         "taskloom show: --role: is 'select', but a mixture has train rows only\n"
         "  to do: show one of its tasks: taskloom show TASK --role select"),
    ],
)  # fmt: skip
def test_what_does_not_go_is_worded(arguments, message):
    with pytest.raises(ConfigError) as error:
        show.main(arguments)
    assert str(error.value) == message


@pytest.mark.usefixtures("project")
def test_an_order_that_is_not_built_is_worded():
    with pytest.raises(ArtefactError) as error:
        show.main(["toy", "--training", "tailored"])
    assert str(error.value).splitlines() == [
        "data/toy/mixes/tailored/manifest.json: mixture 'toy' has no order of the training "
        "'tailored' yet",
        "  to do: run `dvc repro`",
    ]


def test_an_order_of_another_mixture_needs_a_switch(project: Path):
    text = (project / "mixtures/toy.yaml").read_text().replace("name: toy", "name: other")
    (project / "mixtures/other.yaml").write_text(text)
    with pytest.raises(ArtefactError, match="run `taskloom use other`, then `dvc repro`"):
        show.main(["other"])


@pytest.mark.usefixtures("project")
def test_a_training_that_the_mixture_does_not_have_is_refused():
    with pytest.raises(ConfigError) as error:
        show.main(["toy", "--training", "compas"])
    assert str(error.value) == (
        "mixtures/toy.yaml: no training named 'compas'\n  to do: did you mean 'compass'?"
    )


def test_control_characters_of_a_text_are_spelled_out():
    rows = pl.DataFrame(
        {
            "example_id": ["a/train/0"], "prefix": ["[task: a]"], "context": ["red \x1b[31m text"],
            "question": ["\u202e?"], "choices": [["cat", "dog"]], "label": [0], "labels": [None],
            "target": [None],
        }
    )  # fmt: skip
    lines = list(show.lines(show.Shown("title", rows), width=60))
    assert "  input     [task: a] red \\x1b[31m text" in lines
    assert "  question  \\u202e?" in lines


@pytest.mark.usefixtures("project")
def test_select_rows_need_curation():
    with pytest.raises(
        ArtefactError, match="task 'apples' has no rows of role 'select' before it is curated"
    ):
        show.main(["apples", "--role", "select"])


def test_missing_raw_files_are_named(project: Path):
    (project / "data/external/apples/train.jsonl").unlink()
    with pytest.raises(SourceError, match=r"train\.jsonl"):
        show.main(["apples"])


def test_a_task_without_labelled_held_out_rows_has_no_report_rows(project: Path):
    path = project / "mixtures/tasks/apples.yaml"
    path.write_text(path.read_text() + "hidden: [validation]\n")
    with pytest.raises(ConfigError, match="has no labelled test or validation"):
        show.main(["apples", "--role", "report"])
