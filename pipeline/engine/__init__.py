"""Runs one function over many named items: in parallel, in processes, and resumable."""
