"""Stage `plan`: exact rows, epochs and tokens of a mixture, before it is built.

Reads:   data/NAME/settings/plan/<training>.json, data/NAME/recipes/<recipe>, data/NAME/tokens/train
Writes:  data/NAME/plans/<training>.json
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.config.load import check, read_yaml
from pipeline.config.mixture_card import Mixture
from pipeline.config.settings import PlanSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import write_json
from pipeline.contract.tokens import TokenFolder, read_tokens
from pipeline.layout import Layout
from pipeline.mixing.lengths import StoredLengths
from pipeline.mixing.plan import Plan, make_plan, to_json
from pipeline.mixing.same_content import same_content, settle_same_content
from pipeline.mixing.table import plan_tables
from pipeline.publish import stage_lock


def main(arguments: Sequence[str]) -> None:
    """Plan what one training of a mixture draws."""
    name, which = arguments
    layout = Layout(name)
    with stage_lock(layout.data, f"plan.{which}"):
        settings = read(PlanSettings, layout.settings(f"plan/{which}"))
        plan = exact_plan(
            read_tokens(layout.tokens("train")),
            read_recipe(layout.recipe(settings.recipe)),
            name=settings.name,
            which=which,
            seed=settings.seed,
            batch=settings.batch,
            target=settings.target,
        )
        write_json(to_json(plan), layout.plan(which))
        print(plan_tables(plan))


def read_recipe(path: Path) -> Mixture:
    """Read the tasks and proportions that a training draws.

    A recipe of Tailor is a whole card, so that people can adopt it; the rest of it is left aside.

    Raises:
        ConfigError: It is missing, or breaks the model.
    """
    value = {key: item for key, item in read_yaml(path).items() if key in Mixture.model_fields}
    return check(Mixture, value, where=str(path))


def exact_plan(
    tokens: TokenFolder,
    mixture: Mixture,
    *,
    name: str,
    which: str,
    seed: int,
    batch: int | None = None,
    target: str | None = None,
) -> Plan:
    """Plan a mixture of tokenised tasks; reads the lengths of their rows.

    Args:
        tokens: Their folder.
        mixture: What people wrote of it.
        name: Of the mixture.
        which: The training.
        seed: Of the run.
        batch: Rows of a global batch; kept where the order depends on it.
        target: Task that stays where tasks of the same content are merged.

    Raises:
        MixtureError: The mixture cannot be drawn from these tasks, or two of them are the same.
        ArtefactError: A shard is not what the manifest says.
    """
    there = [task for task in mixture.drawn().tasks if task in tokens.tasks]
    same = [] if mixture.same_content == "allow" else same_content(tokens, there)
    mixture, merged = settle_same_content(mixture, same, target=target)
    lengths = StoredLengths(tokens, seed)
    plan = make_plan(mixture, lengths, name=name, which=which, seed=seed, batch=batch)
    return replace(
        plan,
        merged=merged,
        shard_bytes=sum(tokens.shard(t.task).stat().st_size for t in plan.tasks if t.quota),
        tokens_sha256=tokens.sha256,
    )
