"""One training step in five layouts: same rows, same global batches, same MiniLM.

(a) padded: as many sequences for every row as the batch's row of most choices has, all as long as the
longest; (b) ragged: the real sequences in one rectangle; (c) ragged + budget: the default, cut by length;
(d) shared context + budget: the context once for all choices of a row; (e) compass: four sequences for
each row with `N/A` endings, all padded to `max_tokens`. Losses and gradients of (b) and (c) are
compared with (a)'s first, in float32 without dropout. Then every contender does the same whole step in
turn: rows gathered, micro-batches put together, forward, backward, AdamW; no masked-token pass. Each
round takes another global batch, and a ratio is taken within a round. (d) and (e) are other models, not
other ways to compute the same one.

Rows are real ones, two to eight choices each, tokenised by the pipeline's own stages in a temporary
folder; numbers of choices are drawn as in the mixture of 26 tasks that the bars come from. Where the raw
files are not at hand, the embed_rows suite's rows are taken: they are shorter, so the ratios are larger.

Usage: python -m benchmarks.bench_trainer [--rounds 7] [--batch 32] [--max-tokens 128] [--threads 2]
       [--data FOLDER] [--out FILE]
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Bar, Contender, finish, ratio, rotate, show
from benchmarks.token_project import MINILM, ROOT, build_tokens, raw_files

TASKS = {
    2: ["boolq", "comve_a", "mrpc", "piqa", "qnli", "qqp", "rte", "scitail", "sst2", "wic"],
    3: ["anli_r3", "comve_b", "dream", "scicite", "sick", "snli", "socialiqa"],
    4: ["ag_news", "codah", "cosmosqa", "hellaswag"],
    5: ["aqua_rat", "commonsense_qa", "qasc", "trec"],
}
"""By number of choices; the last list has five to eight."""
SUITE = ["barn_giant", "capital_lookup", "dinner_verdict", "element_kind", "zoo_box"]
SHARES = {2: 0.54, 3: 0.26, 4: 0.14, 5: 0.06}
"""Of rows, by number of choices."""
UNBOUNDED = 10**9
TOLERANCE = 1e-5
NAMES = {
    "a": "a padded",
    "b": "b ragged",
    "c": "c ragged + budget",
    "d": "d shared context + budget",
    "e": "e compass",
}
SEED = 7


@dataclass
class Side:
    """A layout with its model and its optimizer, at the same global batch as the others."""

    plan: Any
    model: Any
    optimizer: Any
    batches: Callable[[Any, int], Any]
    calls: int = 0
    cells: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def step(self) -> None:
        """Do the next global batch: what the loop does between two positions."""
        batch = self.batches(self.plan, self.calls)
        self.calls += 1
        self.cells += batch.cells()
        loss_and_gradients(self.model, batch)
        self.optimizer.step(0.0)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    import torch

    from pipeline.modeling.load import quiet_transformers

    torch.set_num_threads(options.threads)
    quiet_transformers()
    with tempfile.TemporaryDirectory() as folder:
        shards, order, figures = rows_of(Path(folder), options)
        sides = sides_of(Path(folder), shards, order, options)
        worst = differences(sides)
        print(f"largest difference to (a): {worst}", flush=True)
        equal = max(worst.values()) < TOLERANCE
        contenders = [
            Contender(NAMES[key], side.step, options.batch) for key, side in sides.items()
        ]
        speeds = rotate(contenders, rounds=options.rounds) if equal else {}
    if equal:
        show("training step", speeds, "examples/s")
    finish(
        "trainer",
        bars(speeds) if equal else {},
        equal=equal,
        out=options.out,
        details=figures | {"largest_difference": worst} | details(sides, speeds, options),
        packages=("torch", "transformers"),
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "external")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    if options.out is not None:
        options.out = options.out.absolute()
    return options


def rows_of(folder: Path, options: argparse.Namespace) -> tuple[Any, Any, dict[str, Any]]:
    """Tokenise, and draw an order of rows whose numbers of choices have the shares wanted."""
    from pipeline.contract.choice import open_shards
    from pipeline.contract.order import Order

    real = [task for tasks in TASKS.values() for task in tasks]
    at_hand = raw_files(real, options.data)
    tokens = build_tokens(
        folder / "project", real if at_hand else SUITE, data=options.data,
        max_tokens=options.max_tokens, limits={"train": 400, "select": 50, "report": 50},
    )  # fmt: skip
    shards = open_shards(tokens / "train")
    counts = np.concatenate([shard.rows.counts for shard in shards.shards])
    rng = np.random.default_rng(SEED)
    pools = {size: np.flatnonzero(counts == size) for size in (2, 3, 4)}
    pools[5] = np.flatnonzero((counts >= 5) & (counts <= 8))
    pools = {size: rows for size, rows in pools.items() if len(rows)}
    shares = np.array([SHARES[size] for size in pools])
    sizes = rng.choice(list(pools), options.batch * (options.rounds + 1), p=shares / shares.sum())
    drawn = np.array([rng.choice(pools[size]) for size in sizes], dtype=np.uint32)
    order = Order(drawn, np.zeros(len(drawn), dtype=np.uint8), "")
    return shards, order, {"rows": "real" if at_hand else "suite", **described(shards, drawn)}


def described(shards: Any, drawn: np.ndarray) -> dict[str, Any]:
    """Return mean lengths and numbers of choices of the drawn rows."""
    rows = shards.gather(np.sort(drawn).astype(np.int64))
    counts = rows.counts
    row = np.repeat(np.arange(len(rows)), counts)
    sequences = 4 + rows.context.lengths[row] + rows.choices.lengths
    stems = 4 + rows.context.lengths + rows.question.lengths
    sizes = np.bincount(counts)
    return {
        "sequence_tokens": round(float(sequences.mean()), 1),
        "stem_tokens": round(float(stems.mean()), 1),
        "choices": {str(size): round(float(n / len(rows)), 3) for size, n in enumerate(sizes) if n},
    }


def sides_of(folder: Path, shards: Any, order: Any, options: argparse.Namespace) -> dict[str, Side]:
    from pipeline.base_model import model_folder

    """Return the contenders, set up as `view_of` does; (e) has a pooler in its head."""
    from pipeline.modeling.encoder import pretrained_encoder
    from pipeline.modeling.lookup import add_rows_only
    from pipeline.modeling.model import layer_weights, trained_parameters, with_heads
    from pipeline.modeling.prefixes import initialize_prefixes
    from pipeline.training.choice.batches import BatchPlan, rank_batch
    from pipeline.training.choice.compassmtl_layout import CompassMTLLayout, ending_tokens
    from pipeline.training.choice.exact_layouts import PaddedLayout
    from pipeline.training.choice.shared_context import SharedContextLayout
    from pipeline.training.grouping import overhead
    from pipeline.training.optimizer import FlatAdamW

    def built(head: str) -> tuple[Any, Any]:
        encoder, _ = pretrained_encoder(
            model_folder(MINILM, None), vocabulary=shards.vocabulary,
            max_tokens=options.max_tokens, dropout=0.1, seed=SEED,
        )  # fmt: skip
        model = with_heads(encoder, dropout=0.1, seed=SEED, scoring=head)
        initialize_prefixes(model.embeddings, shards.prefixes, init="shared", seed=SEED)
        add_rows_only(model.embeddings)
        parameters = trained_parameters(model, masked=False)
        return model.train(), FlatAdamW(parameters, weight_decay=0.01, clip=1.0)

    plain, shared, pooled = built("linear"), built("linear"), built("pooled")
    shared[0].compute_what_is_read()
    whole = BatchPlan(SEED, options.batch, UNBOUNDED, None, None, overhead=UNBOUNDED)
    cost = overhead("cpu", layer_weights(plain[0].encoder))
    budget = BatchPlan(SEED, options.batch, 8192, None, None, overhead=cost)
    tokenizer = folder / "project" / "data" / "bench" / "tokenizer"
    compass = CompassMTLLayout(ending_tokens(tokenizer), options.max_tokens)
    plans = {
        "a": replace(whole, layout=PaddedLayout()),
        "b": whole,
        "c": budget,
        "d": replace(budget, layout=SharedContextLayout("last_sep")),
        "e": replace(whole, layout=compass),
    }

    def batches(plan: Any, index: int) -> Any:
        return rank_batch(shards, order, plan, index)

    return {
        key: Side(plan, *{"d": shared, "e": pooled}.get(key, plain), batches)
        for key, plan in plans.items()
    }


def loss_and_gradients(model: Any, batch: Any) -> float:
    """Add the gradients of one global batch and return its loss."""
    import torch

    from pipeline.training.choice.objective import choice_losses

    total = 0.0
    for micro in batch.choice:
        loss = choice_losses(model, micro, torch.device("cpu")).loss_R.sum() / batch.rows
        loss.backward()
        total += loss.item()
    return total


def differences(sides: Mapping[str, Side]) -> dict[str, float]:
    """Return how far loss and gradient of (b) and (c) are from (a)'s, at most, on one batch."""
    found = {}
    for key in ("a", "b", "c"):
        side = sides[key]
        side.model.eval()
        side.optimizer.gradient.zero_()
        loss = loss_and_gradients(side.model, side.batches(side.plan, 0))
        found[key] = (loss, side.optimizer.gradient.clone())
        side.optimizer.gradient.zero_()
        side.model.train()
    loss, gradient = found["a"]
    assert float(gradient.abs().max()) > 100 * TOLERANCE, "there is nothing to compare"
    return {
        key: max(abs(found[key][0] - loss), float((found[key][1] - gradient).abs().max()))
        for key in ("b", "c")
    }


