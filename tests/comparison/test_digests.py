"""Hashes as DVC takes them."""

import subprocess
import sys

import pytest

from pipeline.comparison.digests import (
    file_md5,
    ignore_lines,
    ignored,
    listing_from_json,
    listing_md5,
    listing_of,
    md5,
    path_md5,
)
from pipeline.comparison.dvc_files import cache_folder, cached


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "made"
    (root / "sub/__pycache__").mkdir(parents=True)
    (root / "b.txt").write_bytes(b"two\r\n")
    (root / "sub/ä.txt").write_bytes(b"one")
    (root / "sub/__pycache__/x.pyc").write_bytes(b"no")
    return root


def test_a_listing_holds_the_files_that_are_not_ignored(folder):
    listing = listing_of(folder, ignore=("__pycache__", "*.pyc"))
    assert listing == {"b.txt": md5(b"two\r\n"), "sub/ä.txt": md5(b"one")}
    assert path_md5(folder, ignore=("__pycache__",)) == listing_md5(listing)
    assert path_md5(folder / "b.txt", ignore=()) == file_md5(folder / "b.txt") == md5(b"two\r\n")
    assert path_md5(folder / "none", ignore=()) is None


def test_hashes_and_listings_are_those_of_dvc(folder, tmp_path):
    code = (
        "import dvc.repo; repo = dvc.repo.Repo.init(no_scm=True);"
        "open('.dvcignore', 'w').write('__pycache__\\n'); (stage,) = repo.add('made');"
        "print(stage.outs[0].hash_info.value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    digest = done.stdout.split()[-1]
    listing = listing_of(folder, ignore=("__pycache__",))
    assert listing_md5(listing) == digest
    store = cache_folder(tmp_path)
    assert listing_from_json(cached(store, digest)) == listing
    assert cached(store, listing["b.txt"]) == b"two\r\n"
    assert cached(store, "0" * 32) is None


def test_a_digest_never_leads_out_of_the_cache(tmp_path):
    assert cached(tmp_path, "../../etc/passwd") is None
    assert cached(tmp_path, "") is None


def test_ignore_lines_are_names_and_patterns():
    lines = ignore_lines("# comment\n\n__pycache__\n*.pyc\n/.venv/\n")
    assert lines == ("__pycache__", "*.pyc", "/.venv/")
    assert ignored("a/__pycache__/b.py", lines)
    assert ignored("x.pyc", lines)
    assert ignored(".venv/lib/a.py", lines)
    assert not ignored("a/b.py", lines)
