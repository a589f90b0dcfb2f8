"""Stage `tokenize`: render and tokenize every curated row once.

Reads:   data/NAME/settings/tokenize.json, data/NAME/curated/, data/NAME/tokenizer/
Writes:  data/NAME/rendered/<task>.parquet (text of all roles, uncut) and, for each role,
         data/NAME/tokens/<role>/{<task>.arrow,manifest.json}
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import polars as pl
from tokenizers import Tokenizer
from tqdm import tqdm

from pipeline.config.settings import TokenizeSettings
from pipeline.config.settings_file import read
from pipeline.errors import ArtefactError, MixtureError
from pipeline.rendering.choice_view import RENDERED, choice_view, rendered
from pipeline.schema import EXAMPLE, ROLES, Role
from pipeline.stages.layout import Layout
from pipeline.stages.publish import new_folder, stage_lock
from pipeline.tables import read_parquet, write_parquet_parts
from pipeline.tokens.encode import encode
from pipeline.tokens.fit import Segments, fit
from pipeline.tokens.manifest import TaskEntry, write_manifest, write_shard
from pipeline.tokens.shards import shard_table
from pipeline.tokens.vocabulary import Vocabulary, load


def main(arguments: Sequence[str]) -> None:
    """Write rendered text and token shards of the mixture that DVC names."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "tokenize"):
        settings = read(TokenizeSettings, layout.settings("tokenize"))
        require_shards(layout, settings.tasks)
        vocabulary = load(layout.tokenizer)
        check_prefixes(vocabulary, settings.prefixes, where=str(layout.tokenizer))
        with ExitStack() as outputs:
            text = outputs.enter_context(new_folder(layout.rendered("").parent))
            tokens = {
                role: outputs.enter_context(new_folder(layout.tokens(role))) for role in ROLES
            }
            _write(layout, settings, vocabulary, text, tokens)


def require_shards(layout: Layout, tasks: Sequence[str]) -> None:
    """Raise an `ArtefactError` that names the first missing curated table, and their number."""
    paths = [layout.curated(task, role) for task in tasks for role in ROLES]
    missing = [path for path in paths if not path.exists()]
    if missing:
        more = f" (and {len(missing) - 1} more curated tables)" if len(missing) > 1 else ""
        raise ArtefactError(
            f"does not exist{more}", where=str(missing[0]), remedy="run `dvc repro tokenize`"
        )


def check_prefixes(vocabulary: Vocabulary, prefixes: Mapping[str, str], *, where: str) -> None:
    """Raise an `ArtefactError` unless every task's prefix is a token of this tokenizer."""
    wrong = [
        task
        for task, token in sorted(prefixes.items())
        if task not in vocabulary.prefixes
        or vocabulary.prefixes[task] != vocabulary.tokenizer.token_to_id(token)
    ]
    if wrong:
        raise ArtefactError(
            f"there is no prefix token for {', '.join(wrong)}",
            where=where,
            expected="the tokenizer of the same mixture",
            remedy="run `dvc repro tokenizer`",
        )


def _write(
    layout: Layout,
    settings: TokenizeSettings,
    vocabulary: Vocabulary,
    text: Path,
    tokens: Mapping[Role, Path],
) -> None:
    entries: dict[Role, list[TaskEntry]] = {role: [] for role in ROLES}
    limit = settings.tokenize.max_tokens
    for task in tqdm(settings.tasks, desc="tokenize", delay=2, leave=False):
        views = task_views(layout, task)
        parts = chain.from_iterable(rendered(view, role=role) for role, view in views.items())
        write_parquet_parts(parts, text / f"{task}.parquet", RENDERED)
        form, prefix_id = str(views["train"]["form"][0]), vocabulary.prefixes[task]
        for role, view in views.items():
            rows = segments(vocabulary.tokenizer, view)
            fitted = fit(rows, separator=vocabulary.special["sep"], max_tokens=limit)
            table = shard_table(fitted, view["label"], view["labels"])
            entries[role].append(
                write_shard(tokens[role], table, fitted, task=task, form=form, prefix_id=prefix_id)
            )
    for role, folder in tokens.items():
        write_manifest(folder, entries[role], role=role, max_tokens=limit, vocabulary=vocabulary)


def task_views(layout: Layout, task: str) -> dict[Role, pl.DataFrame]:
    """Read one task's curated rows of all roles in the choice view.

    Raises:
        MixtureError: It has rows without choices, or no train rows.
    """
    views = {}
    for role in ROLES:
        path = layout.curated(task, role)
        views[role] = choice_view(read_parquet(path, EXAMPLE), where=str(path))
    if views["train"].is_empty():
        raise MixtureError(
            f"task '{task}' has no train rows after curation",
            where=str(layout.curated(task, "train")),
            remedy=f"see why in {layout.curation / 'drops.parquet'}, or take '{task}' out of the mixture",
        )
    return views


def segments(tokenizer: Tokenizer, view: pl.DataFrame) -> Segments:
    """Encode the texts of a choice view."""
    return Segments(
        context=encode(tokenizer, view["context"]),
        question=encode(tokenizer, view["question"]),
        options=encode(tokenizer, view["options"].explode(empty_as_null=False)),
        counts=view["options"].list.len().to_numpy().astype("int64"),
        joined=view["joined"].to_numpy(),
    )
