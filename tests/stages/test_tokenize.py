import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.config.params import TokenizeParams
from pipeline.config.settings import TokenizeSettings
from pipeline.errors import ArtefactError, MixtureError
from pipeline.rendering.choice_view import RENDERED
from pipeline.rendering.prefix import prefixes
from pipeline.schema import EXAMPLE, ROLES
from pipeline.stages import tokenize as stage
from pipeline.stages.layout import Layout
from pipeline.tables import read_json, read_parquet, sha256, write_parquet
from pipeline.tokens import wordpiece
from pipeline.tokens.manifest import read_role
from pipeline.tokens.vocabulary import load, save

ROOT = Path(__file__).parents[2]
TASKS = ("apples", "pears", "plums")
TOY = Layout("toy")


def examples(task: str, split: str, rows: int) -> pl.DataFrame:
    """Apples are classes, pears a cloze and plums multi-label with a question."""
    form = {"apples": "classification", "pears": "multiple_choice", "plums": "multi_label"}[task]
    question = {"apples": "", "pears": "a pear is _ .", "plums": "which words hold ?"}[task]
    choices = ["red", "green", "blue"] if task == "plums" else ["red", "green"]
    many = task == "plums"
    return pl.DataFrame(
        {
            "example_id": [f"{task}/{split}/{i}" for i in range(rows)],
            "task": task,
            "form": form,
            "context": [f"the {task} number {i}" + " red green" * (i % 20) for i in range(rows)],
            "question": question,
            "choices": [choices] * rows,
            "label": pl.Series([None if many else i % 2 for i in range(rows)], dtype=pl.Int32),
            "target": [None if many else choices[i % 2] for i in range(rows)],
            "labels": pl.Series([[0, 2] if many else None] * rows, dtype=pl.List(pl.Int32)),
            "prefix": f"[task: {task}]",
            "content_hash": [i.to_bytes(16, "big") for i in range(rows)],
        }
    )


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for task in TASKS:
        for role, rows in zip(ROLES, (30, 5, 0 if task == "pears" else 7), strict=True):
            write_parquet(examples(task, "train", rows), TOY.curated(task, role), EXAMPLE)
    words = "the apples pears plums number red green blue a pear is . which words hold ? 0 1 2 3"
    TOY.tokenizer.mkdir(parents=True)
    tokenizer = wordpiece.train([[words, words]], vocabulary=300)
    save(tokenizer, wordpiece.SPECIAL, prefixes(TASKS), TOY.tokenizer)
    settings = TokenizeSettings(
        name="toy",
        seed=0,
        tasks=TASKS,
        tokenize=TokenizeParams(max_tokens=24),
        prefixes=prefixes(TASKS),
    )
    TOY.settings("tokenize").parent.mkdir(parents=True)
    TOY.settings("tokenize").write_text(settings.model_dump_json())


def words_of(ids: np.ndarray) -> str:
    tokenizer = load(TOY.tokenizer).tokenizer
    return " ".join(tokenizer.id_to_token(i) for i in ids)


def files() -> dict[str, str]:
    folders = [TOY.data / "rendered", *(TOY.tokens(role) for role in ROLES)]
    return {
        str(path.relative_to(TOY.data)): sha256(path)
        for folder in folders
        for path in sorted(folder.iterdir())
    }


def test_every_task_has_a_shard_in_every_role_and_one_table_of_text():
    stage.main(["toy"])
    expected = [f"rendered/{task}.parquet" for task in TASKS]
    for role in ROLES:
        expected += [
            f"tokens/{role}/{name}" for name in (*(f"{t}.arrow" for t in TASKS), "manifest.json")
        ]
    assert sorted(files()) == sorted(expected)


def test_choices_hold_the_option_the_filled_cloze_or_question_and_option():
    stage.main(["toy"])
    role = read_role(TOY.tokens("train"))
    for task, expected in (
        ("apples", ["red", "green"]),
        ("pears", ["a pear is red .", "a pear is green ."]),
        ("plums", [f"which words hold ? [SEP] {c}" for c in ("red", "green", "blue")]),
    ):
        shard = role.shard(task)
        assert [words_of(shard.choices[i]) for i in range(shard.first[1])] == expected
        assert words_of(shard.context[0]) == f"the {task} number 0"
    assert role.shard("plums").labels[3].tolist() == [0, 2]
    assert role.shard("plums").label.tolist() == [-1] * 30
    assert role.shard("apples").label.tolist() == [0, 1] * 15


def test_no_sequence_is_longer_than_max_tokens_and_cuts_are_counted():
    stage.main(["toy"])
    role = read_role(TOY.tokens("train"))
    assert role.max_tokens == 24
    for entry in role.tasks:
        shard = role.shard(entry.task)
        lengths = shard.sequence_lengths
        assert lengths.max() == 24
        assert int(lengths.sum()) == entry.tokens
        assert 0 < entry.context_cut < 30
        assert entry.choices_cut == 0


