import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from pipeline.config.params import TokenizeParams
from pipeline.config.settings import TokenizeSettings
from pipeline.contract.choice import FRAME
from pipeline.contract.files import read_json, sha256
from pipeline.contract.tokens import read_tokens
from pipeline.errors import ArtefactError, ConfigError, MixtureError
from pipeline.layout import Layout
from pipeline.rendering.choice_view import RENDERED
from pipeline.rendering.prefix import prefixes
from pipeline.schema import EXAMPLE, ROLES
from pipeline.stages import tokenize as stage
from pipeline.tables import read_parquet, write_parquet
from pipeline.tokens import wordpiece
from pipeline.tokens.vocabulary import ENCODER, load, save

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
    tokenizer = load(TOY.tokenizer, ENCODER).tokenizer
    return " ".join(tokenizer.id_to_token(i) for i in ids)


def ids_of(text: str) -> list[int]:
    return load(TOY.tokenizer, ENCODER).tokenizer.encode(text, add_special_tokens=False).ids


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
    role = read_tokens(TOY.tokens("train"))
    for task, expected in (
        ("apples", ["red", "green"]),
        ("pears", ["a pear is red .", "a pear is green ."]),
        ("plums", [f"which words hold ? [SEP] {c}" for c in ("red", "green", "blue")]),
    ):
        shard = role.rows(task)
        assert [words_of(shard.choices[i]) for i in range(shard.choice_offsets[1])] == expected
        assert words_of(shard.context[0]) == f"the {task} number 0"
    assert role.rows("plums").golds[3].tolist() == [0, 2]
    assert role.rows("plums").label.tolist() == [-1] * 30
    assert role.rows("apples").label.tolist() == [0, 1] * 15


def test_no_sequence_is_longer_than_max_tokens_and_cuts_are_counted():
    stage.main(["toy"])
    role = read_tokens(TOY.tokens("train"))
    assert role.manifest.max_tokens == 24
    for entry in role.manifest.tasks:
        shard = role.rows(entry.task)
        lengths = lengths_of(shard)
        assert lengths.max() == 24
        assert int(lengths.sum()) == entry.tokens
        assert 0 < entry.context_cut < 30
        assert entry.choices_cut == 0


def test_rows_are_those_of_the_curated_table_and_are_numbered_through():
    stage.main(["toy"])
    for name, rows in (("train", [30, 30, 30]), ("select", [5, 5, 5]), ("report", [7, 0, 7])):
        role = read_tokens(TOY.tokens(name))
        assert [entry.rows for entry in role.manifest.tasks] == rows
        assert [entry.start for entry in role.manifest.tasks] == [sum(rows[:i]) for i in range(3)]
        for entry in role.manifest.tasks:
            assert role.rows(entry.task).source.tolist() == list(range(entry.rows))
    assert read_tokens(TOY.tokens("report")).tasks["pears"].form == "multiple_choice"


def test_the_manifest_names_the_tokenizer_and_its_ids():
    stage.main(["toy"])
    vocabulary = load(TOY.tokenizer, ENCODER)
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
    assert sum(read_tokens(TOY.tokens("train")).sizes.values()) == 60


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


def lengths_of(rows) -> np.ndarray:
    """The tokens of every sequence."""
    return FRAME + np.repeat(rows.context.lengths, rows.counts) + rows.choices.lengths


def retell(**changes) -> None:
    """Change the settings of `tokenize`, or those of the stage."""
    path = TOY.settings("tokenize")
    settings = TokenizeSettings.model_validate_json(path.read_text())
    own = {key: value for key, value in changes.items() if key in TokenizeParams.model_fields}
    params = settings.tokenize.model_copy(update=own)
    rest = {key: value for key, value in changes.items() if key not in own}
    path.write_text(settings.model_copy(update={"tokenize": params, **rest}).model_dump_json())


def fingerprint(role: str = "train") -> str:
    """The hash that plan and trainer know the tokens by."""
    stage.main(["toy"])
    return sha256(TOY.tokens(role) / "manifest.json")


def change_row() -> None:
    """Change one text; a tokenizer without capitals gives the same ids."""
    path = TOY.curated("plums", "train")
    frame = read_parquet(path, EXAMPLE)
    shouted = pl.when(pl.col("example_id") == "plums/train/7").then(
        pl.col("context").str.to_uppercase()
    )
    write_parquet(frame.with_columns(shouted.otherwise("context")), path, EXAMPLE)


def change_tokenizer_file(name: str) -> None:
    path = TOY.tokenizer / name
    path.write_text(path.read_text().rstrip() + "\n\n")


