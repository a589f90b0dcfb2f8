"""Benchmarks: each script prints its figures beside a peer's, and JSON on its last line."""
