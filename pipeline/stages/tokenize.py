"""Stage `tokenize`: render and tokenize every curated row once.

Reads:   data/NAME/settings/tokenize.json, data/NAME/curated/, data/NAME/tokenizer/; raw data
         where prompts see it, see `views.prompted`
Writes:  data/NAME/rendered/<task>.parquet (text of all roles, uncut) and, for each role,
         data/NAME/tokens/<role>/{<task>.arrow,manifest.json}. Tasks as they were last made stay in
         data/NAME/.tokenize: those that an edit does not touch are not made again.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from tokenizers import Tokenizer
from tqdm import tqdm

from pipeline.config.settings import TokenizeSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import sha256
from pipeline.contract.manifest import write_manifest
from pipeline.contract.records import Reader
from pipeline.errors import ArtefactError
from pipeline.layout import KEPT, Layout
from pipeline.publish import new_folder, stage_lock
from pipeline.schema import EXAMPLE, ROLES
from pipeline.tables import read_parquet
from pipeline.tokens.checks import check_positions, check_prefixes
from pipeline.tokens.fast import Chosen, proven
from pipeline.tokens.kept import Kept
from pipeline.tokens.sample import probe_texts
from pipeline.tokens.vocabulary import load
from pipeline.views.registry import VIEWS
from pipeline.views.view import TEXT, Entries, Job, TaskFiles, TokenMaker

PROBES = 5_000
"""Most rows, over all tasks, whose texts a faster tokenizer is compared on."""
_PACKAGES = ("jinja2", "numpy", "polars", "pyarrow", "tokenizers", "xxhash")


def main(arguments: Sequence[str]) -> None:
    """Write rendered text and token shards of the mixture that DVC names."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "tokenize"):
        settings = read(TokenizeSettings, layout.settings("tokenize"))
        require_curated(layout, settings.tasks)
        view = VIEWS[settings.view]
        vocabulary = load(layout.tokenizer, view.special)
        check_prefixes(vocabulary, settings.prefixes, where=str(layout.tokenizer))
        check_positions(vocabulary, settings.tokenize.max_tokens)
        chosen = chosen_encoder(layout, settings, vocabulary.tokenizer)
        if chosen.note:
            print(f"tokenize: {chosen.note}", file=sys.stderr)
        job = Job(settings, vocabulary, chosen.encoder)
        made_by = [code_hash(settings), chosen.name]
        maker, kept = view.maker(job), Kept(layout.data / KEPT)
        kept.retain(settings.tasks)
        entries = {
            task: task_entries(maker, job, kept, task_files(layout, task), made_by)
            for task in tqdm(settings.tasks, desc="tokenize", delay=2, leave=False)
        }
        publish(layout, maker, kept, entries)
        for line in maker.notes(entries):
            print(f"tokenize: {line}", file=sys.stderr)


def require_curated(layout: Layout, tasks: Sequence[str]) -> None:
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


def code_hash(settings: TokenizeSettings) -> str:
    """Return one SHA-256 over the code and the packages that make a task's files."""
    packages = {package: version(package) for package in _PACKAGES}
    text = json.dumps([settings.code, packages], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def task_files(layout: Layout, task: str) -> TaskFiles:
    """Return where the rows of a task lie."""
    return TaskFiles(
        task=task,
        curated={role: layout.curated(task, role) for role in ROLES},
        source=layout.source(task),
        drops=layout.curation / "drops.parquet",
    )


def task_entries(
    maker: TokenMaker, job: Job, kept: Kept, files: TaskFiles, made_by: Sequence[str]
) -> Entries:
    """Return what the manifests say of a task, whose files then lie in `kept`.

    Args:
        maker: Makes the files, where they are not kept.
        job: What all tasks have in common.
        kept: Tasks that were made before.
        files: Where the task's rows lie.
        made_by: Code and packages that make the files.

    Raises:
        MixtureError: See `TokenMaker.make`.
    """
    task = files.task
    parts = {
        "manifests": [asdict(maker.manifest(role)) for role in ROLES],
        "task": [task, job.vocabulary.prefixes[task]],
        "curated": {role: sha256(path) for role, path in files.curated.items()},
        "depends on": maker.depends_on(files),
        "held out": task in job.settings.held_out,
        "made by": made_by,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def make(folder: Path) -> dict[str, object]:
        return {role: asdict(entry) for role, entry in maker.make(files, folder).items()}

    found = kept.find(task, key) or kept.put(task, key, make)
    reader = Reader(str(kept.folder / task), ArtefactError)
    return {role: reader.build(maker.entry, found[role]) for role in ROLES}


def publish(layout: Layout, maker: TokenMaker, kept: Kept, entries: Mapping[str, Entries]) -> None:
    """Write the outputs of the stage from finished tasks, manifests last."""
    with ExitStack() as outputs:
        text = outputs.enter_context(new_folder(layout.rendered("").parent))
        folders = {role: outputs.enter_context(new_folder(layout.tokens(role))) for role in ROLES}
        for task in entries:
            kept.publish(task, TEXT, text / f"{task}.parquet")
            for role, folder in folders.items():
                kept.publish(task, f"{role}.arrow", folder / f"{task}.arrow")
        for role, folder in folders.items():
            write_manifest(folder, maker.manifest(role), [of[role] for of in entries.values()])
