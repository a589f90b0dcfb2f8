"""Mixing orders: ours against NumPy by hand, `datasets.interleave_datasets` and Grain.

First what each contender gives is judged: are the quotas exact, how far is any prefix off the shares,
does a row ever come again before all of its source came. Ours must be the same in numpy, in compiled
blocks, and on any number of threads; only then the clock starts. Speeds are of whole orders (row and
epoch of every position); `datasets` and Grain get fewer rows. 100 million rows are planned, ordered,
audited and written in a process of its own for each of our orders, and a fresh process reads on at row
10**8.

Usage: python -m benchmarks.bench_mixing [--rows 10000000] [--rounds 7] [--big 100000000] [--out FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import Bar, Contender, finish, ratio, rotate, show
from benchmarks.mixing_big import BATCH, READ, SEED, Case, case
from benchmarks.mixing_peers import by_datasets, by_grain, by_numpy, has_grain, rows_of_datasets
from pipeline.mixing.order import NEWEST, mixture_order, shuffled

PEERS = {"numpy": 5, "datasets first_exhausted": 60, "datasets all_exhausted": 60, "grain": 1000}
"""How many times as fast `shuffled` must be."""


def ordered(made: Case, algorithm: str, *, threads: int | None = None) -> Any:
    """Build one of our orders."""
    batch = BATCH if algorithm == NEWEST["stratified"] else None
    return mixture_order(made.draws, seed=SEED, algorithm=algorithm, batch=batch, threads=threads)


def quality(made: Case, row_N: np.ndarray) -> dict[str, float]:
    """Judge rows: largest error of a share at the end and of any prefix, repeats before their time."""
    ends = np.cumsum(made.rows)
    source_N = np.searchsorted(ends, row_N, side="right")
    total = len(row_N)
    share_K = np.array(made.quotas) / made.total
    counts = np.bincount(source_N, minlength=len(share_K))
    at = np.argsort(source_N, kind="stable")
    turn = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    share = np.repeat(share_K, counts)
    lead = np.maximum(turn + 1 - share * (at + 1), share * at - turn)
    times = np.bincount(row_N, minlength=int(ends[-1]))
    seen = np.array([
        (int(part.min()), int(part.max()))
        for part in np.split(times, ends[:-1])
    ])  # fmt: skip
    return {
        "share_error_percent": float(np.abs(counts / total / share_K - 1).max() * 100),
        "prefix_error_rows": float(lead.max()),
        "sources_that_repeat_early": int((seen[:, 1] - seen[:, 0] > 1).sum()),
    }


def judge(total: int) -> dict[str, dict[str, float]]:
    """Judge all contenders on 20 sources."""
    made = case(20, total)
    found = {
        name: quality(made, ordered(made, algorithm).column("row").to_numpy())
        for name, algorithm in NEWEST.items()
    }
    found["numpy"] = quality(made, by_numpy(made.rows, made.quotas, SEED)[0])
    for stop in ("first_exhausted", "all_exhausted"):
        small = case(20, total // 4)
        mixed = rows_of_datasets(by_datasets(small.rows, small.quotas, stop, SEED)())
        found[f"datasets {stop}"] = quality(small, mixed)
    if has_grain():
        small = case(20, total // 20)
        endless = by_grain(small.rows, small.quotas, SEED)
        found["grain"] = quality(small, np.array([endless[i] for i in range(small.total)]))
    print("\nquality: 20 sources, shares that fall as 1 / rank")
    for name, values in found.items():
        print(f"  {name:26s}" + "".join(f"  {key} {value:.4g}" for key, value in values.items()))
    return found


def check_ours(made: Case) -> None:
    """Check that our orders are exact, and one and the same however they are come by.

    Raises:
        AssertionError: They are not.
    """
    for algorithm in NEWEST.values():
        table = ordered(made, algorithm)
        row_N = table.column("row").to_numpy()
        ends = np.cumsum(made.rows)
        got = np.bincount(np.searchsorted(ends, row_N, side="right"), minlength=len(ends))
        assert got.tolist() == made.quotas, algorithm
        assert table.nbytes == 5 * made.total
        for part in np.split(np.bincount(row_N, minlength=int(ends[-1])), ends[:-1]):
            assert part.max() - part.min() <= 1, algorithm
        again = ordered(made, algorithm, threads=1)
        assert again.equals(table), algorithm
        if algorithm == NEWEST["shuffled"]:
            few, shuffled.FEW = shuffled.FEW, made.total
            in_numpy = ordered(made, algorithm)
            shuffled.FEW = few
            assert in_numpy.equals(table)


def speeds_of(tasks: int, total: int, rounds: int) -> dict[str, list[float]]:
    """Time whole orders side by side."""
    made = case(tasks, total)
    contenders = [
        Contender(name, partial(ordered, made, algorithm), total)
        for name, algorithm in NEWEST.items()
    ]
    contenders += [
        Contender(
            "shuffled, 1 thread", partial(ordered, made, NEWEST["shuffled"], threads=1), total
        ),
        Contender("numpy", partial(by_numpy, made.rows, made.quotas, SEED), total),
    ]
    part = case(tasks, total // 40)
    # of one size each, or the first to be exhausted of many small sources would end it at once
    alike = [max(total // 200, 1000)] * tasks
    for stop, rows in (("first_exhausted", alike), ("all_exhausted", part.rows)):
        mix = by_datasets(rows, part.quotas, stop, SEED)
        contenders.append(Contender(f"datasets {stop}", mix, len(mix())))
    if has_grain():
        endless, count = by_grain(part.rows, part.quotas, SEED), max(total // 500, 1000)
        contenders.append(
            Contender("grain", partial(lambda n: [endless[i] for i in range(n)], count), count)
        )
    else:
        print("grain is not installed and is left out: pip install -e '.[bench]'")
    speeds = rotate(contenders, rounds=rounds)
    show(f"{tasks} sources, {total:,} rows", speeds, "rows/s")
    return speeds


def in_a_process(*arguments: str) -> dict[str, Any]:
    """Run a step of `mixing_big` and return its last line."""
    command = [sys.executable, "-m", "benchmarks.mixing_big", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def bars_of(
    speeds: dict[int, dict[str, list[float]]], judged: dict[str, dict[str, float]]
) -> dict[str, Bar]:
    """Return the figures that have a bar."""
    bars: dict[str, Bar] = {}
    for tasks, found in speeds.items():
        for peer, least in PEERS.items():
            if peer in found:
                name = f"shuffled_over_{peer.replace(' ', '_')}_{tasks}"
                bars[name] = (ratio(found, "shuffled", peer), least, ">=")
        bars[f"smooth_over_numpy_{tasks}"] = (ratio(found, "smooth", "numpy"), 1, ">=")
    bars["smooth_prefix_error_rows"] = (judged["smooth"]["prefix_error_rows"], 1, "<=")
    error = max(judged[name]["share_error_percent"] for name in NEWEST)
    bars["weight_error_percent"] = (error, 0, "<=")
    return bars


def run_big(total: int) -> tuple[dict[str, Bar], dict[str, Any]]:
    """Run the cases that need a process of their own."""
    details: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for word in reversed(NEWEST):
            details[f"big_{word}"] = in_a_process(word, str(total + READ), name)
            print(word, details[f"big_{word}"])
        details["resume"] = in_a_process("resume", str(total), name)
        assert (folder / "order.arrow").exists()
    print("resume", details["resume"])
    peak = max(details[f"big_{word}"]["peak_gb"] for word in NEWEST)
    return {
        "peak_gb": (peak, 4, "<="),
        "resume_ms": (details["resume"]["ms"], 10, "<="),
    }, details


def main() -> None:
    """Judge, check, time, report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--big", type=int, default=100_000_000)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    judged = judge(min(options.rows, 1_000_000))
    for tasks in (20, 1000):
        check_ours(case(tasks, min(options.rows, 2_000_000)))
    speeds = {tasks: speeds_of(tasks, options.rows, options.rounds) for tasks in (20, 1000)}
    bars, details = run_big(options.big)
    medians = {
        str(tasks): {name: round(median(values)) for name, values in found.items()}
        for tasks, found in speeds.items()
    }
    details |= {"rows": options.rows, "rounds": options.rounds, "big_rows": options.big,
                "quality": judged, "rows_s": medians}  # fmt: skip
    packages = ("datasets", "numba", *(("grain",) if has_grain() else ()))
    finish("mixing", bars_of(speeds, judged) | bars, equal=True, out=options.out, details=details,
           packages=packages)  # fmt: skip


if __name__ == "__main__":
    main()