def change_prefixes() -> None:
    words = "the apples pears plums number red green blue a pear is . which words hold ? 0 1 2 3"
    for path in TOY.tokenizer.iterdir():
        path.unlink()
    tokens = {task: f"[{task}]" for task in TASKS}
    save(wordpiece.train([[words] * 2], vocabulary=300), wordpiece.SPECIAL, tokens, TOY.tokenizer)
    retell(prefixes=tokens)


@pytest.mark.parametrize(
    "change",
    [
        change_row,
        change_prefixes,
        lambda: change_tokenizer_file("tokenizer.json"),
        lambda: change_tokenizer_file("tokenizer_config.json"),
        lambda: change_tokenizer_file("special_tokens_map.json"),
        lambda: retell(max_tokens=401),
        lambda: retell(truncate="context_start"),
        lambda: retell(long_rows="drop"),
        lambda: retell(long_rows="split"),
        lambda: retell(long_rows="split", split_overlap=2),
        lambda: retell(tasks=("apples", "plums")),
    ],
    ids=["row", "prefixes", "tokenizer", "config", "special", "max_tokens", "truncate", "drop",
         "split", "overlap", "tasks"],
)  # fmt: skip
def test_the_fingerprint_changes_with_all_that_the_tokens_depend_on(change):
    name = os.environ["PYTEST_CURRENT_TEST"]
    if "overlap" in name:
        retell(long_rows="split")
    if "max_tokens" in name:
        retell(max_tokens=400)  # nothing is cut, before or after
    before = fingerprint()
    change()
    assert fingerprint() != before


def test_the_fingerprint_changes_with_nothing_else(tmp_path, monkeypatch):
    before = fingerprint()
    retell(seed=99, split_overlap=7)
    assert fingerprint() == before
    monkeypatch.setenv("TASKLOOM_FAST", "0")
    (tmp_path / "other").mkdir()
    for name in ("settings", "curated", "tokenizer"):
        shutil.copytree(TOY.data / name, tmp_path / "other" / "data" / "toy" / name)
    monkeypatch.chdir(tmp_path / "other")
    assert fingerprint() == before


def test_rows_for_evaluation_keep_their_number_whatever_the_rule():
    for rule in ("drop", "split"):
        retell(long_rows=rule, truncate="context_start")
        stage.main(["toy"])
        train, select = (read_json(TOY.tokens(r) / "manifest.json") for r in ("train", "select"))
        assert train["long_rows"]["rule"] == rule
        assert select["long_rows"] == {"rule": "truncate", "cut": "context_start", "overlap": 0}
        assert [task["rows"] for task in select["tasks"]] == [5, 5, 5]
        assert [task["curated_rows"] for task in train["tasks"]] == [30, 30, 30]


def test_dropped_rows_are_counted_and_the_rest_lead_back_to_their_rows():
    retell(long_rows="drop")
    stage.main(["toy"])
    role = read_tokens(TOY.tokens("train"))
    for entry in role.manifest.tasks:
        shard = role.rows(entry.task)
        contexts = read_parquet(TOY.curated(entry.task, "train"))["context"]
        assert 0 < entry.dropped == 30 - entry.rows
        assert (entry.context_cut, entry.choices_cut, entry.split) == (0, 0, 0)
        assert entry.tokens_lost > 0
        for i, row in enumerate(shard.source.tolist()):
            assert shard.context[i].tolist() == ids_of(contexts[row])
    assert [entry.start for entry in role.manifest.tasks] == [
        sum(entry.rows for entry in role.manifest.tasks[:i]) for i in range(3)
    ]


def test_windows_of_a_split_context_are_rows_with_its_label():
    retell(long_rows="split", split_overlap=4)
    stage.main(["toy"])
    role = read_tokens(TOY.tokens("train"))
    apples = role.rows("apples")
    curated = read_parquet(TOY.curated("apples", "train"))
    (windows,) = np.nonzero(apples.source == 19)
    assert len(windows) > 2
    assert apples.label[windows].tolist() == [curated["label"][19]] * len(windows)
    parts = [apples.context[w].tolist() for w in windows]
    whole = ids_of(curated["context"][19])
    step = len(parts[0]) - 4
    assert parts[:-1] == [whole[i * step :][: len(parts[0])] for i in range(len(parts) - 1)]
    assert parts[-1] == whole[-len(parts[0]) :]
    assert lengths_of(apples).max() <= 24
    assert role.tasks["apples"].split == len(
        {*apples.source[np.bincount(apples.source)[apples.source] > 1]}
    )
    assert role.tasks["apples"].rows == len(apples) > 30


