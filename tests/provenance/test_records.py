"""What DVC wrote is read as DVC writes it: the lock, the cache, the status."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ArtefactError, ConfigError
from pipeline.provenance import records
from pipeline.provenance.records import Changed, Record, folder_md5, md5, parse_lock


def test_a_lock_is_hashes_by_path():
    text = """
    schema: '2.0'
    stages:
      mix:
        cmd: x
        deps: [{path: a, hash: md5, md5: 1a}]
        outs: [{path: b, md5: 2.dir}]
      bare: {cmd: x}
    """
    assert parse_lock(text) == {"mix": Record({"a": "1a"}, {"b": "2.dir"}), "bare": Record({}, {})}
    assert parse_lock("") == {}
    assert parse_lock(text) is parse_lock(text)


@pytest.mark.parametrize(
    "text", ["stages: [x]", "stages: {mix: [x]}", "stages: {mix: {deps: [{path: a}]}}", "stages: 3"]
)
def test_a_lock_that_is_cut_off_is_named(text):
    with pytest.raises(ConfigError) as error:
        parse_lock(text)
    assert str(error.value) == (
        "dvc.lock: is damaged or cut off\n  to do: run `git checkout dvc.lock`, or `dvc repro`"
    )


def test_hashes_and_lists_of_files_are_those_of_dvc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("made/sub").mkdir(parents=True)
    Path("made/b.txt").write_bytes(b"two\r\n")
    Path("made/sub/ä.txt").write_bytes(b"one")
    code = (
        "import dvc.repo; repo = dvc.repo.Repo.init(no_scm=True); (stage,) = repo.add('made');"
        "print(stage.outs[0].hash_info.value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    digest = done.stdout.split()[-1]
    files = {"b.txt": md5(b"two\r\n"), "sub/ä.txt": md5(b"one")}
    assert folder_md5(files) == digest
    assert records.recorded_files("made", digest) == {f"made/{n}": d for n, d in files.items()}
    assert records.recorded_files("made/b.txt", files["b.txt"]) == {"made/b.txt": files["b.txt"]}
    assert records.recorded_files("made", "0" * 32 + ".dir") is None


def test_old_content_comes_from_the_file_or_from_the_cache(cache):
    digest = cache("old")
    assert records.recorded_content("a/b", digest) == b"old"
    Path("x").write_text("now")
    assert records.recorded_content("x", md5(b"now")) == b"now"
    assert records.recorded_content("x", "0" * 32) is None


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "0" * 31])
def test_a_digest_never_leads_out_of_the_cache(cache, digest):
    assert records.cached(digest) is None


def test_the_cache_lies_where_the_configuration_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(
        "[cache]\n    type = copy\n['remote \"x\"']\n    url = y\n"
    )
    (tmp_path / ".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path}/other\n")
    path = tmp_path / "other/files/md5" / "ab" / ("c" * 30)
    path.parent.mkdir(parents=True)
    path.write_text("there")
    assert records.cached("ab" + "c" * 30) == b"there"


def test_the_status_is_read_by_stage(monkeypatch):
    said = b'{"mix": [{"changed deps": {"a": "modified"}}, {"changed outs": {"b": "deleted"}}], \
            "plan": ["changed command"]}'
    monkeypatch.setattr(records, "run_dvc", lambda *arguments: said)
    assert records.dvc_status() == {
        "mix": Changed({"a": "modified"}, {"b": "deleted"}),
        "plan": Changed(command=True),
    }


def test_an_error_of_dvc_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtefactError, match="dvc status: you are not inside of a DVC repository"):
        records.dvc_status()
