"""The files beside the shards of a `datasets` folder: its card, and what `load_from_disk` reads.

`datasets.load_dataset(FOLDER)` follows the `configs` of the card. `datasets.load_from_disk(FOLDER)`
reads the same Arrow files in place.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.export.formats import COLUMNS
from pipeline.export.request import Request, Shard, Source

_MEANING = {
    "position": "place in the training order, from 0",
    "task": "name of the task",
    "row": "row of the task's curated train rows",
    "epoch": "how often this row came before",
    "example_id": "task/split/row of the source",
    "prefix": "token that names the task",
    "context": "text that the question is about; may be empty",
    "question": "may be empty; may hold a blank",
    "choices": "texts to choose from",
    "label": "index of the gold choice; null where hidden or where several are gold",
    "labels": "indices of the gold choices of a multi-label row, else null",
    "prompt": "what made the input",
    "input": "what a language model reads",
    "target": "text of the gold choice; null where hidden",
}


def side_files(request: Request, shards: Sequence[Shard], digest: str) -> dict[str, str]:
    """Return path -> text of the files that make shards a `datasets` folder.

    Args:
        request: The export.
        shards: Its files, below `train/`.
        digest: Hash of the mixture.
    """
    files = [{"filename": shard.file.removeprefix("train/")} for shard in shards]
    state: dict[str, Any] = {
        "_data_files": files,
        "_fingerprint": digest[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": "train",
    }
    return {
        "README.md": readme(request, digest),
        "dataset_dict.json": _json({"splits": ["train"]}),
        "train/dataset_info.json": _json({"description": f"mixture {request.name}"}),
        "train/state.json": _json(state),
    }


def readme(request: Request, digest: str) -> str:
    """Return the dataset card: what it is, its columns, and each task's licence."""
    head = {
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "train/*.arrow"}]}
        ]
    }
    # JSON is YAML, and quotes whatever a name may hold
    lines = [
        "---",
        f"configs: {json.dumps(head['configs'])}",
        "---",
        "",
        f"# Mixture {request.name} ({request.which})",
        "",
        f"{request.positions:,} rows of {len(request.draws)} tasks, in training order.",
        "",
        f"- mixture sha256: `{digest}`",
        f"- order: `{request.algorithm}`, sha256 `{request.order_sha256}`",
        "- files and their hashes: `manifest.json`",
        "",
        "| column | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {_MEANING[name]} |" for name in COLUMNS[request.view].names),
        "",
        "Each task keeps the licence of its source:",
        "",
        "| task | rows drawn | licence | source |",
        "| --- | --- | --- | --- |",
        *(_line(draw.task, draw.quota, request.sources) for draw in request.draws),
    ]
    return "\n".join([*lines, *_citations(request)]) + "\n"


def _line(task: str, quota: int, sources: Mapping[str, Source]) -> str:
    source = sources[task]
    place = source.homepage + (f" at {source.revision}" if source.revision else "")
    return f"| {task} | {quota:,} | {_cell(source.licence)} | {_cell(place)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _citations(request: Request) -> list[str]:
    cited = [(draw.task, request.sources[draw.task].citation.strip()) for draw in request.draws]
    given = [line for task, text in cited if text for line in ("", f"{task}:", "", _quoted(text))]
    return ["", "## Citations", *given] if given else []


def _quoted(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
