"""The stage `tokenize` in the text view, where rows are seen through prompts."""

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.config.forms.registry import MultipleChoice, TextToText
from pipeline.config.resolved import NormalizeSource
from pipeline.config.settings import PromptText, TaskPrompts
from pipeline.contract.files import read_arrow, read_json, sha256
from pipeline.contract.text import open_text_shards
from pipeline.errors import ArtefactError, DataError
from pipeline.rendering.text_view import RENDERED
from pipeline.tables import read_parquet
from pipeline.views.prompted import RawRecords, answer_columns, named_as_prompts
from tests.stages.test_text_tokens import entry, words

CHOICES = "{{ choices | join(' ||| ') }}"


def prompt(name, jinja, answer_choices=CHOICES, **keys):
    return PromptText(
        id=f"id of {name}", name=name, jinja=jinja, answer_choices=answer_choices, **keys
    )


ASK = prompt("ask", "{{ question }} {{ context }} ||| {{ answer_choices[label] }}")
SAY = prompt("say", "{{ context }} : ||| {{ target }}", None)
PLAIN = PromptText(id="plain", name="plain")


def told(*prompts, **keys):
    return TaskPrompts(prompts=prompts, **keys)


def shard(layout, role="train", task="apples"):
    return read_arrow(layout.tokens(role) / f"{task}.arrow").to_pydict()


def test_every_row_is_seen_through_every_prompt(text_mixture):
    text_mixture.tokens(prompts={"apples": told(ASK, PLAIN, SAY)})
    layout = text_mixture.layout
    table = shard(layout)
    assert table["row"] == [row for row in range(40) for _ in range(3)]
    assert table["prompt"] == [0, 1, 2] * 40
    assert words(layout, table["input"][3]) == "which colour ? the apples number 1 and so on"
    assert words(layout, table["input"][5]) == "the apples number 1 and so on :"
    assert table["label"][3:6] == [1, 1, None]
    apples = entry(layout, "apples")
    assert apples["draw"] == "all"
    assert [(p["id"], p["name"], p["rows"], p["asked"]) for p in apples["prompts"]] == [
        ("id of ask", "ask", 40, 40), ("plain", "plain", 40, 40), ("id of say", "say", 40, 40),
    ]  # fmt: skip
    assert entry(layout, "pears")["prompts"][0]["id"] == "plain"
    assert len(open_text_shards(layout.tokens("train")).shards[0].rows) == 120
    frame = read_parquet(layout.rendered("apples"), RENDERED)
    assert frame["prompt"].cast(pl.String)[:3].to_list() == ["id of ask", "plain", "id of say"]


def test_a_train_row_may_be_seen_through_one_prompt_by_weight(text_mixture):
    heavy = ASK.model_copy(update={"weight": 9.0})
    text_mixture.tokens(prompts={"apples": told(heavy, SAY, draw="one")})
    layout = text_mixture.layout
    table = shard(layout)
    assert table["row"] == list(range(40))
    rows = {p["name"]: p["rows"] for p in entry(layout, "apples")["prompts"]}
    assert rows == {"ask": table["prompt"].count(0), "say": table["prompt"].count(1)}
    assert rows["ask"] > 30 > 0 < rows["say"]
    assert entry(layout, "apples")["draw"] == "one"
    # rows for evaluation are seen through all
    assert shard(layout, "report")["prompt"] == [0, 1] * 4


def test_rows_for_evaluation_may_have_fewer_prompts(text_mixture):
    text_mixture.tokens(prompts={"apples": told(ASK, SAY)}, text={"eval_prompts": 1})
    layout = text_mixture.layout
    assert shard(layout, "select")["prompt"] == [0] * 3
    assert [p["id"] for p in entry(layout, "apples", "select")["prompts"]] == ["id of ask"]
    assert len(entry(layout, "apples")["prompts"]) == 2


def test_without_prefixes_a_sequence_has_a_token_more_for_its_text(text_mixture):
    text_mixture.tokens(text={"prefix": False})
    layout = text_mixture.layout
    manifest = read_json(layout.tokens("train") / "manifest.json")
    assert (manifest["prefix"], manifest["extras"]) == (False, 1)
    shards = open_text_shards(layout.tokens("train"))
    assert shards.special.prefix is False
    text = read_parquet(layout.rendered("pears"), RENDERED)["text"][0].to_list()
    assert text == ["the pears number 0\nwhich colour ?\nOptions: red | green\nAnswer:\nred"]


def test_fields_are_cut_and_answers_are_not(text_mixture):
    many = prompt(
        "many", "{{ context }} ; {{ question }} ; {{ choices | join(' ') }} ||| {{ target }}"
    )
    text_mixture.tokens(prompts={"stars": told(many)}, text={"field_tokens": 2})
    table = shard(text_mixture.layout, task="stars")
    assert words(text_mixture.layout, table["input"][2]) == (
        "the stars ; which colour ; red green blue a long colour"
    ).replace(";", "[UNK]")


def test_slow_rows_and_foreign_targets_are_said(text_mixture, capsys):
    odd = prompt(
        "odd", "{{ question }} ||| {{ 'mauve' if context == 'the apples number 0' else target }}"
    )
    text_mixture.tokens(prompts={"apples": told(odd)})
    assert capsys.readouterr().err == (
        "tokenize: apples/train, prompt 'odd': 1 of 40 rows have a target that is no option\n"
        "tokenize: apples/select, prompt 'odd': 1 of 3 rows have a target that is no option\n"
        "tokenize: apples/report, prompt 'odd': 1 of 4 rows have a target that is no option\n"
    )


