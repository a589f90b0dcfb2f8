"""Tokens of the choice view: the columns of a shard, and what a sequence holds beside them."""

import pyarrow as pa

from pipeline.contract.shards import IDS, lists_of

VIEW = "choice"

FRAME = 4
"""Tokens of a sequence beside its two texts: `[CLS] prefix first [SEP] second [SEP]`."""

CHOICE_SHARD = pa.schema(
    [
        pa.field("context", IDS, nullable=False),
        pa.field("question", IDS, nullable=False),
        pa.field("choices", lists_of(IDS), nullable=False),
        pa.field("label", pa.int32()),  # gold choice; null = hidden, or several may be gold
        pa.field("labels", IDS),  # gold set of multi-label rows, else null
        pa.field("row", pa.uint32(), nullable=False),  # of `curated/<task>/<role>.parquet`
    ],
    metadata={"schema": "taskloom.tokens", "version": "1"},
)
