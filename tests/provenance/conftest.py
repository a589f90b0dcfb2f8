"""A folder with a cache of DVC that tests put files into."""

import json
from pathlib import Path

import pytest

from pipeline.provenance.records import md5


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that puts a text, or the files of a folder by name, into the cache; gives its MD5."""
    monkeypatch.chdir(tmp_path)

    def put(content: str | dict[str, str]) -> str:
        end = ""
        if isinstance(content, dict):
            files = [{"md5": put(content[name]), "relpath": name} for name in sorted(content)]
            content, end = json.dumps(files), ".dir"
        digest = md5(content.encode()) + end
        path = tmp_path / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return digest

    return put
