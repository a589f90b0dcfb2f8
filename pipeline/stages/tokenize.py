"""Stage `tokenize`: render and tokenize every curated row once.

Reads:   data/NAME/settings/tokenize.json, data/NAME/curated/, data/NAME/tokenizer/
Writes:  data/NAME/rendered/<task>.parquet (text of all roles, uncut) and, for each role,
         data/NAME/tokens/<role>/{<task>.arrow,manifest.json}. Tasks as they were last made stay in
         data/NAME/.tokenize: those that an edit does not touch are not made again.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from tokenizers import Tokenizer
from tqdm import tqdm

from pipeline.config.params import TokenizeParams
from pipeline.config.settings import TokenizeSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import sha256
from pipeline.errors import ArtefactError, MixtureError
from pipeline.layout import KEPT, Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.rendering.choice_view import RENDERED, choice_view, rendered
from pipeline.schema import EXAMPLE, ROLES, Role
from pipeline.stages.text_tokens import write_text_tokens
from pipeline.tables import read_parquet, write_parquet_parts
from pipeline.tokens.checks import check_positions, check_prefixes
from pipeline.tokens.choice_rows import fitted_rows
from pipeline.tokens.fast import Chosen, proven
from pipeline.tokens.kept import Kept
from pipeline.tokens.long_rows import LongRows
from pipeline.tokens.manifest import TaskEntry, recipe, write_manifest, write_shard
from pipeline.tokens.sample import probe_texts
from pipeline.tokens.shards import shard_table
from pipeline.tokens.vocabulary import Vocabulary, load

PROBES = 5_000
"""Most rows, over all tasks, whose texts a faster tokenizer is compared on."""

_CODE = (
    "contract",
    "rendering",
    "stages/prompted.py",
    "stages/text_tokens.py",
    "stages/tokenize.py",
    "schema.py",
    "seeds.py",
    "tables.py",
    "templates",
    "templates/vector",
    "tokens",
)
_PACKAGES = ("jinja2", "numpy", "polars", "pyarrow", "tokenizers", "xxhash")


@dataclass(frozen=True, slots=True)
class Job:
    """All that the tasks of one run have in common."""

    layout: Layout
    settings: TokenizeSettings
    vocabulary: Vocabulary
    chosen: Chosen
    code: str

    @property
    def rules(self) -> dict[Role, LongRows]:
        """What becomes of long rows, by role."""
        return {role: role_rule(self.settings.tokenize, role) for role in ROLES}

    def recipe(self, role: Role) -> dict[str, Any]:
        """What the ids of a role depend on beside its rows."""
        return recipe(
            role=role,
            max_tokens=self.settings.tokenize.max_tokens,
            long_rows=self.rules[role],
            vocabulary=self.vocabulary,
        )


def main(arguments: Sequence[str]) -> None:
    """Write rendered text and token shards of the mixture that DVC names."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "tokenize"):
        settings = read(TokenizeSettings, layout.settings("tokenize"))
        require_shards(layout, settings.tasks)
        if settings.text is not None:
            write_text_tokens(layout, settings, code=code_hash())
            return
        vocabulary = load(layout.tokenizer)
        check_prefixes(vocabulary, settings.prefixes, where=str(layout.tokenizer))
        check_positions(vocabulary, settings.tokenize.max_tokens)
        chosen = chosen_encoder(layout, settings, vocabulary.tokenizer)
        if chosen.note:
            print(f"tokenize: {chosen.note}", file=sys.stderr)
        job = Job(layout, settings, vocabulary, chosen, code_hash())
        kept = Kept(layout.data / KEPT)
        kept.retain(settings.tasks)
        entries = {
            task: task_entries(job, kept, task)
            for task in tqdm(settings.tasks, desc="tokenize", delay=2, leave=False)
        }
        _publish(job, kept, entries)


def require_shards(layout: Layout, tasks: Sequence[str]) -> None:
    """Raise an `ArtefactError` that names the first missing curated table, and their number."""
    paths = [layout.curated(task, role) for task in tasks for role in ROLES]
    missing = [path for path in paths if not path.exists()]
    if missing:
        more = f" (and {len(missing) - 1} more curated tables)" if len(missing) > 1 else ""
        raise ArtefactError(
            f"does not exist{more}", where=str(missing[0]), remedy="run `dvc repro tokenize`"
        )