def test_rows_are_those_of_the_curated_table_and_are_numbered_through():
    stage.main(["toy"])
    for name, rows in (("train", [30, 30, 30]), ("select", [5, 5, 5]), ("report", [7, 0, 7])):
        role = read_role(TOY.tokens(name))
        assert [entry.rows for entry in role.tasks] == rows
        assert [entry.start for entry in role.tasks] == [sum(rows[:i]) for i in range(3)]
        for entry in role.tasks:
            assert role.shard(entry.task).row.tolist() == list(range(entry.rows))
    assert read_role(TOY.tokens("report")).entry("pears").form == "multiple_choice"


def test_the_manifest_names_the_tokenizer_and_its_ids():
    stage.main(["toy"])
    vocabulary = load(TOY.tokenizer)
    manifest = read_json(TOY.tokens("select") / "manifest.json")
    assert manifest["tokenizer_sha256"] == vocabulary.sha256
    assert manifest["special"] == vocabulary.special
    assert manifest["vocabulary"] == vocabulary.size
    assert {t["task"]: t["prefix_id"] for t in manifest["tasks"]} == vocabulary.prefixes


def test_rendered_text_holds_all_roles_uncut():
    stage.main(["toy"])
    frame = read_parquet(TOY.rendered("plums"), RENDERED)
    assert frame["role"].to_list() == ["train"] * 30 + ["select"] * 5 + ["report"] * 7
    assert frame["row"].to_list() == [*range(30), *range(5), *range(7)]
    assert frame["text"][19][2] == (
        "[task: plums] the plums number 19"
        + " red green" * 19
        + " [SEP] which words hold ? [SEP] blue"
    )
    assert read_parquet(TOY.rendered("pears"))["text"][0].to_list() == [
        "[task: pears] the pears number 0 [SEP] a pear is red .",
        "[task: pears] the pears number 0 [SEP] a pear is green .",
    ]


def test_outputs_are_the_same_to_the_byte_for_any_threads_and_hash_seed():
    stage.main(["toy"])
    first = files()
    for seed, threads in (("1", "1"), ("2", "4")):
        env = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(ROOT),
            "POLARS_MAX_THREADS": threads,
            "RAYON_NUM_THREADS": threads,
        }
        command = "from pipeline.stages import tokenize; tokenize.main(['toy'])"
        subprocess.run([sys.executable, "-c", command], env=env, check=True)
        assert files() == first


def test_a_task_that_left_leaves_no_file_behind():
    stage.main(["toy"])
    path = TOY.settings("tokenize")
    settings = TokenizeSettings.model_validate_json(path.read_text())
    path.write_text(settings.model_copy(update={"tasks": ("apples", "plums")}).model_dump_json())
    stage.main(["toy"])
    assert not [name for name in files() if "pears" in name]
    assert read_role(TOY.tokens("train")).rows == 60


@pytest.mark.parametrize("role", ROLES)
def test_a_missing_curated_table_is_named_and_nothing_is_written(role):
    TOY.curated("plums", role).unlink()
    with pytest.raises(ArtefactError) as caught:
        stage.main(["toy"])
    assert str(caught.value) == (
        f"data/toy/curated/plums/{role}.parquet: does not exist\n  to do: run `dvc repro tokenize`"
    )
    assert not (TOY.data / "tokens").exists()


def test_many_missing_tables_are_counted():
    for role in ROLES:
        TOY.curated("apples", role).unlink()
    with pytest.raises(ArtefactError, match=r"does not exist \(and 2 more curated tables\)"):
        stage.main(["toy"])


def test_a_tokenizer_of_another_mixture_is_refused():
    for path in TOY.tokenizer.iterdir():
        path.unlink()
    tokenizer = wordpiece.train([["a b", "a b"]], vocabulary=300)
    save(tokenizer, wordpiece.SPECIAL, prefixes(["apples"]), TOY.tokenizer)
    with pytest.raises(ArtefactError, match="no prefix token for pears, plums\n"):
        stage.main(["toy"])


def test_a_task_without_choices_is_refused_by_name_and_nothing_is_written():
    frame = examples("apples", "train", 3).with_columns(
        form=pl.lit("span"), choices=pl.lit([], dtype=pl.List(pl.String)), label=None
    )
    write_parquet(frame.cast({"label": pl.Int32}), TOY.curated("apples", "select"), EXAMPLE)
    with pytest.raises(MixtureError, match=r"select\.parquet: task 'apples' \(span\) has 3 rows"):
        stage.main(["toy"])
    assert not (TOY.data / "rendered").exists()


def test_a_task_without_train_rows_is_refused_by_name():
    write_parquet(examples("pears", "train", 0), TOY.curated("pears", "train"), EXAMPLE)
    with pytest.raises(MixtureError, match="task 'pears' has no train rows after curation"):
        stage.main(["toy"])


def test_the_standard_library_keeps_its_own_tokenize():
    import tokenize

    assert hasattr(tokenize, "generate_tokens")
    code = "import pipeline.stages.tokenize, tokenize; print(hasattr(tokenize, 'TokenInfo'))"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.stdout.strip() == "True"
