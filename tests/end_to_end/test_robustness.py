"""What a kill, a full disk, a second run or a damaged file leaves behind: one clear error, nothing lost.

The tests share one small project. The stages and commands run as processes of their own where they are
killed or limited; each test leaves the project as it found it.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.contract.files import sha256
from pipeline.publish import alone
from tests.conftest import MIXTURE, ROOT, write_task

pytestmark = pytest.mark.slow

PLAN = ("stage", "plan", "toy", "compass")
MIX = ("stage", "mix", "toy", "compass")
TOKENIZE = ("stage", "tokenize", "toy")
EXPORT = ("export", "toy", "--to", "out", "--format", "parquet", "--shard-rows", "150")
WALK = (
    ("stage", "resolve", "toy"),
    ("stage", "normalize", "toy", "apples"),
    ("stage", "normalize", "toy", "pears"),
    ("stage", "curate", "toy"),
    ("stage", "tokenizer", "toy"),
    TOKENIZE,
    PLAN,
    MIX,
    EXPORT,
)

KILLED = """
import os, signal, sys, threading
point, delay, seen = int(sys.argv[1]), float(sys.argv[2]), 0
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def watch(event, arguments):
    global seen
    if event in EVENTS and str(arguments[0]).startswith(("data/toy", "out")):
        seen += 1
        if seen == point:
            threading.Timer(delay, die).start() if delay else die()

from pipeline.__main__ import main
sys.addaudithook(watch)
code = main(sys.argv[3:])
print("events", seen)
sys.exit(code)
"""
"""Runs a command and kills it at its n-th change or opening of a file, or some time after it."""

LIMITED = """
import resource, sys
from pipeline.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two tasks, built up to its order and exported."""
    root = tmp_path_factory.mktemp("robust")
    for task in ("apples", "pears"):
        write_task(root, task, rows=400)
    (root / "mixtures/toy.yaml").write_text(MIXTURE)
    walk = (ROOT / "dvc.yaml").read_text().replace("- mixtures/demo.yaml", "- mixtures/toy.yaml", 1)
    (root / "dvc.yaml").write_text(walk)
    (root / "mixtures/revisions.lock").write_text("revisions: {}\n")
    shutil.copy(ROOT / "params.yaml", root)
    (root / "pipeline").symlink_to(ROOT / "pipeline")
    with chdir(root):
        for command in WALK:
            assert main(command) == 0
    return root


@pytest.fixture
def project(built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The built project as the current folder; it must be left as it was."""
    monkeypatch.chdir(built)
    before = hashes()
    yield built
    assert hashes() == before


def hashes() -> dict[str, str]:
    """SHA-256 of every file that was built, litter included, locks left out."""
    return {
        str(path): sha256(path)
        for folder in (Path("data/toy"), Path("out"))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".locks" not in path.parts
    }