def chosen_encoder(layout: Layout, settings: TokenizeSettings, tokenizer: Tokenizer) -> Chosen:
    """Return the faster tokenizer where it is proven on the mixture's own train texts."""
    rows = max(8, PROBES // max(len(settings.tasks), 1))

    def sample() -> list[str]:
        tables = (read_parquet(layout.curated(task, "train"), EXAMPLE) for task in settings.tasks)
        return list(chain.from_iterable(probe_texts(table, rows=rows) for table in tables))

    return proven(tokenizer, sample)


def role_rule(params: TokenizeParams, role: Role) -> LongRows:
    """Return what becomes of a role's long rows.

    Rows for evaluation are never dropped or split: how many there are, and with it what a metric is
    over, must not depend on `max_tokens`. What a rule makes no use of stays at its default, so that the
    fingerprint of the tokens does not change with it.
    """
    rule = params.long_rows
    if role != "train" and rule in ("drop", "split"):
        rule = "truncate"
    return LongRows(
        rule=rule,
        cut=params.truncate if rule == "truncate" else "context_end",
        overlap=params.split_overlap if rule == "split" else 0,
    )


def code_hash() -> str:
    """Return one SHA-256 over the code and the packages that make a task's files."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for place in _CODE:
        for path in sorted((root / place).glob("*.py")) or [root / place]:
            digest.update(f"{path.relative_to(root).as_posix()} {sha256(path)}\n".encode())
    for package in _PACKAGES:
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()


def task_entries(job: Job, kept: Kept, task: str) -> dict[Role, TaskEntry]:
    """Return what the manifests say of a task, whose files then lie in `kept`.

    Raises:
        MixtureError: It has rows without choices, no train rows, or a long row where none may be.
    """
    curated = {role: sha256(job.layout.curated(task, role)) for role in ROLES}
    parts = {
        "recipes": [job.recipe(role) for role in ROLES],
        "task": [task, job.vocabulary.prefixes[task]],
        "curated": curated,
        "held out": task in job.settings.held_out,
        "made by": [job.code, job.chosen.name],
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    found = kept.find(task, key)
    if found is None:
        found = kept.put(task, key, lambda folder: _make(job, task, curated, folder))
    return {role: TaskEntry(**found[role]) for role in ROLES}


def _make(
    job: Job, task: str, curated: Mapping[Role, str], folder: Path
) -> dict[str, dict[str, Any]]:
    """Write the text and the shards of one task into a folder; return its entries as JSON."""
    views = task_views(job.layout, task, held_out=task in job.settings.held_out)
    form = next((str(view["form"][0]) for view in views.values() if view.height), "")
    entries: dict[str, dict[str, Any]] = {}
    texts = []
    for role, view in views.items():
        fitted = fitted_rows(
            job.chosen.encoder,
            view,
            separator=job.vocabulary.special["sep"],
            max_tokens=job.settings.tokenize.max_tokens,
            long_rows=job.rules[role],
            where=str(job.layout.curated(task, role)),
        )
        entry = write_shard(
            folder / f"{role}.arrow",
            shard_table(fitted, view["label"], view["labels"]),
            fitted,
            task=task,
            form=form,
            prefix_id=job.vocabulary.prefixes[task],
            curated=(view.height, curated[role]),
        )
        entries[role] = asdict(entry)
        # text and tokens have the same rows, so that a row of an order is found in both
        whole = not fitted.dropped and not fitted.split
        texts.append(rendered(view if whole else view[fitted.row], role=role))
    write_parquet_parts(chain.from_iterable(texts), folder / "text.parquet", RENDERED)
    return entries


def _publish(job: Job, kept: Kept, entries: Mapping[str, Mapping[Role, TaskEntry]]) -> None:
    """Write the outputs of the stage from finished tasks, manifests last."""
    with ExitStack() as outputs:
        text = outputs.enter_context(new_folder(job.layout.rendered("").parent))
        folders = {
            role: outputs.enter_context(new_folder(job.layout.tokens(role))) for role in ROLES
        }
        for task in entries:
            kept.publish(task, "text.parquet", text / f"{task}.parquet")
            for role, folder in folders.items():
                kept.publish(task, f"{role}.arrow", folder / f"{task}.arrow")
        for role, folder in folders.items():
            write_manifest(
                folder,
                [entry[role] for entry in entries.values()],
                role=role,
                max_tokens=job.settings.tokenize.max_tokens,
                long_rows=job.rules[role],
                vocabulary=job.vocabulary,
            )


def task_views(layout: Layout, task: str, *, held_out: bool = False) -> dict[Role, pl.DataFrame]:
    """Read one task's curated rows of all roles in the choice view.

    Raises:
        MixtureError: It has rows without choices, or no train rows and is not held out.
    """
    views = {}
    for role in ROLES:
        path = layout.curated(task, role)
        views[role] = choice_view(read_parquet(path, EXAMPLE), where=str(path))
    if views["train"].is_empty() and not held_out:
        raise MixtureError(
            f"task '{task}' has no train rows after curation",
            where=str(layout.curated(task, "train")),
            remedy=f"see why in {layout.curation / 'drops.parquet'}, or take '{task}' out of the mixture",
        )
    return views
