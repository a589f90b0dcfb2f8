"""`taskloom check`: validate every card, every mixture and params.yaml; all errors at once."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from pipeline.commands.use import active, load_mixture
from pipeline.config.catalog import check_view, load_task, load_tasks, names
from pipeline.config.load import load
from pipeline.config.params import Params
from pipeline.config.recipe import merged, settings
from pipeline.config.task_card import TaskCard
from pipeline.config.task_prompts import load_task_prompts
from pipeline.errors import ConfigError, PipelineError
from pipeline.layout import CARDS, MIXTURES, PARAMS, PROMPTS


def main(arguments: Sequence[str]) -> None:
    """Check everything that people write, and print how much of it there is.

    Raises:
        ConfigError: With one line for each thing that is wrong.
    """
    parser = argparse.ArgumentParser(prog="taskloom check", description=__doc__)
    parser.add_argument(
        "--files", action="store_true", help="also look for the raw files of the active mixture"
    )
    options = parser.parse_args(arguments)
    complaints = all_complaints()
    if options.files:
        complaints += file_complaints()
    if complaints:
        raise ConfigError("\n".join(dict.fromkeys(complaints)))
    print(f"{len(names(CARDS))} task cards, {len(names(MIXTURES))} mixtures and {PARAMS}: all good")


def all_complaints() -> list[str]:
    """Return one message for each broken card, mixture or parameter."""
    complaints = _complaints(partial(load_task, CARDS / f"{task}.yaml") for task in names(CARDS))
    parameters = _complaints([partial(load, Params, PARAMS)])
    mixtures = _complaints(
        partial(check_mixture, name, parameters_ok=not parameters) for name in names(MIXTURES)
    )
    # a broken card is named again by each mixture that holds it: once is enough
    lines = [line for message in mixtures for line in message.splitlines()]
    told = {line for message in complaints for line in message.splitlines()}
    return [*complaints, *parameters, *(line for line in lines if line not in told)]


def check_mixture(name: str, *, parameters_ok: bool = True) -> dict[str, TaskCard]:
    """Check one mixture with its tasks' cards and its overrides; return the cards.

    Raises:
        PipelineError: Whatever is wrong with it.
    """
    where = str(MIXTURES / f"{name}.yaml")
    mixture = load_mixture(name)
    cards = load_tasks(CARDS, mixture.tasks, where=where)
    check_view(mixture, cards, where=where)
    if parameters_ok:
        params = merged(load(Params, PARAMS), mixture.params, where=where)
        prompts = load_task_prompts(mixture, params, PROMPTS, where=where)
        # rules between the card and the parameters
        settings(mixture, cards, params, model_sha256=None, prompts=prompts)
    return cards


def file_complaints() -> list[str]:
    """Return one message for each task of the active mixture whose raw files are missing."""
    from pipeline.sources.dispatch import source_files

    mixture = load_mixture(active())
    params = merged(load(Params, PARAMS), mixture.params, where=str(MIXTURES))
    cards = load_tasks(CARDS, mixture.tasks, where=str(MIXTURES))
    data_dir = Path(params.data_dir)
    return _complaints(partial(source_files, card, data_dir=data_dir) for card in cards.values())


def _complaints(calls: Iterable[Callable[[], object]]) -> list[str]:
    """Return the words of each error that a call raises."""
    messages = []
    for call in calls:
        try:
            call()
        except PipelineError as error:
            messages.append(str(error))
    return messages