def bars(speeds: Mapping[str, Sequence[float]]) -> dict[str, Bar]:
    """Return the ratios with their bars."""
    return {
        f"{NAMES[key]} over {NAMES['e']}": (ratio(speeds, NAMES[key], NAMES["e"]), bar, ">=")
        for key, bar in (("c", 3.3), ("d", 7.5))
    }


def details(
    sides: Mapping[str, Side], speeds: Mapping[str, Sequence[float]], options: argparse.Namespace
) -> dict[str, Any]:
    """Return speeds, ratios to (a) and to (e), and the share of cells that hold tokens of choices."""
    table = {}
    for key, name in NAMES.items():
        tokens, cells = sides[key].cells
        if not speeds or not cells:
            continue
        table[name] = {
            "examples_per_second": round(float(np.median(speeds[name])), 2),
            "real_share": round(float(tokens / cells), 3),
            "cells_per_example": round(float(cells / (sides[key].calls * options.batch)), 1),
            "over_padded": round(ratio(speeds, name, NAMES["a"]), 2),
            "over_compass": round(ratio(speeds, name, NAMES["e"]), 2),
        }
        print(f"{name:28s} {table[name]}")
    keys = ("rounds", "batch", "max_tokens", "threads")
    return {"layouts": table, "timed": "wall time, rotating order, fp32, fused AdamW"} | {
        key: getattr(options, key) for key in keys
    }


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
