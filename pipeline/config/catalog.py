"""The cards of a project: finding them by name, loading many, complaining about all at once."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.task_card import TaskCard
from pipeline.errors import ConfigError, PipelineError, unknown_name


def names(folder: Path) -> list[str]:
    """Return the names of the cards in `folder`, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_task(path: Path) -> TaskCard:
    """Load one task card.

    Raises:
        ConfigError: It breaks the model, or its `task` is not its file's name.
    """
    card = load(TaskCard, path)
    if card.task != path.stem:
        raise ConfigError(f"task: is '{card.task}'", where=str(path), expected=f"'{path.stem}'")
    return card


def load_tasks(folder: Path, wanted: Iterable[str], *, where: str) -> dict[str, TaskCard]:
    """Load the cards of the wanted tasks.

    Args:
        folder: Where task cards lie.
        wanted: Names of tasks.
        where: File that names them, for the message.

    Raises:
        ConfigError: Every unknown name and every broken card, one line each.
    """
    known = names(folder)
    cards: dict[str, TaskCard] = {}
    complaints: list[str] = []
    for task in sorted(wanted):
        if task not in known:
            what, remedy = unknown_name("task card", task, known)
            complaints.append(f"{where}: tasks.{task}: {what}; {remedy}")
            continue
        try:
            cards[task] = load_task(folder / f"{task}.yaml")
        except PipelineError as error:
            complaints.append(str(error))
    if complaints:
        raise ConfigError("\n".join(complaints))
    return cards


def check_view(mixture: MixtureCard, cards: dict[str, TaskCard], *, where: str) -> None:
    """Check that each task of a mixture fits its view.

    Raises:
        ConfigError: Naming every task without choices in a choice mixture.
    """
    complaints = [
        f"tasks.{task}: form '{cards[task].fields.form}' has no choices, which view 'choice' needs; "
        "take it out of this mixture"
        for task in sorted(mixture.tasks)
        if mixture.view == "choice" and not cards[task].fields.has_choices
    ]
    if complaints:
        raise ConfigError("; ".join(complaints), where=where)
