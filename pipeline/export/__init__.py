"""A mixture in training order as files that other tools read: Parquet, a `datasets` folder, JSONL.

Streams with bounded memory and goes on where it was killed, to the same bytes. Reads orders and rendered
text; must not know stages, cards or where a project keeps its files.
"""
