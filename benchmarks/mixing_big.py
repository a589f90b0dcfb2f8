"""Mixtures of 100 million rows, each step in a process of its own, so that its peak memory is its own.

Planned, ordered, audited and written; and gone on with from a late position by a fresh process. Called by
`bench_mixing`: python -m benchmarks.mixing_big shuffled|smooth|stratified|resume ROWS FOLDER
"""

import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.contract.order import Draw
from pipeline.mixing.order import mixture_order

SEED = 13
BATCH = 256
"""Rows of a global batch in the stratified order."""
READ = 4096
"""Positions of one look-up."""


@dataclass(frozen=True)
class Case:
    """K sources whose quotas fall as 1 / rank, drawn between half an epoch and four."""

    rows: list[int]
    quotas: list[int]

    @property
    def draws(self) -> list[Draw]:
        """The sources as our orders take them."""
        starts = np.concatenate(([0], np.cumsum(self.rows)))
        return [
            Draw(task=f"t{k:04}", start=int(starts[k]), rows=count, quota=quota)
            for k, (count, quota) in enumerate(zip(self.rows, self.quotas, strict=True))
        ]

    @property
    def total(self) -> int:
        """Positions."""
        return sum(self.quotas)


def case(tasks: int, total: int) -> Case:
    """Make a case of so many tasks and positions."""
    weights = 1 / np.arange(1, tasks + 1)
    quotas = np.maximum((weights / weights.sum() * total).astype(int), 1)
    quotas[0] += total - quotas.sum()
    epochs = np.random.default_rng(7).uniform(0.5, 4, tasks)
    return Case(np.maximum(quotas / epochs, 1).astype(int).tolist(), quotas.tolist())


def big(word: str, total: int, folder: Path) -> None:
    """Plan, order, audit and write a mixture of 1,000 tasks; print the time and the peak memory."""
    from pipeline.config.mixture_card import Mixture
    from pipeline.contract.files import sha256, write_arrow, write_json
    from pipeline.mixing.audit import audit, check
    from pipeline.mixing.lengths import MeanLengths
    from pipeline.mixing.plan import make_plan

    made = case(1000, total)
    sizes = {draw.task: draw.rows for draw in made.draws}
    sampling = {"strategy": "temperature", "temperature": 1.2, "rows": total, "order": word}
    mixture = Mixture.model_validate({"tasks": {task: {} for task in sizes}, "sampling": sampling})
    start = time.perf_counter()
    lengths = MeanLengths(sizes, dict.fromkeys(sizes))
    plan = make_plan(mixture, lengths, name="big", which="compass", seed=SEED, batch=BATCH)
    planned = time.perf_counter()
    quotas = {task.task: task.quota for task in plan.tasks}
    draws = [
        Draw(task=d.task, start=d.start, rows=d.rows, quota=quotas[d.task]) for d in made.draws
    ]
    order = mixture_order(draws, seed=SEED, algorithm=plan.order, batch=plan.batch)
    done = time.perf_counter()
    result = audit(order, draws, plan)
    check(result)
    audited = time.perf_counter()
    path = folder / "order.arrow"
    write_arrow(order, path)
    tasks = [{"task": d.task, "start": d.start, "rows": d.rows} for d in draws]
    write_json(
        {"version": 1, "algorithm": plan.order, "positions": total, "tasks": tasks,
         "sha256": sha256(path)}, folder / "manifest.json",
    )  # fmt: skip
    figures = {
        "plan_s": planned - start, "order_s": done - planned, "audit_s": audited - done,
        "write_s": time.perf_counter() - audited, "largest_lead": result["largest_lead"],
        "peak_gb": peak_gb(),
        "bytes_a_row": path.stat().st_size / total,
    }  # fmt: skip
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}))


def peak_gb() -> float:
    """Return the most memory that this process held; where Linux tells, without what its parent had."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else []:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def resume(folder: Path, position: int) -> None:
    """Open a written order and read on from a position; then once more with its hash compared."""
    from pipeline.contract.order import open_order

    manifest = json.loads((folder / "manifest.json").read_text())
    shards = [
        SimpleNamespace(task=entry["task"], start=entry["start"], rows=range(entry["rows"]))
        for entry in manifest["tasks"]
    ]
    ends = np.array([shards[-1].start + len(shards[-1].rows)])
    counted: Any = SimpleNamespace(role="train", starts=ends, shards=shards)
    positions = np.arange(position, position + READ)
    pa.array([0]).to_numpy()  # the first array makes pyarrow load pandas, where it is installed
    times = []
    for _ in range(9):
        start = time.perf_counter()
        order = open_order(folder, counted, verify=False)
        order.at(positions)
        times.append(1000 * (time.perf_counter() - start))
        del order
    start = time.perf_counter()
    open_order(folder, counted)
    verified = 1000 * (time.perf_counter() - start)
    print(json.dumps({"first_ms": times[0], "ms": median(times), "with_hash_ms": verified}))


def main(arguments: list[str]) -> None:
    """Run one step."""
    what, rows, folder = arguments
    if what == "resume":
        resume(Path(folder), int(rows))
    else:
        big(what, int(rows), Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
