"""Stage `resolve`: all that people write, checked and split into what each stage needs.

Reads:   mixtures/NAME.yaml, mixtures/tasks/, mixtures/prompts/, mixtures/revisions.lock, params.yaml,
         `data_dir`, `prompts_dir`, and the code of the package
Writes:  data/NAME/settings/, data/NAME/sources/<task>.json, data/NAME/recipes/all/all.yaml,
         models/NAME/base/base.json, and into mixtures/revisions.lock the commit of each hub card that
         names none. Removes the examples of tasks that left the mixture, so that no later stage sees
         them.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pipeline.config.load import write_yaml
from pipeline.config.recipe import overridden
from pipeline.config.source import HubSource
from pipeline.config.task_card import TaskCard
from pipeline.layout import REVISIONS, Layout
from pipeline.project import read_project
from pipeline.publish import new_folder, stage_lock
from pipeline.resolution import Resolved, known_revisions, recorded_revisions, resolve_project


def main(arguments: Sequence[str]) -> None:
    """Resolve the active mixture."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "resolve"):
        project = read_project(name)
        for line in overridden(project.defaults, project.card.params):
            print(f"mixture '{name}' sets {line}")
        resolved = resolve_project(project, resolve_revisions(project.cards))
        publish(layout, resolved.files(project))
        remove_examples(layout, resolved)


def resolve_revisions(cards: Mapping[str, TaskCard]) -> dict[str, str]:
    """Return the commit of every hub task: its card's, the recorded one, or today's, now recorded."""
    from pipeline.sources.hub import resolve_revision

    result = known_revisions(cards)
    asked: dict[str, str] = {}
    for task, card in sorted(cards.items()):
        if isinstance(card.source, HubSource) and task not in result:
            if card.source.id not in asked:
                asked[card.source.id] = resolve_revision(card.source)
            result[task] = asked[card.source.id]
    if asked:
        comment = (
            "Commits of hub datasets whose cards name none. Delete a line to take a newer one."
        )
        known = dict(sorted((recorded_revisions() | asked).items()))
        write_yaml({"revisions": known}, REVISIONS, comment=comment)
    return result


def publish(layout: Layout, texts: Mapping[Path, str]) -> None:
    """Write the files of all output folders, each folder whole or not at all."""
    outputs = [
        layout.settings("x").parent,
        layout.source("x").parent,
        layout.recipe("all").parent,
        layout.base.parent,
        layout.checked.parent,
    ]
    with ExitStack() as folders:
        for output in outputs:
            temporary = folders.enter_context(new_folder(output))
            for path in _below(texts, output):
                target = temporary / path.relative_to(output)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(texts[path], encoding="utf-8")


def _below(paths: Iterable[Path], folder: Path) -> list[Path]:
    return [path for path in paths if path.is_relative_to(folder)]


def remove_examples(layout: Layout, resolved: Resolved) -> None:
    """Remove the examples of tasks that are no longer in the mixture."""
    examples = layout.examples("")
    for stale in sorted(examples.glob("*")) if examples.is_dir() else []:
        if stale.name not in resolved.sources and stale.is_dir():
            shutil.rmtree(stale)
