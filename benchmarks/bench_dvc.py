"""DVC's own cost at 400 tasks: no-op, one edit, and cold by the pooled path.

Builds a project of 400 tasks whose stage commands are trivial, so that what is timed is DVC itself: CPU
seconds of the `dvc` processes without their children's. The project has the shape of the real `dvc.yaml`:
one resolve stage, one stage a task that depends on one small file, one fan-in.

Usage: python -m benchmarks.bench_dvc [--tasks 400] [--rounds 5]
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.harness import finish

RESOLVE = """
import json, pathlib, sys
cards = sorted(pathlib.Path("mixtures/tasks").glob("*.yaml"))
out = pathlib.Path("data/big/sources"); out.mkdir(parents=True, exist_ok=True)
for card in cards:
    (out / f"{card.stem}.json").write_text(json.dumps({"card": card.read_text()}))
"""
ONE = "mkdir -p data/big/examples/${key} && cp data/big/sources/${key}.json data/big/examples/${key}/x"


def project(root: Path, tasks: int) -> None:
    """Write the project."""
    (root / "mixtures/tasks").mkdir(parents=True)
    for i in range(tasks):
        (root / f"mixtures/tasks/t{i:03}.yaml").write_text(f"task: t{i:03}\nrows: {i}\n")
    names = "".join(f"  t{i:03}: {{}}\n" for i in range(tasks))
    (root / "mixtures/big.yaml").write_text(f"name: big\ntasks:\n{names}")
    (root / "resolve.py").write_text(RESOLVE)
    (root / "dvc.yaml").write_text(
        "vars: [mixtures/big.yaml]\nstages:\n"
        f"  resolve:\n    cmd: {sys.executable} resolve.py\n    params: [mixtures/big.yaml: ]\n"
        "    deps: [mixtures/tasks, resolve.py]\n    outs: [data/big/sources]\n"
        f"  normalize:\n    foreach: ${{tasks}}\n    do:\n      cmd: {ONE}\n"
        "      deps: ['data/big/sources/${key}.json']\n      outs: ['data/big/examples/${key}']\n"
        "  curate:\n    cmd: ls data/big/examples > data/big/curated\n"
        "    deps: [data/big/examples]\n    outs: [data/big/curated]\n"
    )
    (root / ".gitignore").write_text("/data/\n")
    here = Path(__file__).parent.parent
    run(["git", "init", "-q"], root)
    run([sys.executable, "-m", "dvc", "init", "-q"], root)
    shutil.copy(here / ".dvc/config", root / ".dvc/config")


def run(command: list[str], root: Path) -> None:
    """Run a command quietly; fail loudly."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def own_cpu(arguments: list[str], root: Path) -> tuple[float, float]:
    """Run DVC; return its own CPU seconds (children that it waited for left out) and wall seconds."""
    probe = (
        "import resource, sys\nfrom dvc.cli import main\ncode = main(sys.argv[1:])\n"
        "own = resource.getrusage(resource.RUSAGE_SELF)\n"
        "open('cpu.txt', 'w').write(str(own.ru_utime + own.ru_stime))\nsys.exit(code)"
    )
    start = time.perf_counter()
    run([sys.executable, "-c", probe, *arguments], root)
    wall = time.perf_counter() - start
    return float((root / "cpu.txt").read_text()), wall


def pooled_cold(root: Path, tasks: int) -> float:
    """Resolve, make all outputs at once, record the group once; CPU of the DVC processes."""
    cpu, _ = own_cpu(["repro", "-q", "resolve"], root)
    for i in range(tasks):
        folder = root / f"data/big/examples/t{i:03}"
        folder.mkdir(parents=True)
        shutil.copy(root / f"data/big/sources/t{i:03}.json", folder / "x")
    cpu += own_cpu(["commit", "-q", "-f", "normalize"], root)[0]
    return cpu + own_cpu(["repro", "-q"], root)[0]


def main() -> None:
    """Time all three, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    os.environ["DVC_NO_ANALYTICS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project(root, options.tasks)
        cold = pooled_cold(root, options.tasks)
        noop, edit = [], []
        for i in range(options.rounds):
            noop.append(own_cpu(["repro", "-q"], root)[0])
            (root / "mixtures/tasks/t007.yaml").write_text(f"task: t007\nrows: {1000 + i}\n")
            edit.append(own_cpu(["repro", "-q"], root)[0])
        lock = (root / "dvc.lock").read_text()
    finish(
        "dvc",
        {
            "no_op_cpu_s": (median(noop), 4.0, "<="),
            "one_edit_cpu_s": (median(edit), 7.0, "<="),
            "cold_pooled_cpu_s": (cold, 15.0, "<="),
        },
        equal=all(f"normalize@t{i:03}:" in lock for i in range(options.tasks)),
        out=options.out,
        packages=("dvc",),
        details={
            "tasks": options.tasks,
            "rounds": options.rounds,
            "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        },
    )


if __name__ == "__main__":
    main()
