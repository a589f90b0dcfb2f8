"""Stage `mix`: the order of a mixture, audited against its plan.

Reads:   data/NAME/plans/<training>.json, data/NAME/tokens/train/manifest.json, data/NAME/rendered
Writes:  data/NAME/mixes/<training>/{order.arrow,audit.json,preview.parquet,manifest.json}
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import polars as pl

from pipeline.contract.files import read_json, sha256, write_arrow, write_json
from pipeline.contract.order import Draw, OrderManifest, PacksEntry, write_order_manifest
from pipeline.contract.tokens import TokenFolder, read_tokens
from pipeline.errors import ArtefactError
from pipeline.layout import Layout
from pipeline.mixing.audit import audit, check
from pipeline.mixing.frame import preview
from pipeline.mixing.order import mixture_order
from pipeline.mixing.plan import Plan, from_json
from pipeline.publish import new_folder, stage_lock
from pipeline.stages.packs import write_packs
from pipeline.tables import write_frame

PREVIEW_ROWS = 100


def main(arguments: Sequence[str]) -> None:
    """Build the order of one training of a mixture."""
    name, which = arguments
    layout = Layout(name)
    with stage_lock(layout.data, f"mix.{which}"):
        plan = from_json(read_json(layout.plan(which)), where=str(layout.plan(which)))
        draws = planned_draws(plan, read_tokens(layout.tokens("train")), where=layout.plan(which))
        order = mixture_order(
            draws,
            seed=plan.seed,
            algorithm=plan.order,
            phases=[phase.quotas for phase in plan.phases],
            batch=plan.batch,
        )
        result = audit(order, draws, plan)
        check(result)
        with new_folder(layout.mix(which)) as folder:
            write_arrow(order, folder / "order.arrow")
            write_json(result, folder / "audit.json")
            frame = cast(pl.DataFrame, pl.from_arrow(order.slice(0, PREVIEW_ROWS)))
            first = preview(frame, draws, layout.rendered("x").parent, rows=PREVIEW_ROWS)
            write_frame(first, folder / "preview.parquet")
            packs = write_packs(layout, plan, order, folder)
            # the manifest comes last: where it is, the rest is whole
            write_order_manifest(folder, _manifest(plan, draws, folder, packs))


def planned_draws(plan: Plan, tokens: TokenFolder, *, where: object) -> list[Draw]:
    """Return each planned task's part in the order.

    Raises:
        ArtefactError: The plan was made from other tokens.
    """
    if plan.tokens_sha256 != tokens.sha256:
        raise ArtefactError(
            "was made from other tokens than there are now",
            where=str(where),
            remedy="run `dvc repro`, which plans again",
        )
    return [
        Draw(task=t.task, start=tokens.tasks[t.task].start, rows=t.rows, quota=t.quota)
        for t in plan.tasks
    ]


def _manifest(
    plan: Plan, draws: Sequence[Draw], folder: Path, packs: PacksEntry | None
) -> OrderManifest:
    return OrderManifest(
        name=plan.name,
        which=plan.which,
        algorithm=plan.order,
        batch=plan.batch,
        seed=plan.seed,
        positions=plan.positions,
        phases=plan.phases,
        tasks=tuple(draws),
        sha256=sha256(folder / "order.arrow"),
        packs=packs,
    )
