"""Tokens of the text view: the columns of a shard, and what is read of a row beside them."""

import pyarrow as pa

from pipeline.contract.shards import IDS, lists_of

VIEW = "text"

SUPERVISED_EXTRAS = 1
"""The end of the text: a token that the loss is taken of, beside the target's."""

TEXT_SHARD = pa.schema(
    [
        pa.field("input", IDS, nullable=False),
        pa.field("target", IDS, nullable=False),  # without the end; empty where hidden
        pa.field("options", lists_of(IDS), nullable=False),
        pa.field("label", pa.int32()),  # gold option; null = hidden, or there are none
        pa.field("row", pa.uint32(), nullable=False),  # of `curated/<task>/<role>.parquet`
        pa.field("prompt", pa.uint16(), nullable=False),  # index into the manifest's prompts
    ],
    metadata={"schema": "taskloom.tokens.text", "version": "1"},
)
