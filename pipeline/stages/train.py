"""Stage `train`: from an order to a trained model, in processes of their own.

Reads:   data/NAME/settings/train/<training>.json, data/NAME/mixes/<training>,
         data/NAME/tokens/{train,select}, data/NAME/tokenizer, and the model that it starts from
Writes:  models/NAME/<training>. While it runs, checkpoints lie in models/NAME/.resume-<training>; a
         run that was killed goes on from there, and one of other settings clears them first.

torch is never imported here: the trainer is started as `python -m pipeline.training`, under torchrun
where there are several processes (`TASKLOOM_PROCESSES`, or one for each visible GPU).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.base_model import model_folder
from pipeline.config.mixture_card import BASE
from pipeline.config.params import TextParams
from pipeline.config.settings import TrainSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.errors import ConfigError
from pipeline.layout import Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.stages.processes import run_trainer

PROCESSES = "TASKLOOM_PROCESSES"
TRACK = "TASKLOOM_TRACK"
"""`dvclive` makes the trainer log to models/NAME/.live-<training> too."""


def main(arguments: Sequence[str]) -> None:
    """Train one training of a mixture."""
    name, which = arguments
    layout = Layout(name)
    with stage_lock(layout.data, f"train.{which}"):
        settings = read(TrainSettings, layout.settings(f"train/{which}"))
        with new_folder(layout.model(which)) as out:
            run = run_json(layout, settings, which, out)
            resume = layout.resume(which)
            clear_foreign(resume, run)
            write_json(run, resume / "run.json")
            run_trainer(resume / "run.json", processes=processes())
        shutil.rmtree(resume)


def run_json(layout: Layout, settings: TrainSettings, which: str, out: Path) -> dict[str, Any]:
    """Return all that the trainer is told.

    Raises:
        TrainingError: The model that the settings name cannot be had.
    """
    begins = settings.start == BASE
    folder = model_folder(settings.model.source, settings.model.revision) if begins else None
    tracker = os.environ.get(TRACK)
    live = str(layout.model(which).with_name(f".live-{which}"))
    return {
        "version": 1,
        "name": layout.name,
        "which": which,
        "kind": settings.kind,
        "seed": settings.seed,
        "tokens": {role: str(layout.tokens(role)) for role in ("train", "select")},
        "mix": str(layout.mix(which)),
        "tokenizer": str(layout.tokenizer),
        "model": settings.model.model_dump(mode="json"),
        "model_path": None if folder is None else str(folder),
        "init": None if begins else str(layout.model(settings.start)),
        "train": settings.train.model_dump(mode="json"),
        **text_run(settings.text),
        **({"held_out": list(settings.held_out)} if settings.held_out else {}),
        "licences": settings.licences,
        "out": str(out),
        "resume": str(layout.resume(which)),
        "track": {"kind": tracker, "folder": live} if tracker else None,
    }


def text_run(text: TextParams | None) -> dict[str, Any]:
    """Return what run.json says of the text view; nothing in the choice view."""
    if text is None:
        return {}
    kept = {"model", "attention", "score", "pack_tokens", "pack_window"}
    return {"view": "text", "text": text.model_dump(mode="json", include=kept)}


def clear_foreign(resume: Path, run: dict[str, Any]) -> None:
    """Delete checkpoints that another recipe left behind, and say so.

    The trainer itself refuses them; under DVC the settings are what a person last wrote, so that the
    checkpoints of a killed run with other settings are of no use.
    """
    from pipeline.training.fingerprint import differences, fingerprint

    newest = sorted(resume.glob("step-*"))[-1:]
    if not newest:
        return
    try:
        state = json.loads((newest[0] / "state.json").read_text(encoding="utf-8"))
        there = state["fingerprint"]
        foreign = differences(there, fingerprint(run))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        foreign = ["it cannot be read"]
    if foreign:
        print(
            f"train: clears the checkpoint {newest[0]} of another recipe ({foreign[0]})",
            file=sys.stderr,
        )
        shutil.rmtree(resume)


def processes() -> int:
    """Return how many trainer processes to start.

    Raises:
        ConfigError: The environment asks for something that is no number of processes.
    """
    wanted = os.environ.get(PROCESSES)
    if wanted is None:
        return max(1, usable_gpus())
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ConfigError(
            f"{PROCESSES}: is '{wanted}'", where="environment", expected="a number from 1 up"
        )
    return int(wanted)


def usable_gpus() -> int:
    """Return the number of GPUs that the trainer would use; it is asked only where there are any."""
    if not list(Path("/dev").glob("nvidia[0-9]*")):
        return 0
    command = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True
    )
    return int(done.stdout)
