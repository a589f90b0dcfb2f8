"""The recipes of CONTRIBUTING.md, followed in a copy of the repository.

A recipe is a section of the page. Each of its code blocks follows a line that names a file in
backquotes: a block of Python is written to that file; a block of `diff` is a change of it, whose lines
with a space or a minus must be there.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_STEP = re.compile(r"`(?P<file>[\w./]+)`[^\n]*\n\s*```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)


@dataclass
class Copy:
    """A copy of the repository in which one recipe was followed.

    Attributes:
        root: The copy.
        new: Files that the recipe wrote.
        changed: Files that it changed, and how many lines it added to each.
    """

    root: Path
    new: list[str]
    changed: dict[str, int]

    def run(self, code: str) -> str:
        """Run Python in the copy and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def follow(tmp_path: Path) -> Callable[[str], Copy]:
    """Follow the recipe of a heading."""

    def go(heading: str) -> Copy:
        page = (ROOT / "CONTRIBUTING.md").read_text()
        section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "pipeline", tmp_path / "pipeline", ignore=ignore)
        copy = Copy(tmp_path, [], {})
        for step in _STEP.finditer(section):
            path = tmp_path / step["file"]
            text = re.sub(r"(?m)^ {3}", "", step["text"])
            if step["kind"] == "diff":
                copy.changed[step["file"]] = copy.changed.get(step["file"], 0) + _change(path, text)
            else:
                assert not path.exists(), step["file"]
                path.write_text(text)
                copy.new.append(step["file"])
        return copy

    return go


def _change(path: Path, diff: str) -> int:
    """Apply the one hunk of a diff; return how many lines it adds."""
    lines = diff.splitlines()
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    text = path.read_text()
    assert text.count(before) == 1, f"{path}: {before}"
    path.write_text(text.replace(before, after))
    return len(after.splitlines()) - len(before.splitlines())
