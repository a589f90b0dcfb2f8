"""The task prefixes, in the one order that is stored: sorted by task.

Nothing may take the order of a set or of a card: the position in this list decides a prefix's
vocabulary id. Knows names only.
"""

from collections.abc import Iterable

from pipeline.schema import prefix_token


def prefixes(tasks: Iterable[str]) -> dict[str, str]:
    """Return each task's prefix token, tasks in name order, every name once."""
    return {task: prefix_token(task) for task in sorted(set(tasks))}
