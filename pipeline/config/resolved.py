"""A task's source, resolved: its card and all else that its examples depend on."""

from pipeline.config.settings_file import Settings
from pipeline.config.task_card import TaskCard


class NormalizeSource(Settings):
    """`sources/<task>.json`: one card and all that its examples depend on."""

    card: TaskCard
    data_dir: str
    files: dict[str, str]
    """SHA-256 of every raw file, by path relative to `data_dir`; empty for hub and suite."""
    revision: str | None
    """Commit on the hub."""
