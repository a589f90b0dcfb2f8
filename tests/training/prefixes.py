"""Reads the prefixes that a training leaves."""

import json

from safetensors import safe_open


def load_prefixes(folder):
    """Return the task names, the initial rows and the final ones."""
    with safe_open(folder / "prefixes.safetensors", framework="pt") as file:
        tasks = json.loads(file.metadata()["tasks"])
        return tasks, file.get_tensor("initial"), file.get_tensor("final")
