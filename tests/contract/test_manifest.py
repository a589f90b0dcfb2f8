import pytest
from token_folders import NO_HASH, choice_row, text_row, write_choice, write_text

from pipeline.contract.choice import ChoiceManifest, LongRows
from pipeline.contract.files import REMEDY, read_json, sha256, write_json
from pipeline.contract.manifest import read_manifest
from pipeline.contract.text import TextManifest
from pipeline.errors import ArtefactError


@pytest.fixture
def folder(tmp_path):
    rows = [choice_row([7, 7], [[8], [8], [8]], row=row) for row in range(3)]
    tasks = {"pears": rows[:2], "plums": [], "apples": rows}
    write_choice(tmp_path, tasks, max_tokens=32, long_rows=LongRows(cut="context_start"))
    return tmp_path


def test_the_manifest_counts_rows_and_tokens_in_task_order(folder):
    manifest = read_manifest(folder, ChoiceManifest)
    assert [(e.task, e.rows, e.start, e.choices_max, e.tokens) for e in manifest.tasks] == [
        ("apples", 3, 0, 3, 3 * 3 * 7),
        ("pears", 2, 3, 3, 2 * 3 * 7),
        ("plums", 0, 5, 0, 0),
    ]
    assert (manifest.role, manifest.max_tokens) == ("train", 32)
    assert manifest.long_rows == LongRows(cut="context_start")
    assert [e.sha256 for e in manifest.tasks] == [
        sha256(folder / f"{name}.arrow") for name in ("apples", "pears", "plums")
    ]


def test_a_file_of_the_choice_view_has_these_keys(folder):
    manifest = read_json(folder / "manifest.json")
    assert sorted(manifest) == [
        "long_rows", "max_tokens", "role", "special", "tasks", "tokenizer_files",
        "tokenizer_sha256", "version", "view", "vocabulary",
    ]  # fmt: skip
    assert (manifest["version"], manifest["view"]) == (1, "choice")
    assert manifest["long_rows"] == {"rule": "truncate", "cut": "context_start", "overlap": 32}
    assert sorted(manifest["tasks"][0]) == [
        "choices_cut", "choices_max", "context_cut", "curated_rows", "curated_sha256", "dropped",
        "form", "long_rows", "prefix_id", "rows", "sha256", "split", "start", "task", "tokens",
        "tokens_lost",
    ]  # fmt: skip


def test_a_file_of_the_text_view_has_these_keys(tmp_path):
    write_text(tmp_path, {"apples": [text_row([1], [2])]}, prompts=2, draw="one")
    manifest = read_json(tmp_path / "manifest.json")
    assert sorted(manifest) == [
        "begins", "cut", "extras", "long_rows", "max_tokens", "model", "prefix", "role", "special",
        "supervised_extras", "target_tokens", "tasks", "tokenizer_files", "tokenizer_sha256",
        "version", "view", "vocabulary",
    ]  # fmt: skip
    assert (manifest["extras"], manifest["supervised_extras"]) == (2, 1)
    assert sorted(manifest["tasks"][0]) == [
        "draw", "dropped", "form", "input_cut", "options_cut", "options_max", "prefix_id",
        "prompts", "rows", "sha256", "start", "supervised", "target_cut", "task", "tokens",
        "tokens_lost", "untargeted",
    ]  # fmt: skip
    (entry,) = read_manifest(tmp_path, TextManifest).tasks
    assert (entry.supervised_tokens, entry.seen_through) == (2, (2, 1))


def test_a_missing_manifest_is_named(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtefactError, match=r"manifest\.json: does not exist"):
        read_manifest(folder, ChoiceManifest)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version: is 2"),
        ({"view": "text"}, "holds tokens of the view 'text'"),
        ({"max_tokens": "32"}, "max_tokens: is '32'\n  expected: a whole number"),
        ({"special": []}, r"special: is \[\]\n  expected: an object"),
        ({"tokenizer_sha512": NO_HASH}, "no key named 'tokenizer_sha512'"),
    ],
)
def test_a_foreign_manifest_is_refused(folder, changes, message):
    path = folder / "manifest.json"
    write_json(read_json(path) | changes, path)
    with pytest.raises(ArtefactError, match=message):
        read_manifest(folder, ChoiceManifest)


def test_a_damaged_manifest_says_what_to_do(folder):
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ArtefactError, match="not JSON") as caught:
        read_manifest(folder, ChoiceManifest)
    assert caught.value.remedy == REMEDY