def test_a_long_row_is_refused_where_none_may_be():
    retell(long_rows="error")
    with pytest.raises(
        MixtureError, match=r"curated/apples/train\.parquet: row \d+ \(apples/train/"
    ):
        stage.main(["toy"])
    assert not (TOY.data / "tokens").exists()
    retell(max_tokens=200)
    stage.main(["toy"])
    assert read_tokens(TOY.tokens("train")).tasks["apples"].tokens_lost == 0


def test_a_model_with_fewer_positions_is_refused_before_anything_is_written():
    config = read_json(TOY.tokenizer / "tokenizer_config.json") | {"model_max_length": 23}
    (TOY.tokenizer / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="max_tokens: is 24, and the model takes 23 tokens at"):
        stage.main(["toy"])
    assert not (TOY.data / "tokens").exists()


COUNTED = """
import os, signal, sys
from pipeline.stages import tokenize
from pipeline.tokens.kept import Kept
put, made, most = Kept.put, [], int(sys.argv[1])
def counted(self, task, key, make):
    if len(made) == most:
        # a file of the next task lies there, half a result
        put(self, task, key, lambda folder: make(folder) and os.kill(os.getpid(), signal.SIGKILL))
    made.append(task)
    return put(self, task, key, make)
Kept.put = counted
tokenize.main(["toy"])
print(*made)
"""


def run_counted(most: int) -> subprocess.CompletedProcess:
    """Run the stage in a process of its own, killed in the midst of task `most`."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", COUNTED, str(most)], env=env, capture_output=True, text=True
    )


def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_bytes():
    stage.main(["toy"])
    expected = files()
    for folder in ("rendered", "tokens", ".tokenize"):
        shutil.rmtree(TOY.data / folder)
    assert run_counted(1).returncode == -9
    assert run_counted(1).returncode == -9
    assert not (TOY.data / "tokens").exists()
    assert sorted(path.name for path in (TOY.data / ".tokenize").iterdir()) == [
        "apples", "pears", "plums.partial",
    ]  # fmt: skip
    last = run_counted(9)
    assert last.stdout.split() == ["plums"]
    assert files() == expected


def test_a_task_is_made_again_where_anything_that_it_depends_on_changed():
    assert run_counted(2).returncode == -9
    path = TOY.data / ".tokenize" / "apples" / "train.arrow"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert run_counted(9).stdout.split() == ["apples", "plums"]
    shutil.rmtree(TOY.data / "tokens")
    assert run_counted(9).stdout.split() == []
    change_row()
    assert run_counted(9).stdout.split() == ["plums"]
    retell(max_tokens=32)
    assert run_counted(9).stdout.split() == ["apples", "pears", "plums"]
    assert set(read_tokens(TOY.tokens("train")).tasks) == set(TASKS)


def test_a_task_that_is_no_longer_held_out_needs_train_rows():
    write_parquet(examples("pears", "train", 0), TOY.curated("pears", "train"), EXAMPLE)
    retell(held_out=("pears",))
    stage.main(["toy"])
    retell(held_out=())
    with pytest.raises(MixtureError, match="task 'pears' has no train rows after curation"):
        stage.main(["toy"])


@pytest.mark.skipif(
    importlib.util.find_spec("gigatoken") is None, reason="the extra `fast` is absent"
)
def test_a_faster_tokenizer_changes_no_byte(monkeypatch, capsys):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "<pad>", "</s>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the apples number red green which words hold"] * 3, trainer)
    for path in TOY.tokenizer.iterdir():
        path.unlink()
    names = {"cls": "<s>", "sep": "</s>", "pad": "<pad>", "mask": "<mask>"}
    save(tokenizer, names, prefixes(TASKS), TOY.tokenizer)
    used = []
    proven = stage.proven
    monkeypatch.setattr(stage, "proven", lambda *a: used.append(proven(*a)) or used[-1])
    found = []
    for switch in ("1", "0"):
        monkeypatch.setenv("TASKLOOM_FAST", switch)
        stage.main(["toy"])
        found.append(files())
    assert found[0] == found[1]
    assert [chosen.name.split()[0] for chosen in used] == ["gigatoken", "tokenizers"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("rule", ["drop", "split"])
def test_text_has_the_rows_of_the_tokens_whatever_the_rule(rule):
    """An order counts in the rows of the tokens, and the text of a mixture is found by them."""
    retell(long_rows=rule)
    stage.main(["toy"])
    for task in TASKS:
        frame = read_parquet(TOY.rendered(task), RENDERED).filter(pl.col("role") == "train")
        shard = read_tokens(TOY.tokens("train")).rows(task)
        assert frame["row"].to_list() == list(range(len(shard)))
        assert frame["example_id"].to_list() == [f"{task}/train/{row}" for row in shard.source]
