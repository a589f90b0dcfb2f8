"""`taskloom data`: normalize all tasks in parallel, then let DVC record them once.

`dvc repro` runs one stage after the other and rewrites its lock after each, which costs minutes at
hundreds of tasks. This command runs what changed in a pool of processes and records the whole group
in one go; a `dvc repro` after it finds nothing to do for these stages.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tqdm import tqdm

from pipeline.contract.files import read_json, sha256
from pipeline.errors import ArtefactError, DataError, PipelineError
from pipeline.layout import Layout
from pipeline.project import active
from pipeline.publish import stage_lock


def main(arguments: Sequence[str]) -> None:
    """Resolve, normalize what changed, record.

    Raises:
        DataError: One or more tasks failed; nothing is recorded then.
    """
    parser = argparse.ArgumentParser(prog="taskloom data", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    jobs = parser.parse_args(arguments).jobs
    dvc("repro", "--quiet", "resolve")
    layout = Layout(active())
    tasks = sorted(path.stem for path in (layout.data / "sources").glob("*.json"))
    stale = [task for task in tasks if not is_current(layout, task)]
    normalize_all(layout.name, stale, jobs=jobs)
    dvc("commit", "--quiet", "--force", "normalize")
    print(f"normalized {len(stale)} of {len(tasks)} tasks. Next: dvc repro")


def is_current(layout: Layout, task: str) -> bool:
    """Whether a task's examples were made from its present source file."""
    origin = layout.examples(task) / "origin.json"
    if not origin.exists():
        return False
    return bool(read_json(origin).get("source_sha256") == sha256(layout.source(task)))


def normalize_all(name: str, tasks: Sequence[str], *, jobs: int) -> None:
    """Normalize `tasks` in a pool; run all of them even where some fail.

    Raises:
        DataError: Naming every task that failed, with its own message.
    """
    failures: dict[str, str] = {}
    # spawn: polars' threads do not survive a fork
    with ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_normalize, name, task): task for task in tasks}
        bar = tqdm(as_completed(futures), total=len(futures), desc="normalize", delay=2)
        for future in bar:
            try:
                for line in future.result():
                    tqdm.write(line, file=sys.stdout)
            except PipelineError as error:
                failures[futures[future]] = str(error)
    if failures:
        raise DataError("\n".join(failures[task] for task in sorted(failures)))


def _normalize(name: str, task: str) -> list[str]:
    from pipeline.stages.normalize import normalize_task

    layout = Layout(name)
    with stage_lock(layout.data, f"normalize.{task}"):
        return normalize_task(layout, task)


def dvc(*arguments: str) -> None:
    """Run one DVC command.

    Raises:
        ArtefactError: It failed; its own words are on the screen already.
    """
    result = subprocess.run([sys.executable, "-m", "dvc", *arguments], check=False)
    if result.returncode:
        raise ArtefactError(f"`dvc {' '.join(arguments)}` failed, see above")
