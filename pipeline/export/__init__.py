"""A mixture in training order as files that other tools read: Parquet, a `datasets` folder, JSONL.

Memory is bounded. An export that was killed continues, and ends with the same bytes.
"""
