"""PromptSource's `templates.yaml`: read and written; a checkout of the public pool is read as it is.

The format's tags (`!Template`, `!TemplateMetadata` and, in old files, `!TemplateAnswerChoicesKey`) are
read as plain mappings; any other tag is an error. The rules of YAML 1.1 hold.
"""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.config import safe_yaml
from pipeline.contract.files import whole_file
from pipeline.errors import ConfigError
from pipeline.templates.prompt import Prompt, PromptFile

FILE = "templates.yaml"
TAGS = ("!Template", "!TemplateMetadata", "!TemplateAnswerChoicesKey")

_METADATA = ("original_task", "choices_in_prompt", "metrics", "languages")
_FIELDS = ("answer_choices", "id", "jinja", "metadata", "name", "reference")


class _Template(dict[str, Any]):
    """Written with the tag `!Template`."""


class _Metadata(dict[str, Any]):
    """Written with the tag `!TemplateMetadata`."""


def prompt_files(folder: Path) -> Iterator[Path]:
    """Yield the files of prompts below a folder, in the order of their paths.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError("no such folder", where=str(folder), expected=f"{FILE} files below it")
    yield from sorted(folder.rglob(FILE))


def read_prompts(path: Path) -> PromptFile:
    """Read one file of prompts.

    Raises:
        ConfigError: It is not there, is no YAML, holds a foreign tag, or breaks the format.
    """
    where = str(path)
    value = _load(path)
    if not isinstance(value, dict) or not isinstance(value.get("templates"), dict):
        raise ConfigError("no mapping with a key 'templates'", where=where)
    dataset = _text(value, "dataset", where)
    subset = value.get("subset")
    if subset is not None and not isinstance(subset, str):
        subset = str(subset)
    prompts = [_prompt(key, item, where) for key, item in value["templates"].items()]
    return PromptFile(dataset, subset, tuple(prompts))


def _load(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8: {error.reason}", where=str(path)) from error
    return safe_yaml.parse(text, where=str(path), tags=TAGS, old=True)


def _prompt(key: object, value: Any, where: str) -> Prompt:
    where = f"{where}, {key}"
    if not isinstance(value, dict):
        raise ConfigError("is no mapping", where=where, expected=f"the keys {', '.join(_FIELDS)}")
    if value.get("id") != key:
        raise ConfigError(f"id: is '{value.get('id')}', but stands under another", where=where)
    metadata = value.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ConfigError("metadata: is no mapping", where=where)
    choices = value.get("answer_choices")
    return Prompt(
        id=_text(value, "id", where), name=_text(value, "name", where),
        jinja=_text(value, "jinja", where),
        answer_choices=None if choices is None else _text(value, "answer_choices", where),
        reference=str(value.get("reference") or ""),
        original_task=_flag(metadata, "original_task", where),
        choices_in_prompt=_flag(metadata, "choices_in_prompt", where),
        metrics=_names(metadata, "metrics", where), languages=_names(metadata, "languages", where),
        extra=_extra(value, metadata),
    )  # fmt: skip


def _extra(value: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
    """Return keys that the format does not know, those of the metadata after `metadata.`."""
    own = [(str(name), item) for name, item in value.items() if name not in _FIELDS]
    inner = [(f"metadata.{name}", item) for name, item in metadata.items() if name not in _METADATA]
    return (*own, *inner)


def _text(value: Mapping[str, Any], key: str, where: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise ConfigError(f"{key}: is {text!r}, not a text", where=where)
    return text


def _flag(value: Mapping[str, Any], key: str, where: str) -> bool | None:
    flag = value.get(key)
    if flag is not None and not isinstance(flag, bool):
        raise ConfigError(f"{key}: is {flag!r}", where=where, expected="true, false or null")
    return flag


def _names(value: Mapping[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    names = value.get(key)
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{key}: is {names!r}", where=where, expected="a list of texts")
    return tuple(names)


def write_prompts(file: PromptFile, path: Path) -> None:
    """Write prompts so that PromptSource reads what was read; keys sorted, prompts by id.

    Raises:
        ConfigError: Two prompts have one id, or an id is no UUID.
    """
    templates = {prompt.id: _written(prompt) for prompt in file.prompts}
    if len(templates) != len(file.prompts):
        raise ConfigError("two prompts have one id", where=str(path))
    for prompt in file.prompts:
        check_id(prompt, where=str(path))
    value: dict[str, Any] = {"dataset": file.dataset}
    if file.subset is not None:
        value["subset"] = file.subset
    value["templates"] = dict(sorted(templates.items()))
    written_as: dict[type, str] = {_Template: TAGS[0], _Metadata: TAGS[1]}
    body = safe_yaml.dump(value, tags=written_as, old=True)
    with whole_file(path) as temporary:
        temporary.write_text(body, encoding="utf-8")


def _written(prompt: Prompt) -> _Template:
    own = {name: item for name, item in prompt.extra if not name.startswith("metadata.")}
    inner = {name.removeprefix("metadata."): item for name, item in prompt.extra if name not in own}
    metadata = inner | {
        "original_task": prompt.original_task, "choices_in_prompt": prompt.choices_in_prompt,
        "metrics": _listed(prompt.metrics), "languages": _listed(prompt.languages),
    }  # fmt: skip
    whole = own | {
        "id": prompt.id, "name": prompt.name, "jinja": prompt.jinja,
        "answer_choices": prompt.answer_choices, "reference": prompt.reference,
        "metadata": _Metadata(sorted(metadata.items())),
    }  # fmt: skip
    return _Template(sorted(whole.items()))


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def check_id(prompt: Prompt, *, where: str) -> None:
    """Raise a `ConfigError` where a prompt's id is no UUID in its usual form."""
    try:
        valid = str(uuid.UUID(prompt.id)) == prompt.id
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(
            f"id: '{prompt.id}' is no UUID",
            where=f"{where}, '{prompt.name}'",
            remedy='make one: python -c "import uuid; print(uuid.uuid4())"',
        )
