"""Which prompts each task of a mixture is seen through: names of a card, looked up in files.

Own prompts lie beside the cards, `mixtures/prompts/<task>/templates.yaml`, and see examples. Prompts of
a *pool*, copied there under their dataset's name or in a checkout of the public pool, see raw records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.mixture import MixtureTask
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.prompt_file import FILE, read_prompts
from pipeline.config.settings import PromptText, TaskPrompts
from pipeline.config.strict import PLAIN
from pipeline.errors import ConfigError, PipelineError, unknown_name
from pipeline.templates.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Known:
    """The prompts that a task could be seen through.

    Attributes:
        own: The task's own, which see examples.
        pool: Those of its pool's dataset, which see raw records.
        where: Files that they come from, for errors.
    """

    own: tuple[Prompt, ...]
    pool: tuple[Prompt, ...]
    where: str

    @property
    def texts(self) -> list[PromptText]:
        """All of them, own ones first, each in its file's order."""
        pairs = [*(("example", p) for p in self.own), *(("record", p) for p in self.pool)]
        return [_text(prompt, sees) for sees, prompt in pairs]


def _text(prompt: Prompt, sees: str) -> PromptText:
    return PromptText.model_validate(
        {
            "id": prompt.id, "name": prompt.name, "jinja": prompt.jinja,
            "answer_choices": prompt.answer_choices, "sees": sees,
        }
    )  # fmt: skip


def load_task_prompts(
    card: MixtureCard, params: Params, folder: Path, *, where: str
) -> dict[str, TaskPrompts]:
    """Return the prompts of each task that a mixture sees through more than the built-in format.

    Args:
        card: The mixture.
        params: With the folder of the pool.
        folder: The project's prompts.
        where: File of the mixture, for errors.

    Raises:
        ConfigError: Every prompt that is not there, and every broken file, one line each.
    """
    result: dict[str, TaskPrompts] = {}
    complaints: list[str] = []
    for task, entry in sorted(card.tasks.items()):
        if card.view != "text" or _is_plain(entry):
            continue
        try:
            known = known_prompts(task, entry.pool, folder, Path(params.prompts_dir))
            chosen = choose(entry, known, where=f"{where}: tasks.{task}.prompts")
            result[task] = TaskPrompts(prompts=tuple(chosen), draw=entry.draw or card.draw)
        except PipelineError as error:
            complaints.append(str(error))
    if complaints:
        raise ConfigError("\n".join(complaints))
    return result


def _is_plain(entry: MixtureTask) -> bool:
    return entry.prompts == PLAIN or (entry.prompts is None and entry.pool is None)


def known_prompts(task: str, pool: str | None, folder: Path, prompts_dir: Path) -> Known:
    """Read the prompts that a task could be seen through.

    Args:
        task: Name of the task.
        pool: Dataset of the pool; None where the task has none.
        folder: The project's prompts.
        prompts_dir: Where a pool's datasets lie, if not there.

    Raises:
        ConfigError: A file is broken, or names another dataset than its folder; or the pool's is missing.
    """
    path = folder / task / FILE
    own = _own(path, task) if path.exists() else ()
    if pool is None:
        return Known(own, (), str(path))
    pooled = pool_file(pool, folder, prompts_dir)
    return Known(own, read_prompts(pooled).prompts, f"{path} and {pooled}" if own else str(pooled))


def pool_file(pool: str, folder: Path, prompts_dir: Path) -> Path:
    """Return the file of a pool's dataset, in the pool or else in the project.

    Raises:
        ConfigError: It is in neither, or its name leads out of them.
    """
    places = list(dict.fromkeys((prompts_dir, folder)))
    for place in places:
        path = place / pool / FILE
        if not path.resolve().is_relative_to(place.resolve()):
            raise ConfigError(f"pool: '{pool}' leads out of {place}", where="a mixture's tasks")
        if path.exists():
            return path
    known = [
        path.parent.relative_to(place).as_posix() for place in places for path in place.rglob(FILE)
    ]
    what, remedy = unknown_name("dataset of prompts", pool, known)
    raise ConfigError(
        what, where=" and ".join(map(str, places)),
        remedy=f"{remedy} `prompts_dir` in params.yaml says where a checkout of the pool lies",
    )  # fmt: skip


def _own(path: Path, task: str) -> tuple[Prompt, ...]:
    file = read_prompts(path)
    if file.name != task:
        raise ConfigError(f"dataset: is '{file.name}'", where=str(path), expected=f"'{task}'")
    return file.prompts


def choose(entry: MixtureTask, known: Known, *, where: str) -> list[PromptText]:
    """Return the prompts that a mixture names, in its order.

    Raises:
        ConfigError: One is not there, a name is that of several, or none is left.
    """
    texts = known.texts
    wanted = entry.prompts or "all"
    if isinstance(wanted, str):
        original = {prompt.id for prompt in (*known.own, *known.pool) if prompt.original_task}
        chosen = [text for text in texts if wanted == "all" or text.id in original]
        if not chosen:
            kind = "prompts" if wanted == "all" else "prompts of the original task"
            raise ConfigError(
                f"there are no {kind}", where=where, expected=f"some in {known.where}"
            )
        return chosen
    named = [_named(name, texts, known.where, where=where) for name in wanted]
    if isinstance(wanted, Mapping):
        weights = wanted.values()
        named = [
            text.model_copy(update={"weight": weight})
            for text, weight in zip(named, weights, strict=True)
        ]
    ids = [text.id for text in named]
    twice = next((text for text in named if ids.count(text.id) > 1), None)
    if twice is not None:
        raise ConfigError(f"'{twice.name}' is named twice, once by its id", where=where)
    return named


def _named(name: str, texts: Sequence[PromptText], place: str, *, where: str) -> PromptText:
    if name == PLAIN:
        return PromptText(id=PLAIN, name=PLAIN)

    found = [text for text in texts if name in (text.id, text.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"{len(found)} prompts are named '{name}'", where=where,
            remedy=f"name one by its id: {', '.join(text.id for text in found)}",
        )  # fmt: skip
    what, remedy = unknown_name("prompt", name, [text.name for text in texts])
    raise ConfigError(f"{what} in {place}", where=where, remedy=remedy)
