"""Draws for the tests of orders, and what is counted of an order."""

import hashlib
from fractions import Fraction

import numpy as np

from pipeline.contract.order import Draw


def draws(sizes, *, digits=4):
    """Tasks t0000, t0001, ... of these (rows, quota), rows one after the other."""
    result, start = [], 0
    for i, (rows, quota) in enumerate(sizes):
        result.append(Draw(task=f"t{i:0{digits}}", start=start, rows=rows, quota=quota))
        start += rows
    return result


def zipf(tasks, total):
    """Quotas that fall as 1 / rank and sum to `total`."""
    weights = 1 / np.arange(1, tasks + 1)
    quotas = np.maximum(np.floor(weights / weights.sum() * total).astype(int), 1)
    quotas[0] += total - quotas.sum()
    return quotas.tolist()


def arrays(table):
    return table.column("row").to_numpy(), table.column("epoch").to_numpy()


def digest(table):
    row, epoch = arrays(table)
    return hashlib.sha256(row.tobytes() + epoch.tobytes()).hexdigest()


def turns_of(draw, table):
    """One task's own rows and epochs in training order."""
    row, epoch = arrays(table)
    mine = (row >= draw.start) & (row < draw.start + draw.rows)
    return row[mine] - draw.start, epoch[mine]


def largest_lead(task_N, quotas):
    """The most rows, exactly, by which any task is off its share in any prefix."""
    total, counts, lead = sum(quotas), [0] * len(quotas), Fraction(0)
    for position, task in enumerate(task_N, 1):
        counts[task] += 1
        for count, quota in zip(counts, quotas, strict=True):
            lead = max(lead, abs(Fraction(quota * position, total) - count))
    return lead
