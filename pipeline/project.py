"""The one reader of a project: the cards, parameters and prompts of a mixture, with every rule.

Example: `read_project("demo")` gives the card of mixtures/demo.yaml, the cards of its tasks, params.yaml
with the card's overrides, and the prompts that its tasks name. If anything is wrong, the error has one
line for each fault. All commands and the stage `resolve` read a project here, so that they accept and
refuse the same projects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.config.catalog import check_view, load_tasks, names
from pipeline.config.load import load, read_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.recipe import merged, settings
from pipeline.config.settings import TaskPrompts
from pipeline.config.settings_file import Settings
from pipeline.config.task_card import TaskCard
from pipeline.config.task_prompts import load_task_prompts
from pipeline.errors import ArtefactError, ConfigError, PipelineError, unknown_name
from pipeline.layout import CARDS, MIXTURES, PARAMS, PROMPTS, WALK, Layout, check_name
from pipeline.relationships.rules import relationship_settings

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Project:
    """What people wrote of one mixture, read and checked.

    Attributes:
        card: The mixture.
        cards: Of its tasks, by name.
        params: params.yaml with the mixture's overrides.
        defaults: params.yaml without them.
        prompts: Of the tasks that are seen through more than the built-in format.
    """

    card: MixtureCard
    cards: Mapping[str, TaskCard]
    params: Params
    defaults: Params
    prompts: Mapping[str, TaskPrompts]

    @property
    def layout(self) -> Layout:
        """The mixture's paths."""
        return Layout(self.card.name)

    def settings(
        self,
        *,
        model_sha256: str | None = None,
        prompts: Mapping[str, TaskPrompts] | None = None,
    ) -> dict[str, Settings]:
        """Return each stage's settings by its name, without what only `resolve` knows.

        Args:
            model_sha256: Of a local model's tokenizer.
            prompts: With the hashes of their sources; left out, without.
        """
        found = self.prompts if prompts is None else prompts
        families = {task: card.family for task, card in self.cards.items()}
        return settings(
            self.card, self.cards, self.params, model_sha256=model_sha256, prompts=found
        ) | relationship_settings(self.card, self.params, families=families)


@dataclass(slots=True)
class Faults:
    """Errors that are collected, to be raised together."""

    lines: list[str] = field(default_factory=list)

    def caught(self, call: Callable[..., Result], *args: Any, **options: Any) -> Result | None:
        """Return what a call returns; if it raises, keep its words and return None."""
        try:
            return call(*args, **options)
        except PipelineError as error:
            self.lines += str(error).splitlines()
            return None

    def error(self) -> ConfigError:
        """Return one error with all lines, each once."""
        return ConfigError("\n".join(dict.fromkeys(self.lines)))


def read_project(name: str, *, root: Path = Path()) -> Project:
    """Read and check everything that people wrote of a mixture.

    Args:
        name: Of the mixture.
        root: Folder of the project.

    Raises:
        ConfigError: Something is wrong; one line and its remedy for each fault.
    """
    faults = Faults()
    where = str(root / MIXTURES / f"{name}.yaml")
    defaults = faults.caught(load, Params, root / PARAMS)
    card = faults.caught(load_mixture, name, root=root)
    if card is None:
        raise faults.error()
    cards = faults.caught(load_tasks, root / CARDS, card.tasks, where=where)
    if cards is not None:
        faults.caught(check_view, card, cards, where=where)
    params = prompts = None
    if defaults is not None:
        params = faults.caught(merged, defaults, card.params, where=where)
    if params is not None:
        prompts = faults.caught(load_task_prompts, card, params, root / PROMPTS, where=where)
    if cards is None or defaults is None or params is None or prompts is None:
        raise faults.error()
    project = Project(card, cards, params, defaults, prompts)
    # the rules between the card and the parameters
    faults.caught(project.settings)
    if faults.lines:
        raise faults.error()
    return project


def load_mixture(name: str, *, root: Path = Path()) -> MixtureCard:
    """Load a mixture's card by name.

    Raises:
        ConfigError: There is none of that name, or its `name` is not its file's.
    """
    folder = root / MIXTURES
    path = folder / f"{name}.yaml"
    if name not in names(folder):
        what, remedy = unknown_name("mixture", name, names(folder))
        raise ConfigError(what, where=str(folder), remedy=remedy)
    card = load(MixtureCard, path)
    if card.name != name:
        raise ConfigError(f"name: is '{card.name}'", where=str(path), expected=f"'{name}'")
    return card


def require_order(name: str, which: str) -> Path:
    """Return the folder of a training's order.

    Args:
        name: Of the mixture.
        which: The training.

    Raises:
        ConfigError: There is no such mixture, or it has no such training.
        ArtefactError: The order is not built.
    """
    trainings = load_mixture(name).trainings
    if which not in trainings:
        what, remedy = unknown_name("training", which, trainings)
        raise ConfigError(what, where=str(MIXTURES / f"{name}.yaml"), remedy=remedy)
    folder = Layout(name).mix(which)
    if not (folder / "manifest.json").exists():
        use = "" if active() == name else f"`taskloom use {name}`, then "
        raise ArtefactError(
            f"mixture '{name}' has no order of the training '{which}' yet",
            where=str(folder / "manifest.json"),
            remedy=f"run {use}`dvc repro`",
        )
    return folder


def active() -> str:
    """Return the name of the active mixture, which the `vars:` of dvc.yaml give.

    Raises:
        ConfigError: dvc.yaml is missing, or gives no name.
    """
    entries = read_yaml(WALK).get("vars") or [{}]
    first = entries[0] if isinstance(entries, list) else None
    name = first.get("name") if isinstance(first, dict) else None
    if not isinstance(name, str):
        raise ConfigError(
            "vars: does not give the name of a mixture first",
            where=str(WALK),
            expected="`- name: NAME`",
            remedy="run `taskloom use NAME`",
        )
    return check_name("mixture", name)
