"""Measuring and reporting, the same for every benchmark.

Contenders run in turn, in rotating and reversing order, so that a slow minute of a shared machine hits
all of them; a ratio is taken within each round, and the median over the rounds is the figure. The last
line that a benchmark prints is one JSON object:

    {"name", "bars": {figure: {"value", "bar", "side", "ok"}}, "equal": true, "versions", "machine"}
"""

import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Literal, NoReturn

Bar = tuple[float, float, Literal[">=", "<="]]
"""A figure, its bar, and on which side of the bar it should be."""

ALWAYS = ("numpy", "polars", "pyarrow")
"""Packages whose versions every result names."""


@dataclass(frozen=True)
class Contender:
    """Something to time: a callable without arguments, and how many items one call does."""

    name: str
    run: Callable[[], object]
    items: int


def rotate(contenders: Sequence[Contender], *, rounds: int = 7) -> dict[str, list[float]]:
    """Time contenders side by side.

    Args:
        contenders: What to time; each runs once before the clock starts.
        rounds: Rounds, five or more; each runs every contender once.

    Returns:
        By name, items per second in each round.
    """
    if rounds < 5:
        raise ValueError(f"{rounds} rounds are too few for a median, take 5 or more")
    for contender in contenders:
        contender.run()
    speeds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for index in range(rounds):
        shift = index % len(contenders)
        order = [*contenders[shift:], *contenders[:shift]]
        for contender in order if index % 2 == 0 else reversed(order):
            speeds[contender.name].append(contender.items / _seconds(contender.run))
    return speeds


def _seconds(run: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    result = run()
    elapsed = time.perf_counter() - start
    gc.enable()
    del result
    return elapsed


def ratio(speeds: Mapping[str, Sequence[float]], ours: str, theirs: str) -> float:
    """Return the median over the rounds of how many times as fast `ours` is as `theirs`."""
    return median(a / b for a, b in zip(speeds[ours], speeds[theirs], strict=True))


def show(title: str, speeds: Mapping[str, Sequence[float]], unit: str) -> None:
    """Print median, slowest and fastest speed of each contender."""
    print(
        f"\n{title} ({unit}: median, slowest, fastest of {len(next(iter(speeds.values())))} rounds)"
    )
    for name, values in speeds.items():
        print(f"  {name:32s} {median(values):14,.0f} {min(values):14,.0f} {max(values):14,.0f}")


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of installed packages."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def finish(
    name: str,
    bars: Mapping[str, Bar],
    *,
    equal: bool,
    out: Path | None = None,
    details: Mapping[str, Any] | None = None,
    packages: Sequence[str] = (),
) -> NoReturn:
    """Print the bars and, as the last line, the result as JSON; then exit, with 1 on any miss.

    Args:
        name: Of the benchmark.
        bars: The figures by name.
        equal: Whether the contenders' outputs were found equal; otherwise no figure is shown.
        out: File for the JSON; nothing is written where outputs differ.
        details: What else is worth keeping, such as sizes and rounds.
        packages: Whose versions matter beside those of `ALWAYS`.
    """
    if not equal:
        print(json.dumps({"name": name, "bars": {}, "equal": False}))
        sys.exit(1)
    figures: dict[str, dict[str, float | bool | str]] = {}
    for figure, (value, bar, side) in bars.items():
        ok = value >= bar if side == ">=" else value <= bar
        print(f"{'ok  ' if ok else 'MISS'} {figure}: {value:.3g} ({side} {bar:g})")
        figures[figure] = {"value": round(value, 3), "bar": bar, "side": side, "ok": ok}
    result = {
        "name": name,
        "bars": figures,
        "equal": True,
        "versions": versions(*ALWAYS, *packages),
        "machine": machine(),
    } | ({"details": dict(details)} if details else {})
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(result, sort_keys=True))
    sys.exit(0 if all(figure["ok"] for figure in figures.values()) else 1)
