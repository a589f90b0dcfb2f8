"""Rows as columns of ids: drawn, assigned to a split by their content, and put into words.

A row is a template and one id per slot. A hash of these decides the split that the row belongs to,
the same way in every task, so that no test row of one task can be a train row of another. Knows no
recipe.
"""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from pipeline.errors import ConfigError
from pipeline.schema import Split
from pipeline.seeds import STEP, derive_seed, hashed
from pipeline.sources.suite.facts import Ids, Slot, Wording, with_article

Rows = dict[str, Ids]
"""Ids by slot name, and `template`; all of one length."""

Draw = Callable[[Ids], Rows]
"""Draw one row per anchor (what a row is about: a fact, a class), all but the anchor at random."""

_BUCKETS = 10
_TEST_BUCKET, _VALIDATION_BUCKET = 0, 1
_GENTLE_ROUNDS, _ROUNDS = 60, 400


def settle(
    anchors: Ids,
    draw: Draw,
    wording: Wording,
    split: Split,
    rng: np.random.Generator,
    *,
    kinds: Ids | None = None,
) -> tuple[Ids, Rows]:
    """Draw a row per anchor, again while it belongs to another split; return anchors and rows.

    Anchors keep their balance. Only one that has no wording at all in this split is, after many
    rounds, replaced by another of its kind.

    Args:
        anchors: What the rows are about, (n,).
        draw: Draws rows for given anchors.
        wording: Templates of the rows.
        split: Where the rows belong.
        rng: Draws replacements.
        kinds: Code per row, equal for anchors that may replace each other; all may if left out.

    Raises:
        ConfigError: The wording leaves no row for this split.
    """
    anchors = anchors.copy()
    rows = draw(anchors)
    for turn in range(_ROUNDS):
        wrong = np.flatnonzero(~_belongs(rows, wording, split))
        if not len(wrong):
            return anchors, rows
        if turn >= _GENTLE_ROUNDS:
            _replace(anchors, wrong, kinds, rng)
        for name, ids in draw(anchors[wrong]).items():
            rows[name][wrong] = ids
    raise ConfigError(
        f"wording '{wording.name}' is too poor: no rows are left for the {split} split",
        remedy="add templates, or slots with more values",
    )


def _replace(anchors: Ids, wrong: Ids, kinds: Ids | None, rng: np.random.Generator) -> None:
    """Replace the anchors of some rows, in place, by others of their kind."""
    kinds = np.zeros(len(anchors), dtype=np.int64) if kinds is None else kinds
    for kind in np.unique(kinds[wrong]):
        alike = wrong[kinds[wrong] == kind]
        anchors[alike] = rng.choice(anchors[kinds == kind], len(alike))


def fresh_slots(wording: Wording, size: int, rng: np.random.Generator, skip: set[str]) -> Rows:
    """Draw templates and the ids of all filler slots but those in `skip`.

    Raises:
        ConfigError: A slot is neither a filler nor filled by the recipe.
    """
    rows = {"template": rng.integers(len(wording.templates), size=size)}
    for slot in wording.slots:
        if slot.name in skip:
            continue
        values = wording.fillers.get(slot.kind)
        if values is None:
            raise ConfigError(
                f"wording '{wording.name}' has a slot {{{slot.name}}} that nothing fills",
                expected=f"a filler of that name, or one of {', '.join(sorted(skip)) or 'none'}",
            )
        rows[slot.name] = rng.integers(len(values), size=size)
        if slot.number and slot.kind in rows:  # two persons of one row are not the same person
            same = rows[slot.name] == rows[slot.kind]
            rows[slot.name] = np.where(same, (rows[slot.name] + 1) % len(values), rows[slot.name])
    return rows


def say(rows: Rows, wording: Wording, values: Mapping[str, pl.Series]) -> pl.DataFrame:
    """Put rows into words.

    Args:
        rows: As drawn.
        wording: Its templates.
        values: For each kind of slot that the recipe fills, the texts that ids point to.

    Returns:
        `context` and `question`, in the rows' order.
    """
    template = rows["template"]
    columns = {}
    for slot in _variants(wording):
        texts = values[slot.kind] if slot.kind in values else wording.fillers[slot.kind]
        columns[_key(slot)] = with_article(texts, slot.article).gather(rows[slot.name])
    frame = pl.DataFrame({"__row": np.arange(len(template)), "__template": template, **columns})
    parts = [
        frame.filter(pl.col("__template") == number).select(
            "__row", context=_sentence(one.context), question=_sentence(one.question)
        )
        for number, one in enumerate(wording.templates)
    ]
    return pl.concat(parts).sort("__row").drop("__row")


def _sentence(parts: tuple[str | Slot, ...]) -> pl.Expr:
    if not parts:
        return pl.lit("")
    return pl.concat_str(
        [pl.col(_key(part)) if isinstance(part, Slot) else pl.lit(part) for part in parts]
    )


def _variants(wording: Wording) -> list[Slot]:
    """Every slot as written (with and without article), sorted by key."""
    found = {
        _key(part): part
        for template in wording.templates
        for part in template.context + template.question
        if isinstance(part, Slot)
    }
    return [found[key] for key in sorted(found)]


def _key(slot: Slot) -> str:
    return f"{slot.article}:{slot.name}"


def _belongs(rows: Rows, wording: Wording, split: Split) -> np.ndarray:
    """Whether each row's hash lies in the buckets of `split`."""
    bucket = _content_hash(rows, wording) % np.uint64(_BUCKETS)
    if split == "test":
        return np.asarray(bucket == _TEST_BUCKET)
    if split == "validation":
        return np.asarray(bucket == _VALIDATION_BUCKET)
    return np.asarray(bucket > _VALIDATION_BUCKET)


def _content_hash(rows: Rows, wording: Wording) -> np.ndarray:
    """Hash what a row says: its template and the ids of the slots that the template uses.

    Extra columns (`option...`) count as said in every template.
    """
    salt = np.uint64(derive_seed(0, "suite", wording.name))
    state = hashed((rows["template"].astype(np.uint64) ^ salt) + STEP)
    slots = {slot.name for slot in wording.slots}
    for name in sorted(set(rows) - {"template"}):
        used = np.array([name in one.names or name not in slots for one in wording.templates])
        ids = np.where(used[rows["template"]], rows[name] + 1, 0).astype(np.uint64)
        column = hashed(ids + np.uint64(derive_seed(0, name) >> 1) + STEP)
        state = hashed((state ^ column) + STEP)
    return state
