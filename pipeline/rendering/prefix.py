"""The task prefixes in the sequence in which they are stored: by name of the task.

The position in this sequence decides a prefix's vocabulary id.
"""

from collections.abc import Iterable

from pipeline.schema import prefix_token


def prefixes(tasks: Iterable[str]) -> dict[str, str]:
    """Return each task's prefix token, tasks in name order, every name once."""
    return {task: prefix_token(task) for task in sorted(set(tasks))}