def test_a_failing_template_leaves_nothing_behind(text_mixture):
    fails = prompt("fails", "{{ 1 // label }} ||| x", None)
    with pytest.raises(
        DataError, match=r"curated/apples/train\.parquet: prompt 'fails' fails on 20 "
    ):
        text_mixture.tokens(prompts={"apples": told(fails)})
    assert not (text_mixture.layout.data / "tokens").exists()


def test_editing_a_prompt_makes_its_task_again_and_no_other(text_mixture):
    text_mixture.tokens(prompts={"apples": told(ASK), "pears": told(SAY)})
    layout = text_mixture.layout
    kept = layout.data / ".tokenize"
    files = {path: sha256(path) for path in layout.tokens("train").glob("*.arrow")}
    inodes = {path: path.stat().st_ino for path in kept.glob("*/train.arrow")}
    changed = SAY.model_copy(update={"jinja": "{{ context }} a ||| {{ target }}"})
    text_mixture.tokens(prompts={"apples": told(ASK), "pears": told(changed)})
    after = {path: sha256(path) for path in files}
    assert [path.stem for path in files if files[path] != after[path]] == ["pears"]
    now = {path: path.stat().st_ino for path in inodes}
    assert [path.parent.name for path in inodes if inodes[path] != now[path]] == ["pears"]
    assert (layout.tokens("train") / "apples.arrow").stat().st_nlink == 2
    text_mixture.sizes = {
        task: rows for task, rows in text_mixture.sizes.items() if task != "pears"
    }
    text_mixture.tokens(prompts={"apples": told(ASK)})
    assert not (kept / "pears").exists()


SOURCE = {
    "name": "fruit", "seed": 0, "data_dir": "raw", "files": {}, "revision": None, "code": {},
    "card": {
        "task": "apples", "family": "fruit", "licence": "none",
        "source": {"kind": "files", "folder": "apples"},
        "splits": {"train": "train.jsonl", "test": "test.jsonl"},
        "fields": {
            "form": "multiple_choice", "question": "what", "choices": "opts.texts", "label": "gold",
        },
    },
}  # fmt: skip


@pytest.fixture
def raw(text_mixture):
    """Raw records of the apples, and their resolved source."""
    folder = Path("raw/apples")
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        lines = [
            {
                "what": f"{split} {i}",
                "gold": i % 2,
                "opts": {"texts": ["red", "green"]},
                "a-b": i,
                "split": f"half {i % 2}",
                "at": "noon",
            }
            for i in range(50)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{split}.jsonl").write_text(text)
    path = text_mixture.layout.source("apples")
    path.parent.mkdir(parents=True)
    path.write_text(NormalizeSource.model_validate(SOURCE).model_dump_json())
    return text_mixture


def test_records_are_found_by_their_split_and_row(raw):
    records = RawRecords(NormalizeSource.model_validate(SOURCE))
    asked = pl.DataFrame({"example_id": ["apples/test/7", "apples/train/3", "apples/test/0"]})
    found = records.of(asked)
    assert found.to_dict(as_series=False) == {
        "what": ["test 7", "train 3", "test 0"], "gold": [1, 1, 0],
        "opts": [{"texts": ["red", "green"]}] * 3, "a_b": [7, 3, 0],
        "split": ["half 1", "half 1", "half 0"], "at": ["noon"] * 3,
    }  # fmt: skip
    with pytest.raises(DataError, match="apples: record 50 of train is not in the source any more"):
        records.of(pl.DataFrame({"example_id": ["apples/train/1", "apples/train/50"]}))


def test_columns_that_differ_in_hyphens_alone_are_refused():
    records = pl.DataFrame({"b": [1], "a-c": [2], "a_c": [3]})
    with pytest.raises(DataError, match="the columns 'a-c' and 'a_c' have one name"):
        named_as_prompts(records)


def test_a_pool_s_prompts_see_records(raw):
    pooled = prompt(
        "pooled", "{{ what }} number {{ a_b }} ||| {{ answer_choices[gold] }}",
        "{{ opts.texts | join(' ||| ') }}", sees="record",
    )  # fmt: skip

    def located(frame, role):
        split = "test" if role == "report" else "train"
        name = pl.col("example_id").str.replace(f"/{role}/", f"/{split}/")
        return frame.with_columns(example_id=name)

    prompts = {"apples": told(pooled, ASK, source_sha256=sha256(raw.layout.source("apples")))}
    raw.tokens(prompts=prompts, edit=located)
    table = shard(raw.layout)
    assert words(raw.layout, table["input"][6]).endswith("number 3")
    assert [table["label"][6], table["prompt"][6]] == [1, 0]
    assert table["prompt"] == [0, 1] * 40
    stale = {"apples": told(pooled, source_sha256="0" * 64)}
    with pytest.raises(ArtefactError, match=r"sources/apples\.json: is not the one that the"):
        raw.tokens(prompts=stale, edit=located)


def test_answers_of_records_are_known_from_the_card():
    fields = MultipleChoice.model_validate(
        {
            "form": "multiple_choice", "context": "story", "question": "q",
            "choices": ["opt-1", "data.opts[].text"], "label": "gold", "choice_labels": "names",
        }
    )  # fmt: skip
    columns = ["story", "q", "opt_1", "data", "gold", "names", "other"]
    assert answer_columns(fields, columns) == ["opt_1", "data", "gold", "names"]
    text = TextToText(form="text_to_text", context="a", target="{b} and {c.d}")
    assert answer_columns(text, ["a", "b", "c", "d"]) == ["b", "c"]
