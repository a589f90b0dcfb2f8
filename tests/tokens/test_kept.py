import json

import pytest

from pipeline.tokens.kept import Kept


def make(folder):
    (folder / "a.arrow").write_bytes(b"aaaa")
    (folder / "b.parquet").write_bytes(b"bb")
    return {"rows": 3}


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path / ".kept")
    kept.put("apples", "key", make)
    return kept


def test_a_finished_task_is_found_again_by_its_key(kept):
    assert kept.find("apples", "key") == {"rows": 3}
    assert kept.find("apples", "other key") is None
    assert kept.find("pears", "key") is None


def test_a_kill_before_the_end_leaves_nothing_to_find(kept):
    def killed(folder):
        make(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.put("pears", "key", killed)
    assert kept.find("pears", "key") is None
    assert kept.put("pears", "key", make) == {"rows": 3}
    assert kept.find("pears", "key") == {"rows": 3}


def test_a_new_key_replaces_the_old_result(kept):
    kept.put("apples", "new", lambda folder: {"rows": 4})
    assert kept.find("apples", "new") == {"rows": 4}
    assert kept.find("apples", "key") is None
    assert [path.name for path in (kept.folder / "apples").iterdir()] == ["note.json"]


@pytest.mark.parametrize("content", [b"aaab", b"aa", None])
def test_a_file_that_changed_or_is_gone_makes_the_task_again(kept, content):
    path = kept.folder / "apples" / "a.arrow"
    path.write_bytes(content) if content is not None else path.unlink()
    assert kept.find("apples", "key") is None


@pytest.mark.parametrize("note", ["", "{", "[]", '{"key": "key"}', '{"key": "key", "files": 3}'])
def test_a_damaged_note_makes_the_task_again(kept, note):
    (kept.folder / "apples" / "note.json").write_text(note)
    assert kept.find("apples", "key") is None


def test_only_the_tasks_of_this_run_stay_and_nothing_half_done(kept):
    kept.put("pears", "key", make)
    (kept.folder / "plums.partial").mkdir()
    kept.retain(["pears", "plums"])
    assert [path.name for path in kept.folder.iterdir()] == ["pears"]
    kept.retain([])
    assert list(kept.folder.iterdir()) == []


def test_a_file_is_published_under_a_second_name_or_copied(kept, tmp_path, monkeypatch):
    kept.publish("apples", "a.arrow", tmp_path / "linked")
    assert (tmp_path / "linked").stat().st_nlink == 2

    def refused(*_):
        raise OSError

    monkeypatch.setattr("os.link", refused)
    kept.publish("apples", "a.arrow", tmp_path / "copied")
    assert (tmp_path / "copied").read_bytes() == b"aaaa"
    assert (tmp_path / "copied").stat().st_nlink == 1


def test_what_is_known_comes_back_as_the_note_would_give_it(tmp_path):
    kept = Kept(tmp_path)
    assert kept.put("apples", "key", lambda folder: {"pair": (1, 2)}) == {"pair": [1, 2]}
    assert json.loads((tmp_path / "apples" / "note.json").read_text())["files"] == {}
