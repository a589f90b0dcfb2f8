"""Drawing the tasks of a level: skills decide the golds, domains the words, and the two are crossed.

A task's gold choice is the one with the highest `sign * (a . z) + noise`, z being the skills in its
features and a the task's mix of them. Its words come from its domain. Domain and skill cluster are
crossed, so text similarity says nothing of the labels by construction. Beside ordinary tasks there
are a flipped twin (same words and family, opposite golds), a duplicate, a task that leaks another's
report rows, a task of random golds, and a huge one of a skill that no other has. Knows numbers and
made-up words only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted.levels import Level
from pipeline.relationships.proxy.tasks import FeatureTask
from pipeline.seeds import derive_rng

CLUSTERS, DOMAINS = 5, 6
WIDTH, SKILLS = 48, 40
WORDS, WORDS_PER_TEXT = 240, 14
DEV_ROWS, REPORT_ROWS = 100, 1500
HUGE = 4000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlantedTask:
    """One task with what is known of it."""

    name: str
    kind: str
    """ordinary, twin, duplicate, leak, noise, huge."""
    family: str
    domain: int
    direction: Floats
    """sign * a: what its golds follow, a unit vector over the skills; zeros for random golds."""
    flips: float
    train: FeatureTask
    dev: FeatureTask
    report: FeatureTask
    texts: tuple[str, ...]
    """One a train row."""
    dev_texts: tuple[str, ...]
    report_texts: tuple[str, ...]


def generate(level: Level, *, seed: int) -> tuple[PlantedTask, ...]:
    """Draw all tasks of a level, in name order.

    Args:
        level: What is drawn.
        seed: Another seed gives another benchmark of the same kind.
    """
    world = _World(level, seed)
    tasks = [world.ordinary(index) for index in range(CLUSTERS * DOMAINS)]
    specials = [
        world.twin(tasks[1]),
        world.duplicate(tasks[2]),
        world.leak(tasks[9]),
        world.noise(tasks[4]),
        world.huge(tasks[17]),
    ]
    return tuple(sorted([*tasks, *specials], key=lambda task: task.name))


def targets(tasks: Sequence[PlantedTask]) -> tuple[str, ...]:
    """Return the tasks that are to be helped: every second ordinary one."""
    ordinary = sorted(task.name for task in tasks if task.kind == "ordinary")
    return tuple(ordinary[::2])


class _World:
    """What all tasks of a benchmark have in common: the skills' place in the features, the domains."""

    def __init__(self, level: Level, seed: int) -> None:
        self.level, self.seed = level, seed
        rng = derive_rng(seed, "planted", level.name)
        basis, _ = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))
        self.skills_DK = basis[:, :SKILLS]
        self.means = rng.normal(size=(DOMAINS, WIDTH)) @ basis[:, SKILLS:] @ basis[:, SKILLS:].T
        self.unigrams = rng.dirichlet(np.full(WORDS, 0.05), DOMAINS)

    def ordinary(self, index: int) -> PlantedTask:
        """Return a task of cluster `index // DOMAINS` in domain `index % DOMAINS`."""
        cluster, domain = divmod(index, DOMAINS)
        name = f"task_{index:02d}"
        mix = np.zeros(SKILLS)
        if self.level.friends:
            mix[0] = self.level.general
            mix[1 + cluster] = 1.0
        mix[1 + CLUSTERS + index] = self.level.own
        rng = self._rng(name)
        low, high = np.log(self.level.rows)
        rows = int(np.exp(rng.uniform(low, high)))
        flips = float(rng.uniform(*self.level.flips))
        return self._task(name, "ordinary", domain, mix / np.linalg.norm(mix), flips, rows)

    def twin(self, of: PlantedTask) -> PlantedTask:
        """Return a task in the same words and of the same family, with opposite golds."""
        return self._task("twin", "twin", of.domain, -of.direction, of.flips, 2 * len(of.train))

    def duplicate(self, of: PlantedTask) -> PlantedTask:
        """Return a task with the same train rows under another name."""
        copy = self._task("duplicate", "duplicate", of.domain, of.direction, of.flips, 8)
        return _with(copy, train=_renamed(of.train, "duplicate"), texts=of.texts)

    def leak(self, of: PlantedTask) -> PlantedTask:
        """Return a task whose train rows are dev and report rows of another."""
        task = self._task("leak", "leak", of.domain, of.direction, of.flips, 8)
        rows = np.arange(150)
        train = _joined("leak", [of.dev, of.report.take(rows)])
        return _with(task, train=train, texts=of.dev_texts + of.report_texts[: len(rows)])

    def noise(self, of: PlantedTask) -> PlantedTask:
        """Return a task of random golds in another's words."""
        return self._task("noise", "noise", of.domain, np.zeros(SKILLS), 1.0, 240)

    def huge(self, of: PlantedTask) -> PlantedTask:
        """Return a big task of the one skill that no other task has."""
        mix = np.zeros(SKILLS)
        mix[-1] = 1.0
        return self._task("huge", "huge", of.domain, mix, 0.0, HUGE)

    def _rng(self, *names: str) -> np.random.Generator:
        return derive_rng(self.seed, "planted", self.level.name, *names)

    def _task(
        self, name: str, kind: str, domain: int, direction: Floats, flips: float, rows: int
    ) -> PlantedTask:
        train, texts = self._rows(name, "train", domain, direction, flips, rows)
        dev, dev_texts = self._rows(name, "dev", domain, direction, 0.0, DEV_ROWS)
        report, report_texts = self._rows(name, "report", domain, direction, 0.0, REPORT_ROWS)
        return PlantedTask(
            name=name,
            kind=kind,
            family=f"family_{domain}",
            domain=domain,
            direction=direction,
            flips=flips,
            train=train,
            dev=dev,
            report=report,
            texts=texts,
            dev_texts=dev_texts,
            report_texts=report_texts,
        )

    def _rows(
        self, name: str, role: str, domain: int, direction: Floats, flips: float, rows: int
    ) -> tuple[FeatureTask, tuple[str, ...]]:
        rng = self._rng(name, role)
        counts = np.full(rows, 2 + domain % 3)
        first = np.concatenate([[0], np.cumsum(counts)])
        features = rng.normal(size=(first[-1], WIDTH)) + self.means[domain]
        value = features @ self.skills_DK @ direction
        value += self.level.noise * rng.normal(size=len(value))
        gold = np.array([int(value[low:high].argmax()) for low, high in pairwise(first)], np.int64)
        flipped = rng.random(rows) < flips
        gold = np.where(flipped, rng.integers(0, counts), gold)
        task = FeatureTask(
            name=name, features_OD=features.astype(np.float32), first=first, gold=gold
        )
        words = rng.choice(WORDS, (rows, WORDS_PER_TEXT), p=self.unigrams[domain])
        return task, tuple(" ".join(f"w{word:03d}" for word in text) for text in words)


def _with(task: PlantedTask, *, train: FeatureTask, texts: tuple[str, ...]) -> PlantedTask:
    return replace(task, train=train, texts=texts)


def _renamed(task: FeatureTask, name: str) -> FeatureTask:
    return FeatureTask(name=name, features_OD=task.features_OD, first=task.first, gold=task.gold)


def _joined(name: str, parts: list[FeatureTask]) -> FeatureTask:
    counts = np.concatenate([np.diff(part.first) for part in parts])
    return FeatureTask(
        name=name,
        features_OD=np.concatenate([part.features_OD for part in parts]),
        first=np.concatenate([[0], np.cumsum(counts)]),
        gold=np.concatenate([part.gold for part in parts]),
    )
