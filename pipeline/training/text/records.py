"""How many tokens of each task a training of the text view reads and learns to write.

A pure function of shards and order: the same whatever the packs, and the same that the plan says. Knows
no model.
"""

import csv
import io

import numpy as np

from pipeline.contract.order import Order
from pipeline.training.text.shards import TextShards

SUPERVISED = "supervised.csv"
COLUMNS = ("task", "examples", "supervised")


def supervised_csv(shards: TextShards, order: Order) -> str:
    """Return, for each task, its examples in the order and their supervised tokens, as CSV."""
    times = np.bincount(order.row, minlength=int(shards.starts[-1]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for shard in shards.shards:
        drawn = times[shard.start : shard.start + len(shard.rows)]
        supervised = int((drawn * (shard.rows.target.lengths + 1)).sum())
        writer.writerow([shard.task, int(drawn.sum()), supervised])
    return text.getvalue()
