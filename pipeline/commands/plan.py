"""`taskloom plan`: what a mixture will hold, in rows, epochs, tokens, disk and time.

Exact where the mixture's tokens exist and were made from the present cards and parameters: a new weight
needs no run to be planned. Otherwise an estimate, and labelled so.
"""

import argparse
from collections.abc import Sequence

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import ModelParams
from pipeline.contract.files import read_json
from pipeline.mixing.estimate import training_seconds
from pipeline.mixing.plan import Plan, from_json
from pipeline.mixing.table import (
    UNKNOWN,
    count,
    duration,
    plan_tables,
    sampling_line,
    size,
    text_table,
)
from pipeline.planning import (
    estimated_plan,
    guesses,
    plan_exactly,
    tokens_are_current,
    unknown_sizes,
)
from pipeline.project import Project, active, read_project


def main(arguments: Sequence[str]) -> None:
    """Print the plan of a mixture, of the active one by default.

    Raises:
        PipelineError: A card or params.yaml is wrong, or the mixture cannot be drawn.
    """
    parser = argparse.ArgumentParser(prog="taskloom plan", description=__doc__)
    parser.add_argument("name", nargs="?", help="a mixture; left out, the active one")
    project = read_project(parser.parse_args(arguments).name or active())
    lines = exact_lines if tokens_are_current(project) else estimate_lines
    print("\n".join(lines(project)))


def exact_lines(project: Project) -> list[str]:
    """Word the exact plan, and that of the tailored mixture where it exists and is current."""
    plan, card = plan_exactly(project), project.card
    lines = [f"mixture '{plan.name}', exact", "", plan_tables(plan), ""]
    lines += [sampling_line(card.sampling), *notes(plan, card), *outlook(plan, project)]
    for training, entry in card.trainings.items():
        path = project.layout.plan(training)
        if entry.recipe == "all" or not path.exists():
            continue
        other = from_json(read_json(path), where=str(path))
        if other.tokens_sha256 == plan.tokens_sha256:
            title = f"training '{training}' for '{card.tailor.target}', exact as of the last run"
            lines += ["", title, "", plan_tables(other), "", *outlook(other, project)]
    return lines


def estimate_lines(project: Project) -> list[str]:
    """Word the estimate, or as much as is known where some sizes are not."""
    known = guesses(project)
    title = f"mixture '{project.card.name}', ESTIMATE: its tokens do not exist or are out of date"
    unknown = unknown_sizes(project, known)
    if unknown:
        body = [(task, count(found.rows)) for task, found in known.items()]
        tasks, them = ("tasks", "them") if len(unknown) > 1 else ("task", "it")
        note = f"{len(unknown)} {tasks} of unknown size; `taskloom data` normalizes {them}"
        return [title, "", text_table(("task", "train rows"), body), "", note]
    plan = estimated_plan(project, known)
    lines = [title, "", plan_tables(plan), "", sampling_line(project.card.sampling)]
    return [*lines, *notes(plan, project.card), *outlook(plan, project)]


def notes(plan: Plan, card: MixtureCard) -> list[str]:
    """Word what a plan's figures do not show by themselves."""
    lines = [f"'{gone}' has the content of '{kept}' and left" for gone, kept in plan.merged.items()]
    if card.held_out:
        lines.append(f"held out, and never drawn: {', '.join(card.held_out)}")
    if card.sampling.stop == "endless":
        lines.append(f"the mixture has no end; its first {count(plan.positions)} rows are built")
    limit = card.sampling.max_epochs
    over = [task.task for task in plan.tasks if limit and task.quota > limit * task.rows]
    if over and card.sampling.strategy == "unimax":
        lines.append(
            f"the budget is beyond {limit:g} epochs of all tasks together, so that "
            f"{len(over)} of them are repeated more often"
        )
    return lines


def outlook(plan: Plan, project: Project) -> list[str]:
    """Word what a plan costs: steps, disk, and roughly the time of training."""
    train = project.params.train
    encoder = encoder_size(project.params.model)
    seconds = None
    if plan.tokens is not None and encoder is not None:
        layers, width = encoder
        seconds = training_seconds(
            plan.tokens, layers=layers, width=width, threads=train.threads, mlm=train.mlm_weight > 0
        )
    return [
        f"{count(plan.positions)} rows in order {plan.order}: {steps(plan, project)}",
        f"disk: {size(plan.disk_bytes)} of tokens and order",
        f"time: roughly {duration(seconds)} of training on {train.threads} CPU threads",
    ]


def steps(plan: Plan, project: Project) -> str:
    """Word the optimiser steps of a training; rough where rows are packed, which the stage `mix` does."""
    batch, text = project.params.train.batch, project.params.text
    if project.card.view == "text" and text.model == "causal" and text.pack_tokens:
        lines = None if plan.tokens is None else -(-plan.tokens // text.pack_tokens)
        known = UNKNOWN if lines is None else count(-(-lines // batch))
        return f"about {known} steps of {batch} packed lines"
    return f"{count(-(-plan.positions // batch))} steps of {batch} rows"


def encoder_size(model: ModelParams) -> tuple[int, int] | None:
    """Return layers and width of the encoder; null where only a hub could tell."""
    if model.source == "small":
        return model.layers, model.width
    if not model.source.startswith(("package:", ".", "/")):
        return None
    from pipeline.base_model import model_folder

    folder = model_folder(model.source, model.revision)
    config = read_json(folder / "config.json") if folder else {}
    layers, width = config.get("num_hidden_layers"), config.get("hidden_size")
    return (int(layers), int(width)) if layers and width else None