def python(code: str, *arguments: object, prefix: tuple[str, ...] = ()):
    command = [*prefix, sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def one_error(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check that a command ended in one worded error."""
    assert done.returncode == 2, done.stdout + done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


@pytest.mark.parametrize("command", [PLAN, MIX, TOKENIZE, EXPORT], ids=lambda c: c[1])
def test_killed_twice_at_random_points_it_ends_in_the_same_bytes(project: Path, command):
    before = hashes()
    if command is EXPORT:
        shutil.rmtree("out")
    whole = python(KILLED, -1, 0, *command)
    assert whole.returncode == 0, whole.stderr
    assert hashes() == before
    events = int(whole.stdout.split("events ")[1])
    rng = random.Random(f"{command}")
    for trial in range(4):
        if command is EXPORT:
            shutil.rmtree("out")
        # every second trial dies between two calls, inside the libraries that write
        delays = (0, 0) if trial % 2 == 0 else (rng.uniform(0, 0.02), rng.uniform(0, 0.02))
        points = (rng.randint(1, events), rng.randint(1, events))
        codes = [
            python(KILLED, *at, *command).returncode for at in zip(points, delays, strict=True)
        ]
        if trial % 2 == 0:
            assert codes[0] == -signal.SIGKILL
        assert set(codes) <= {-signal.SIGKILL, 0}
        assert main(command) == 0
        assert hashes() == before, (trial, points, delays)


def test_a_file_limit_ends_in_one_error_and_the_old_output_stays(project: Path):
    kept = Path("data/toy/.tokenize").rename("kept")  # with it there is little to write
    for command in (MIX, TOKENIZE):
        done = python(LIMITED, 2000, *command)
        one_error(done, "cannot be written: File too large", "to do: raise the limit", "data/toy/")
    shutil.rmtree("data/toy/.tokenize", ignore_errors=True)
    kept.rename("data/toy/.tokenize")


def test_an_export_that_hits_a_limit_goes_on_afterwards(project: Path):
    before = hashes()
    shutil.rmtree("out")
    one_error(python(LIMITED, 3000, *EXPORT), "cannot be written: File too large", "out/")
    assert not Path("out/manifest.json").exists()
    assert main(EXPORT) == 0
    assert hashes() == before


def mounts() -> bool:
    """Whether this machine lets a process mount file systems of its own."""
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(probe, capture_output=True, check=False).returncode
    )


needs_mounts = pytest.mark.skipif("not mounts()", reason="no file systems can be mounted here")


def in_own_mounts(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script whose mounts end with it; `taskloom` is the command."""
    shell = f'taskloom() {{ "{sys.executable}" -m pipeline "$@"; }}\n{script}'
    command = ["unshare", "-rm", "sh", "-c", shell]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_mounts
def test_on_a_full_disk_an_export_ends_in_one_error_and_goes_on_when_there_is_space(
    project: Path, tmp_path: Path
):
    done = in_own_mounts(
        f"""
        mkdir {tmp_path}/disk && mount -t tmpfs -o size=68k none {tmp_path}/disk
        taskloom {" ".join(EXPORT).replace("out", f"{tmp_path}/disk/out")} || echo code $?
        mount -o remount,size=9m {tmp_path}/disk
        taskloom {" ".join(EXPORT).replace("out", f"{tmp_path}/disk/out")} > /dev/null || echo bad
        cp -r {tmp_path}/disk/out {tmp_path}/copy
        """
    )
    assert done.stdout == "code 2\n", done.stderr
    assert done.stderr.count("error: ") == 1
    assert "cannot be written: No space left on device" in done.stderr
    assert "to do: free some space" in done.stderr
    there = {p.name: sha256(p) for p in Path("out").rglob("*") if p.is_file()}
    assert {p.name: sha256(p) for p in (tmp_path / "copy").rglob("*") if p.is_file()} == there


@needs_mounts
def test_on_a_full_disk_a_stage_ends_in_one_error(project: Path):
    done = in_own_mounts(
        f"""
        mount -t tmpfs -o size=8k none data/toy/mixes
        taskloom {" ".join(MIX)} || echo code $?
        ls -A data/toy/mixes
        """
    )
    assert done.stdout == "code 2\n"
    assert "error: data/toy/mixes/compass" in done.stderr
    assert "cannot be written: No space left on device" in done.stderr


@needs_mounts
def test_a_read_only_place_is_named(project: Path):
    done = in_own_mounts(
        f"""
        mount --bind data data && mount -o remount,ro,bind data
        taskloom {" ".join(MIX)} || echo code $?
        taskloom {" ".join(EXPORT).replace("out", "data/out")} || echo code $?
        """
    )
    assert done.stdout == "code 2\ncode 2\n"
    assert "error: data/toy: cannot be written: Read-only file system" in done.stderr
    assert "error: data/out/" in done.stderr
    assert "to do: make it writable, or choose another place" in done.stderr


def test_a_file_where_a_folder_should_be_is_named(project: Path, capsys):
    assert main((*EXPORT[:3], "params.yaml/out", *EXPORT[4:])) == 2
    err = capsys.readouterr().err
    assert "cannot be written: Not a directory" in err
    assert err.count("error: ") == 1


def test_two_builds_at_once_give_one_result(project: Path):
    before = hashes()
    command = [sys.executable, "-m", "pipeline", *MIX]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert hashes() == before


def test_two_exports_to_one_folder_are_refused(project: Path, capsys):
    shutil.copytree("out", "kept")
    shutil.rmtree("out")
    with alone(Path("out/.export/lock"), "an export"):
        assert main(EXPORT) == 2
    assert capsys.readouterr().err == (
        "error: out: an export to out is already running\n"
        "  to do: wait for that run to end, or stop it\n"
    )
    shutil.rmtree("out")
    Path("kept").rename("out")


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """Change some bytes near the beginning, where the values of the first columns are."""
    at = len(content) // 10
    return content[:at] + bytes(b ^ 0x5A for b in content[at : at + 64]) + content[at + 64 :]


@pytest.mark.parametrize(
    ("path", "damage", "command"),
    [
        ("data/toy/tokens/train/apples.arrow", truncated, PLAN),
        ("data/toy/tokens/train/manifest.json", truncated, MIX),
        ("data/toy/plans/compass.json", truncated, MIX),
        ("data/toy/rendered/apples.parquet", truncated, MIX),
        ("data/toy/rendered/apples.parquet", flipped, MIX),
        ("data/toy/rendered/apples.parquet", truncated, EXPORT),
        ("data/toy/rendered/apples.parquet", flipped, EXPORT),
        ("data/toy/mixes/compass/order.arrow", truncated, EXPORT),
        ("data/toy/mixes/compass/order.arrow", flipped, EXPORT),
        ("data/toy/mixes/compass/manifest.json", truncated, EXPORT),
        ("data/toy/mixes/compass/order.arrow", truncated, ("show", "toy")),
        ("data/toy/rendered/apples.parquet", truncated, ("show", "toy")),
        ("data/toy/curated/apples/train.parquet", truncated, TOKENIZE),
        ("data/toy/curated/apples/train.parquet", flipped, TOKENIZE),
        ("data/toy/tokenizer/tokenizer.json", truncated, TOKENIZE),
        ("data/toy/examples/apples/train.parquet", truncated, ("stage", "curate", "toy")),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[-28:],
)
def test_a_damaged_file_is_named_and_nothing_else_is_touched(
    project: Path, capsys, path, damage, command
):
    file = Path(path)
    good = file.read_bytes()
    if command is EXPORT:
        shutil.copytree("out", "kept")
        shutil.rmtree("out")
    file.write_bytes(damage(good))
    before = hashes()
    assert main(command) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(err) == 1
    assert err[0].startswith(f"error: {path}: ")
    file.write_bytes(good)
    if command is EXPORT:
        shutil.rmtree("out", ignore_errors=True)
        Path("kept").rename("out")
    else:
        assert hashes().keys() == before.keys()


@pytest.mark.parametrize("damage", [truncated, flipped])
def test_an_export_whose_file_was_damaged_is_mended_by_running_it_again(
    project: Path, capsys, damage
):
    shard = sorted(Path("out/data").iterdir())[1]
    shard.write_bytes(damage(shard.read_bytes()))
    assert main(EXPORT) == 0
    assert "4 files were there and whole; 1 written now" in capsys.readouterr().out
