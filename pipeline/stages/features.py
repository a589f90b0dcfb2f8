"""Stage `features`: an encoder's states of every choice, which some scorers and Tailor's race work on.

Reads:   data/NAME/settings/features.json, data/NAME/tokens/{train,select}; models/NAME/compass, where
         the mixture starts from random weights or `prefix_state` is asked for, and its pretrained encoder
Writes:  data/NAME/features/{train,select}/<task>.safetensors, where `prefix_state` is asked for
         prefix_states.safetensors, and manifest.json; where nothing needs features, manifest.json
         alone, which says so. While it runs, in data/NAME/.resume-features.

Features stand for the encoder afterwards: a small model on them trains in a second, where the encoder
would take minutes. A file of the same tokens, rows and encoder is kept, so that a stopped run goes on
where it was, and a compass model that was trained again costs a pretrained encoder nothing. Rows for
reporting have no features: nothing that scores or selects may see them.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from pipeline.base_model import model_folder
from pipeline.code_identity import code_of
from pipeline.config.settings import FeatureSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.errors import ArtefactError
from pipeline.layout import COMPASS, Layout
from pipeline.publish import new_folder, stage_lock

ROLES = ("train", "select")
STATES = "prefix_states"


def main(arguments: Sequence[str]) -> None:
    """Write the features of a mixture's tasks, where something needs them."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "features"):
        settings = read(FeatureSettings, layout.settings("features"))
        if settings.why_none:
            print(f"no features: {settings.why_none}")
            with new_folder(layout.features) as folder:
                write_json({"version": 1, "why_none": settings.why_none}, folder / "manifest.json")
            return
        resume = layout.data / ".resume-features"
        files = [f"{role}/{task}" for role in _roles(settings) for task in settings.tasks]
        if settings.state_rows:
            files.append(STATES)
        keep_files(layout.features, resume, files)
        make(layout, resume, settings)
        with new_folder(layout.features) as folder:
            for file in files:
                _file(folder, file).parent.mkdir(exist_ok=True)
                os.replace(_file(resume, file), _file(folder, file))
            write_json(manifest(settings), folder / "manifest.json")
        shutil.rmtree(resume)


def make(layout: Layout, folder: Path, settings: FeatureSettings) -> None:
    """Bring a folder up to date: features of every role, and the states at the prefixes."""
    if settings.rows:
        encoder = encoder_folder(layout, settings)
        print(f"encoder: {encoder}")
        for role in ROLES:
            encode(
                layout.tokens(role), encoder, folder / role,
                tasks=settings.tasks, rows=settings.rows, threads=settings.threads,
            )  # fmt: skip
    if settings.state_rows:
        read_prefixes_in_place(layout, _file(folder, STATES), settings)


def manifest(settings: FeatureSettings) -> dict[str, object]:
    """Return what manifest.json says of features that were made."""
    return {
        "version": 1,
        "why_none": None,
        "encoder": settings.source if settings.source != "small" else COMPASS,
        "revision": settings.revision,
        "rows": settings.rows,
        "state_rows": settings.state_rows,
        "roles": list(_roles(settings)),
        "tasks": list(settings.tasks),
    }


def encoder_folder(layout: Layout, settings: FeatureSettings) -> Path:
    """Return the folder of the encoder: the pretrained one, or the compass model's.

    Raises:
        ArtefactError: The mixture starts from random weights, and there is no trained model yet.
        PipelineError: The pretrained encoder cannot be had.
    """
    folder = model_folder(settings.source, settings.revision)
    return compass_folder(layout) if folder is None else folder


def compass_folder(layout: Layout) -> Path:
    """Return the folder of the compass model.

    Raises:
        ArtefactError: There is none yet.
    """
    folder = layout.model(COMPASS)
    if not (folder / "config.json").is_file():
        raise ArtefactError(
            "there is no trained model to take the encoder from",
            where=str(folder),
            remedy="run `dvc repro train`",
        )
    return folder


def keep_files(before: Path, folder: Path, files: Sequence[str]) -> None:
    """Copy an earlier run's files into a folder, unless a stopped run left its own there."""
    for file in files:
        old, new = _file(before, file), _file(folder, file)
        new.parent.mkdir(parents=True, exist_ok=True)
        if old.is_file() and not new.is_file():
            shutil.copyfile(old, new)


def encode(
    tokens: Path, encoder: Path, folder: Path, *, tasks: Sequence[str], rows: int, threads: int
) -> None:
    """Bring a folder of features up to date; how many sequences that takes is printed before.

    Args:
        tokens: Of one role.
        encoder: Folder of the encoder.
        folder: Of the features.
        tasks: Whose rows.
        rows: Most rows of a task.
        threads: CPU threads.
    """
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.choice.features import count_sequences, write_features

    counts = count_sequences(tokens, rows=rows, tasks=frozenset(tasks))
    total, role = sum(counts.values()), tokens.name
    print(f"{role}: {total:,} sequences of {len(counts)} tasks", flush=True)
    made = write_features(
        encoder, tokens, folder,
        rows=rows, code=features_code(), tasks=frozenset(tasks), threads=threads,
    )  # fmt: skip
    with tqdm(total=total, desc=role, unit="seq", delay=2, leave=False) as bar:
        for task in made:
            bar.update(counts[task])


def features_code() -> str:
    """Return one SHA-256 over the code that gives features and states at prefixes."""
    modules = ("features", "prefix_states")
    digests = code_of([f"pipeline.training.choice.{name}" for name in modules])
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def read_prefixes_in_place(layout: Layout, path: Path, settings: FeatureSettings) -> None:
    """Bring the states at the tasks' prefixes up to date, in the trained model and in its start.

    Raises:
        ArtefactError: There is no trained model, or it is of another mixture.
        PipelineError: The pretrained encoder cannot be had.
    """
    from pipeline.training.launch import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from pipeline.training.choice.prefix_states import write_prefix_states

    print(f"prefixes: in front of {settings.state_rows} train rows a task", flush=True)
    write_prefix_states(
        compass_folder(layout),
        layout.tokens("train"),
        path,
        tasks=settings.tasks,
        rows=settings.state_rows,
        code=features_code(),
        base=model_folder(settings.source, settings.revision),
        threads=settings.threads,
    )


def _roles(settings: FeatureSettings) -> tuple[str, ...]:
    return ROLES if settings.rows else ()


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"
