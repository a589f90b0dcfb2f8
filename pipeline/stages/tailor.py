"""Stage `tailor`: the complements of the target, how many rows of each, and why.

Reads:   data/NAME/settings/tailor.json, data/NAME/scores, data/NAME/tokens/train/manifest.json; for a
         race data/NAME/features, the manifests of data/NAME/tokens/{train,select}, and
         data/NAME/curation/overlap.parquet
Writes:  data/NAME/recipes/tailored/{tailored.yaml,why.json}

A race looks at train rows, and at rows for selecting; nothing here reads a row for reporting.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from pipeline.config.load import write_yaml
from pipeline.config.mixture_card import Tailor as TailorParams
from pipeline.config.settings import TailorSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.contract.tokens import read_tokens, shard_hashes
from pipeline.errors import MixtureError
from pipeline.layout import TAILORED, Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.features import read_all
from pipeline.relationships.proxy.tasks import FeatureTask, pool_tasks
from pipeline.relationships.proxy.training import TrainingBudget, derive_seeds
from pipeline.relationships.scores import ScoreMatrix, read_scores
from pipeline.tables import read_parquet
from pipeline.tailoring.budget import RowBudget, plan_rows
from pipeline.tailoring.candidates import find_candidates, gather_facts
from pipeline.tailoring.choose import choose, parts_of
from pipeline.tailoring.extend import as_mapping, comment, tailored_card
from pipeline.tailoring.race import RaceSetup
from pipeline.tailoring.select import Decision, decide_by_choice, decide_by_score
from pipeline.tailoring.why import explain_decisions, explain_race

NO_SHARE = "refused: its share of the budget is less than a row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What a selection came to."""

    decisions: tuple[Decision, ...]
    worth: Mapping[str, float]
    """What each task that was taken can add: its score, or its part of a set's worth (race)."""
    why: Mapping[str, Any] = field(default_factory=dict)
    """What it adds to why.json."""


def main(arguments: Sequence[str]) -> None:
    """Tailor a mixture to its target."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "tailor"):
        settings = read(TailorSettings, layout.settings("tailor"))
        tailor = settings.tailor
        corpus = read_tokens(layout.tokens("train"))
        sizes = {task: corpus.sizes.get(task, 0) for task in sorted(settings.tasks)}
        check_target(sizes, tailor)
        matrix = read_scores(layout.scores, tailor.scorer)
        if tailor.selection == "race":
            selected = select_by_race(layout, settings, matrix, sizes)
        else:
            selected = select_by_score(matrix, sizes, tailor)
        decisions, rows = share_rows(selected, sizes, tailor)
        made = tailored_card(settings, rows)
        source = {"mixture": f"'{name}'", "selection": f"'{tailor.selection}'"}
        source |= {"scorer": f"'{tailor.scorer}'"}
        with new_folder(layout.tailored) as folder:
            head = comment(made, rows, source=source)
            write_yaml(as_mapping(made), folder / layout.recipe(TAILORED).name, comment=head)
            reasons = explain_decisions(settings, matrix, decisions, rows, sizes=sizes)
            write_json(reasons | dict(selected.why), folder / "why.json")
        print("\n".join(word_decisions(selected, decisions, rows, tailor.target)))


def check_target(sizes: Mapping[str, int], tailor: TailorParams) -> None:
    """Check that the target has rows to add to.

    Raises:
        MixtureError: It has none, or so few that its epochs give none.
    """
    if not sizes.get(tailor.target):
        raise MixtureError(
            f"the target '{tailor.target}' has no train rows",
            where="tailor.target",
            remedy="see curation/drops.parquet for where its rows went, or choose another target",
        )
    if plan_rows({}, sizes, tailor).target == 0:
        raise MixtureError(
            f"{tailor.epochs} epochs of the target's {sizes[tailor.target]} rows are no row",
            where="tailor.epochs",
            remedy="raise it",
        )


def select_by_score(
    matrix: ScoreMatrix, sizes: Mapping[str, int], tailor: TailorParams
) -> Selected:
    """Take the best k by score."""
    least = -math.inf if tailor.min_score is None else tailor.min_score
    decisions = decide_by_score(
        matrix, target=tailor.target, sizes=sizes, k=tailor.k, min_score=least
    )
    return Selected(
        decisions=decisions, worth={d.task: d.score or 0.0 for d in decisions if d.taken}
    )


def select_by_race(
    layout: Layout, settings: TailorSettings, matrix: ScoreMatrix, sizes: Mapping[str, int]
) -> Selected:
    """Take what wins the race on the target's held-out rows; see `choose`.

    Raises:
        MixtureError: The target has no row of one known gold choice, to train on or to race on.
        ArtefactError: There are no features, or they are those of other tokens.
    """
    tailor, budget = settings.tailor, TrainingBudget(seeds=settings.seeds)
    features = features_of(layout, "train", list(sizes), tailor)
    held = features_of(layout, "select", [tailor.target], tailor)
    names = tuple(task for task in sizes if sizes[task] and len(features[task]))
    evidence = Evidence(tasks=names, features=features)
    facts = gather_facts(evidence, matrix, budget, seed=settings.seed)
    leaked = leaked_shares(layout, tailor.target, names)
    found = find_candidates(facts, tailor.target, leaked=leaked)
    setup = RaceSetup(
        target=tailor.target,
        pool=facts.trained.pool,
        held=pool_tasks([held[tailor.target]]),
        recipe=budget.recipe,
        seeds=derive_seeds(settings.seed, "tailor", "race", count=settings.seeds),
        ratio=tailor.ratio,
    )
    choice = choose(setup, found, parts_of(tailor), min_score=tailor.min_score)
    worth = {step.task: round(step.worth, 6) for step in choice.steps if step.task in choice.tasks}
    return Selected(
        decisions=decide_by_choice(choice, matrix, sizes=sizes, min_score=tailor.min_score),
        worth=worth,
        why=explain_race(tailor, choice, found.signs),
    )


def features_of(
    layout: Layout, role: str, tasks: list[str], tailor: TailorParams
) -> dict[str, FeatureTask]:
    """Return the features of tasks, the target's not empty."""
    hashes = shard_hashes(layout.tokens(role))
    files = read_all(layout.features / role, tasks, tokens=hashes)
    if not len(files[tailor.target].task):
        raise MixtureError(
            f"the target '{tailor.target}' has no {role} row of one known gold choice to race on",
            where="tailor.selection",
            remedy="say `selection: top_k`, or choose another target",
        )
    return {task: file.task for task, file in files.items()}


