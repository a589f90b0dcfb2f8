"""Packing speed and waste, against best-fit decreasing as it is usually written.

The peer finds the line with the least room by a segment tree over rooms (Ding et al. 2024, "Fewer
Truncations Improve Language Modeling"), as TRL does, written here from that description in plain Python.
Lines must hold equally many tokens, line by line, before any speed counts. Lengths are clipped gamma
draws with means of about 100, 600 and 1,100 tokens, lines have 2,048.

The bar holds for windows of positions, which is how the stage `mix` packs; all sequences at once, which
no stage does, is shown beside it.

    python -m benchmarks pack
"""

import argparse
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.harness import Contender, finish, ratio, rotate, show
from pipeline.tokens.pack import Packs, best_fit, lower_bound, packed

CAPACITY = 2048
MEANS = (100, 600, 1100)
WINDOW = 16384
SEQUENCES = 2_000_000
PEER_SEQUENCES = 60_000
SPEED = 5e6


class RoomTree:
    """A segment tree that finds the least room of at least a given size."""

    def __init__(self, capacity: int) -> None:
        self.leaves = 1 << (capacity - 1).bit_length()
        self.largest = [0] * (2 * self.leaves)

    def put(self, room: int, value: int) -> None:
        """Enter a room (`value` = room) or take it out (`value` = 0)."""
        node = self.leaves + room - 1
        self.largest[node] = value
        while node > 1:
            node >>= 1
            self.largest[node] = max(self.largest[2 * node], self.largest[2 * node + 1])

    def least(self, length: int) -> int:
        """Return the least room that holds `length`; one of the whole capacity is always there."""
        node = 1
        while node < self.leaves:
            node = 2 * node if self.largest[2 * node] >= length else 2 * node + 1
        return self.largest[node]


def by_segment_tree(lengths: np.ndarray, capacity: int) -> list[int]:
    """Return the tokens of each line of best-fit decreasing."""
    tree, lines_with = RoomTree(capacity), defaultdict(list)
    tree.put(capacity, capacity)
    fill: list[int] = []
    for length in np.sort(lengths)[::-1].tolist():
        room = tree.least(length)
        if room < capacity:
            line = lines_with[room].pop()
            if not lines_with[room]:
                tree.put(room, 0)
        else:
            line = len(fill)
            fill.append(0)
        fill[line] += length
        room -= length
        if room:
            lines_with[room].append(line)
            tree.put(room, room)
    return fill


def drawn(mean: int, count: int) -> np.ndarray:
    """Return lengths whose mean is about `mean` after clipping."""
    rng = np.random.default_rng(mean)
    draws = rng.gamma(4.0, mean / 4, count)
    return np.clip(draws, 8, CAPACITY).astype(np.int32)


def equal_fill(lengths: np.ndarray) -> bool:
    """Whether both pack some lengths into lines of the same tokens."""
    line, lines = best_fit(lengths, CAPACITY)
    ours = np.bincount(line, lengths, lines).astype(int)
    return sorted(ours.tolist()) == sorted(by_segment_tree(lengths, CAPACITY))


def pack(lengths: np.ndarray, window: int) -> Packs:
    return packed(lengths, capacity=CAPACITY, window=window, seed=1)


def waste(lengths: np.ndarray, lines: int) -> float:
    return 1 - float(lengths.sum()) / (lines * CAPACITY)


def windowed_peer(lengths: np.ndarray) -> int:
    """Return the lines of the peer, window by window as ours."""
    windows = -(-len(lengths) // WINDOW)
    cuts = [len(lengths) * part // windows for part in range(windows + 1)]
    return sum(len(by_segment_tree(lengths[low:high], CAPACITY)) for low, high in pairwise(cuts))


def measured(mean: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the figures of one distribution: speeds and wastes."""
    lengths = drawn(mean, SEQUENCES)
    few = lengths[:PEER_SEQUENCES]
    speeds = rotate(
        [
            Contender(f"windows of {WINDOW:,}", lambda: pack(lengths, WINDOW), len(lengths)),
            Contender("all at once", lambda: pack(lengths, len(lengths)), len(lengths)),
            Contender("segment tree, Python", lambda: by_segment_tree(few, CAPACITY), len(few)),
        ]
    )
    windowed, whole = pack(few, WINDOW), pack(few, len(few))
    title = f"mean {lengths.mean():.0f} of {CAPACITY:,} tokens"
    show(title, speeds, "sequences/s")
    wastes = {
        "lower bound": waste(few, lower_bound(few, CAPACITY)),
        "peer": waste(few, len(by_segment_tree(few, CAPACITY))),
        "peer, windows": waste(few, windowed_peer(few)),
        "ours": waste(few, len(whole)),
        "ours, windows": waste(few, len(windowed)),
        "ours, windows, all": waste(lengths, len(pack(lengths, WINDOW))),
    }
    for name, value in wastes.items():
        print(f"  waste {name:26s} {value:.5%}")
    names = list(speeds)
    figures = {
        "windows": median(speeds[names[0]]),
        "whole": median(speeds[names[1]]),
        "ratio": ratio(speeds, names[0], names[2]),
    }
    return figures, wastes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    equal = all(equal_fill(drawn(mean, PEER_SEQUENCES)) for mean in MEANS)
    found = {mean: measured(mean) for mean in MEANS} if equal else {}
    bars = {}
    for mean, (speeds, wastes) in found.items():
        bars[f"sequences/s, windows, mean {mean}"] = (speeds["windows"], SPEED, ">=")
        over = max(
            wastes["ours"] - wastes["peer"], wastes["ours, windows"] - wastes["peer, windows"]
        )
        bars[f"waste above the peer's, mean {mean}"] = (over, 0.0, "<=")
    details = {
        f"mean {mean}": {
            "waste": {name: round(value, 7) for name, value in wastes.items()},
            "times the peer's speed": round(speeds["ratio"], 1),
            "sequences/s, all at once": round(speeds["whole"]),
        }
        for mean, (speeds, wastes) in found.items()
    }
    details |= {"capacity": CAPACITY, "window": WINDOW, "sequences": SEQUENCES}
    finish("pack", bars, equal=equal, out=options.out, details=details, packages=("numba",))


if __name__ == "__main__":
    main()
