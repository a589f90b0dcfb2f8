"""The model card: README.md of the exported folder, with a code snippet that a test runs.

It holds no date and no path, so that equal trainings give equal cards.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.training.run import Run, TrainSettings

CARD = "README.md"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trained:
    """What a card says."""

    run: Run
    usage: str
    """`View.usage()`."""
    steps: int
    """Of the whole training."""
    mixture_sha256: str
    """Of tokens and order."""
    examples: Mapping[str, int]
    """Rows drawn from each task, repetitions included."""
    select: Mapping[str, Any]
    """Figures on the `select` rows, as select.json keeps them."""


def card(trained: Trained) -> str:
    """Return the text of the model card."""
    use = f"## Use\n\n{trained.usage}"
    parts = (_front(trained), _what(trained), use, _tasks(trained), _how(trained.run))
    return "\n\n".join(parts) + "\n"


def _front(trained: Trained) -> str:
    """Return the block that the hub reads."""
    source = base(trained.run)
    lines = ["---", "library_name: transformers", "tags: [multi-task, taskloom]"]
    lines += [f"base_model: {json.dumps(source)}"] if source and "/" in source else []
    return "\n".join([*lines, "---"])


def base(run: Run) -> str | None:
    """Return the name of the pretrained model that the weights come from, without a machine's paths.

    None for a model from random weights.
    """
    source = run.model.source
    if source == "small":
        return None
    return Path(source).name if source.startswith((".", "/")) else source.removeprefix("package:")


def _what(trained: Trained) -> str:
    run = trained.run
    macro, best = trained.select["accuracy_macro"], trained.select.get("step")
    which = "the last" if best is None else "the best on the `select` rows"
    return f"""# {run.name}: {run.which}

Trained by taskloom on {_trained_on(trained)}, each behind a prefix token of its own.

| | |
| --- | --- |
| starts from | {_start(run)} |
| mixture | `{run.name}`, pass `{run.which}`, seed {run.seed} |
| mixture hash | `{trained.mixture_sha256}` |
| examples drawn | {sum(trained.examples.values()):,} |
| steps | {trained.steps:,}; these weights are those after step {best or trained.steps:,}, {which} |
| macro accuracy on `select` rows | {"not known" if macro is None else f"{macro:.4f}"} |

The hash is over the token shards and the order: trainings with the same hash read the same rows in the
same order. `select` rows are cut from the training split; no figure here comes from test data."""


def _trained_on(trained: Trained) -> str:
    held_out = trained.run.held_out or ()
    words = f"{len(trained.examples) - len(held_out)} tasks"
    return f"{words} (and none of {len(held_out)} held out)" if held_out else words


def _start(run: Run) -> str:
    source = base(run)
    start = f"`{source}`" if source else "random weights"
    if source and run.model.revision:
        start += f" at revision `{run.model.revision}`"
    return start if run.init is None else f"{start}, by way of a first pass over `{run.name}`"


def _tasks(trained: Trained) -> str:
    """Return the table of tasks; the licence is that of the task's data."""
    licences, accuracy = trained.run.licences or {}, trained.select.get("accuracy", {})
    lines = [
        "## Tasks, and the licences of their data",
        "",
        "| task | examples drawn | accuracy on `select` | licence |",
        "| --- | ---: | ---: | --- |",
    ]
    for task, examples in sorted(trained.examples.items()):
        figure = f"{accuracy[task]:.4f}" if task in accuracy else ""
        drawn = "held out" if task in (trained.run.held_out or ()) else f"{examples:,}"
        lines.append(f"| {task} | {drawn} | {figure} | {licences.get(task) or UNKNOWN} |")
    return "\n".join(lines)


def _how(run: Run) -> str:
    train = run.train
    masked = f"; {_masking(train)}" if run.view == "choice" else ""
    return f"""## Training

{train.batch} rows a step; AdamW at a peak rate of {train.learning_rate:g}, rising over
{train.warmup:.0%} of the steps and then falling to 0; weight decay {train.weight_decay:g};
gradient clipped at {train.clip:g}; {train.precision}{masked}.

`run.json` holds every setting, `log.csv` the losses, `tasks.csv` the figures of each task in training,
`task_log.csv` the same over time, `prefixes.safetensors` the prefix embeddings before and after."""


def _masking(train: TrainSettings) -> str:
    mode = train.mask_prefix.replace("_", " ")
    share = f"{train.mlm_probability:.0%} of the tokens"
    return f"""choices laid out as `{train.layout}`; weight of the
masked-token loss {train.mlm_weight:g} at {share}, prefixes masked: {mode}"""