def leaked_shares(layout: Layout, target: str, tasks: Sequence[str]) -> dict[str, float]:
    """Return the share of the target's rows for selecting that are, nearly, among a task's train rows.

    As curation found it, in all of their rows; what it removed is no longer there. At most 1.
    """
    table = read_parquet(layout.curation / "overlap.parquet").filter(
        (pl.col("source_role") == "train")
        & (pl.col("target_role") == "select")
        & (pl.col("target_task") == target)
        & ~pl.col("removed")
    )
    shares = dict(table.group_by("source_task").agg(pl.col("share_of_target").sum()).rows())
    return {task: round(min(shares.get(task, 0.0), 1.0), 4) for task in tasks}


def share_rows(
    selected: Selected, sizes: Mapping[str, int], tailor: TailorParams
) -> tuple[tuple[Decision, ...], RowBudget]:
    """Split the rows of the complements; one whose share is no row is refused."""
    rows = plan_rows(selected.worth, sizes, tailor)
    return tuple(_with_rows(decision, rows) for decision in selected.decisions), rows


def _with_rows(decision: Decision, rows: RowBudget) -> Decision:
    if decision.taken and not rows.complements[decision.task]:
        return replace(decision, taken=False, reason=NO_SHARE)
    return decision


def word_decisions(
    selected: Selected, decisions: Sequence[Decision], rows: RowBudget, target: str
) -> list[str]:
    """Word every decision, those that were taken first, and the arms of a race."""
    taken = [decision for decision in decisions if decision.taken]
    lines = [f"taken: {d.task}: {rows.complements[d.task]} rows, {d.reason}" for d in taken]
    lines += [
        f"refused: {d.task}: {d.reason.removeprefix('refused: ')}" for d in decisions if not d.taken
    ]
    for arm in selected.why.get("race", ()):
        won = ", won" if arm["won"] else ""
        behind = f"{arm['behind']:.4f} behind the best (se {arm['se']:.4f})"
        lines.append(f"race: k = {arm['k']}: loss {arm['loss']:.4f}, {behind}{won}")
    return [*lines, f"{len(taken)} of {len(decisions)} tasks complement '{target}'"]
