"""DVC's own cost: at 400 tasks, and at 60 trainings against 2.

Builds projects with the real `dvc.yaml`, whose commands are replaced by a script that writes small
outputs. So what is timed is DVC itself: CPU seconds of the `dvc` processes without their
children's. Timed are a run with nothing to do, a run after one edit, and a first run in which `dvc
commit` records all tasks at once (as `taskloom data` does). The projects of 2 and of 60 trainings
take turns.

Usage: python -m benchmarks.bench_dvc [--tasks 400] [--trainings 60] [--rounds 5]
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.harness import finish

HERE = Path(__file__).parent.parent
STAND_IN = """
import os, pathlib, sys
from ruamel.yaml import YAML

walk = YAML(typ="safe").load(pathlib.Path("dvc.yaml"))
card = YAML(typ="safe").load(pathlib.Path("mixtures/big.yaml"))
stage, item = sys.argv[1], os.environ["DVC_STAGE"].partition("@")[2]

def filled(paths, key=""):
    entry = card["trainings"].get(key) or {}
    values = {"${name}": "big", "${key}": key, "${item.recipe}": entry.get("recipe", ""),
              "${item.start}": entry.get("start", "")}
    for path in paths:
        path = next(iter(path)) if isinstance(path, dict) else path
        for name, value in values.items():
            path = path.replace(name, value)
        yield path

outs = list(filled(walk["stages"][stage].get("do", walk["stages"][stage])["outs"], item))
needed = set()
for other in walk["stages"].values():
    keys = card[other["foreach"][2:-1]] if "foreach" in other else [""]
    for key in keys:
        needed |= set(filled(other.get("do", other)["deps"], key))
for out in outs:
    files = {path for path in needed if path.startswith(out + "/")}
    if not files:
        files = {out if "." in out.rsplit("/", 1)[1] else out + "/x"}
    for file in files:
        path = pathlib.Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        task = pathlib.Path(f"mixtures/tasks/{path.stem}.yaml")
        path.write_text(task.read_text() if "sources" in file else file)
"""


def project(root: Path, *, tasks: int, trainings: int) -> None:
    """Write a project with the real dvc.yaml and commands that do next to nothing."""
    for folder in ("mixtures/tasks", "mixtures/prompts", "data/external", "pipeline"):
        (root / folder).mkdir(parents=True)
    for i in range(tasks):
        (root / f"mixtures/tasks/t{i:03}.yaml").write_text(f"task: t{i:03}\nrows: {i}\n")
    names = "".join(f"  t{i:03}: {{}}\n" for i in range(tasks))
    more = "".join(f"  x{i:02}: {{recipe: all, start: base}}\n" for i in range(trainings - 2))
    (root / "mixtures/big.yaml").write_text(
        f"name: big\ntasks:\n{names}trainings:\n  compass: {{recipe: all, start: base}}\n"
        f"  tailored: {{recipe: tailored, start: compass}}\n{more}"
    )
    (root / "mixtures/revisions.lock").write_text("revisions: {}\n")
    (root / "params.yaml").write_text((HERE / "params.yaml").read_text())
    (root / "stand_in.py").write_text(STAND_IN)
    walk = (HERE / "dvc.yaml").read_text()
    walk = re.sub(r"python -m pipeline stage", f"{sys.executable} stand_in.py", walk)
    walk = re.sub(r"- name: .*\n  - mixtures/\w+", "- name: big\n  - mixtures/big", walk)
    (root / "dvc.yaml").write_text(walk[: walk.index("\nmetrics:")] + "\n")
    (root / ".gitignore").write_text("/data/\n/models/\n")
    run(["git", "init", "-q"], root)
    run([sys.executable, "-m", "dvc", "init", "-q"], root)
    shutil.copy(HERE / ".dvc/config", root / ".dvc/config")


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
        (folder / "x").write_text(f"data/big/examples/t{i:03}/x")
    return cpu + own_cpu(["commit", "-q", "-f", "normalize"], root)[0]


def many_tasks(root: Path, tasks: int, rounds: int) -> dict[str, float]:
    """Time a cold run, a run with nothing to do, and one after an edit, up to the curated rows."""
    project(root, tasks=tasks, trainings=2)
    cold = pooled_cold(root, tasks) + own_cpu(["repro", "-q", "curate"], root)[0]
    noop, edit = [], []
    for i in range(rounds):
        noop.append(own_cpu(["repro", "-q", "curate"], root)[0])
        (root / "mixtures/tasks/t007.yaml").write_text(f"task: t007\nrows: {1000 + i}\n")
        edit.append(own_cpu(["repro", "-q", "curate"], root)[0])
    return {"cold": cold, "no_op": median(noop), "edit": median(edit)}


def many_trainings(roots: dict[int, Path], rounds: int) -> dict[int, float]:
    """Time runs with nothing to do, in turns; return the median by the number of trainings."""
    for trainings, root in roots.items():
        project(root, tasks=12, trainings=trainings)
        run([sys.executable, "-m", "dvc", "repro", "-q"], root)
    seconds: dict[int, list[float]] = {trainings: [] for trainings in roots}
    for _ in range(rounds):
        for trainings, root in roots.items():
            seconds[trainings].append(own_cpu(["repro", "-q"], root)[0])
    return {trainings: median(found) for trainings, found in seconds.items()}


def main() -> None:
    """Time everything, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=400)
    parser.add_argument("--trainings", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    os.environ["DVC_NO_ANALYTICS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        big = Path(folder) / "tasks"
        found = many_tasks(big, options.tasks, options.rounds)
        lock = (big / "dvc.lock").read_text()
        roots = {n: Path(folder) / f"trainings{n}" for n in (2, options.trainings)}
        idle = many_trainings(roots, options.rounds)
    finish(
        "dvc",
        {
            "no_op_cpu_s": (found["no_op"], 4.0, "<="),
            "one_edit_cpu_s": (found["edit"], 7.0, "<="),
            "cold_pooled_cpu_s": (found["cold"], 15.0, "<="),
            "trainings_no_op_more_cpu_s": (idle[options.trainings] - idle[2], 5.0, "<="),
        },
        equal=all(f"normalize@t{i:03}:" in lock for i in range(options.tasks)),
        out=options.out,
        packages=("dvc",),
        details={
            "tasks": options.tasks,
            "trainings": options.trainings,
            "no_op_cpu_s_by_trainings": {str(n): round(value, 3) for n, value in idle.items()},
            "rounds": options.rounds,
            "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        },
    )


if __name__ == "__main__":
    main()
