"""Stage `plan`: exact rows, epochs and tokens of a mixture, before it is built.

Reads:   data/NAME/settings/plan.json, data/NAME/tokens/train; for the tailored pass also
         data/NAME/tailored/tailored.yaml
Writes:  data/NAME/plans/<pass>.json
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tqdm import tqdm

from pipeline.config.load import load
from pipeline.config.mixture_card import MixtureCard, MixtureTask, Sampling
from pipeline.config.settings import PlanSettings
from pipeline.config.settings_file import read
from pipeline.errors import ConfigError, unknown_name
from pipeline.mixing.corpus import Corpus, read_corpus, row_tokens
from pipeline.mixing.plan import Plan, TaskPlan, composition, drawn_tokens, to_json
from pipeline.mixing.table import plan_table
from pipeline.stages.layout import PASSES, Layout
from pipeline.stages.publish import stage_lock
from pipeline.tables import write_json


def main(arguments: Sequence[str]) -> None:
    """Plan one pass of a mixture."""
    name, which = arguments
    check_pass(which)
    layout = Layout(name)
    with stage_lock(layout.data, f"plan.{which}"):
        settings = read(PlanSettings, layout.settings("plan"))
        tasks, sampling = settings.tasks, settings.sampling
        if which == "tailored":
            card = load(MixtureCard, layout.tailored / "tailored.yaml")
            tasks, sampling = card.tasks, card.sampling
        corpus = read_corpus(layout.tokens("train"))
        plan = exact_plan(
            corpus, tasks, sampling, name=settings.name, which=which, seed=settings.seed
        )
        write_json(to_json(plan), layout.plan(which))
        print(plan_table(plan))


def check_pass(which: str) -> None:
    """Check the name of a pass.

    Raises:
        ConfigError: There is none of that name.
    """
    if which not in PASSES:
        what, remedy = unknown_name("pass", which, PASSES)
        raise ConfigError(what, where="the second argument", remedy=remedy)


def exact_plan(
    corpus: Corpus,
    tasks: Mapping[str, MixtureTask],
    sampling: Sampling,
    *,
    name: str,
    which: str,
    seed: int,
) -> Plan:
    """Plan a mixture of tokenised tasks; reads the lengths of their rows.

    Raises:
        MixtureError: The mixture cannot be drawn from these tasks.
        ArtefactError: A shard is not what the manifest says.
    """
    parts = composition(corpus.sizes, tasks, sampling)
    bar = tqdm(parts, desc="count tokens", delay=2, leave=False)
    return Plan(
        name=name,
        which=which,
        seed=seed,
        strategy=sampling.strategy,
        positions=sum(part.quota for part in parts),
        tasks=tuple(_counted(part, corpus, seed=seed) for part in bar),
        shard_bytes=sum(corpus.shard(part.task).stat().st_size for part in parts if part.quota),
        tokens_sha256=corpus.sha256,
    )


def _counted(part: TaskPlan, corpus: Corpus, *, seed: int) -> TaskPlan:
    tokens_N = row_tokens(corpus, part.task)
    tokens = drawn_tokens(part.task, tokens_N, quota=part.quota, seed=seed)
    return replace(part, tokens=tokens)
