"""The thin trainer: from token shards and an order to a checkpoint.

Reads run.json and what it names, nothing else of the pipeline.
"""
