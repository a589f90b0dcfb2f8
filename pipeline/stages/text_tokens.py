"""The text view's part of the stage `tokenize`: inputs and targets, rendered and tokenised once.

Reads:   data/NAME/curated/, data/NAME/tokenizer/; raw data where prompts see it, see `prompted`
Writes:  data/NAME/rendered/<task>.parquet and, for each role, data/NAME/tokens/<role>/. Tasks as they
         were last made stay in data/NAME/.tokenize: those that an edit does not touch are not made again.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from pipeline.config.params import TextParams
from pipeline.config.settings import TokenizeSettings
from pipeline.contract.files import sha256
from pipeline.contract.ragged import Ints
from pipeline.errors import MixtureError
from pipeline.layout import KEPT, Layout
from pipeline.publish import new_folder
from pipeline.rendering.text_view import RENDERED, rendered
from pipeline.schema import EXAMPLE, ROLES, Role
from pipeline.stages.prompted import Sight, alarms, sight
from pipeline.tables import read_parquet, write_parquet_parts
from pipeline.tokens.checks import check_positions, check_prefixes
from pipeline.tokens.encode import encode
from pipeline.tokens.kept import Kept
from pipeline.tokens.text_fit import TextRule, TextSegments, fit_text, too_long
from pipeline.tokens.text_shards import (
    TextEntry,
    text_entry,
    text_recipe,
    write_text_manifest,
    write_text_shard,
)
from pipeline.tokens.text_vocabulary import load_text
from pipeline.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class TextJob:
    """All that the tasks of one run have in common."""

    layout: Layout
    settings: TokenizeSettings
    vocabulary: Vocabulary
    code: str

    def rule(self, role: Role) -> TextRule:
        """Return how a role's rows become sequences; rows for evaluation are never dropped."""
        text, params = self.settings.text or TextParams(), self.settings.tokenize
        drops = params.long_rows == "drop" and role == "train"
        return TextRule(
            model=text.model,
            max_tokens=params.max_tokens,
            target_tokens=text.target_tokens,
            cut=text.cut,
            long_rows="error" if params.long_rows == "error" else "drop" if drops else "truncate",
            begins=text.model == "causal" and "bos" in self.vocabulary.special,
            prefix=text.prefix,
        )


def write_text_tokens(layout: Layout, settings: TokenizeSettings, *, code: str) -> None:
    """Write rendered text and token shards of a mixture of the text view.

    Args:
        layout: Of the mixture.
        settings: Of the stage.
        code: Hash of the code that makes a task's files; finished tasks are kept by it.
    """
    vocabulary = load_text(layout.tokenizer)
    check_prefixes(vocabulary, settings.prefixes, where=str(layout.tokenizer))
    check_positions(vocabulary, settings.tokenize.max_tokens)
    job = TextJob(layout, settings, vocabulary, code)
    kept = Kept(layout.data / KEPT)
    kept.retain(settings.tasks)
    entries = {
        task: _entries(job, kept, task)
        for task in tqdm(settings.tasks, desc="tokenize", delay=2, leave=False)
    }
    _publish(job, kept, entries)
    roles = {task: {role: one.prompts for role, one in of.items()} for task, of in entries.items()}
    for line in alarms(roles):
        print(f"tokenize: {line}", file=sys.stderr)


def _entries(job: TextJob, kept: Kept, task: str) -> dict[Role, TextEntry]:
    """Return what the manifests say of a task, whose files then lie in `kept`."""
    curated = {role: sha256(job.layout.curated(task, role)) for role in ROLES}
    seen = sight(job.layout, job.settings, task, job.vocabulary.tokenizer)
    parts = {
        "recipes": [text_recipe(role, job.rule(role), job.vocabulary) for role in ROLES],
        "task": [task, job.vocabulary.prefixes[task]],
        "curated": curated,
        "seen": seen.key,
        "held out": task in job.settings.held_out,
        "made by": job.code,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    found = kept.find(task, key) or kept.put(task, key, lambda folder: _make(job, seen, folder))
    return {role: text_entry(found[role]) for role in ROLES}


def _make(job: TextJob, seen: Sight, folder: Path) -> dict[str, dict[str, Any]]:
    """Write the text and the shards of one task into a folder; return its entries as JSON."""
    task = seen.task
    entries: dict[str, dict[str, Any]] = {}
    texts = []
    for role in ROLES:
        path = job.layout.curated(task, role)
        examples, rule = read_parquet(path, EXAMPLE), job.rule(role)
        view, prompts = seen.view(examples, role, where=str(path))
        view, untargeted = _targeted(view) if role == "train" else (view, 0)
        rows = segments(job.vocabulary, view)
        long = too_long(rows, rule)
        _refuse(rule, view, long, where=str(path))
        dropped = long if rule.long_rows == "drop" else long[:0]
        if len(dropped):
            stays = pl.Series(range(view.height)).is_in(dropped).not_()
            rows, view = rows.take(stays.arg_true().to_numpy().astype("int64")), view.filter(stays)
        if role == "train" and view.is_empty() and task not in job.settings.held_out:
            raise MixtureError(
                f"task '{task}' has no train rows left to learn from",
                where=str(path),
                expected="rows with a target" + (" that fit" if len(dropped) else ""),
                remedy=f"see why in {job.layout.curation}, or take '{task}' out of the mixture",
            )
        texts.append(rendered(view, role=role, prefix=rule.prefix))
        entry = write_text_shard(
            folder / f"{role}.arrow",
            fit_text(rows, rule),
            view,
            rule,
            task=task,
            form=_form(examples),
            prefix_id=job.vocabulary.prefixes[task],
            left_out={"dropped": len(dropped), "untargeted": untargeted},
            prompts=prompts,
            draw=seen.draw,
        )
        entries[role] = asdict(entry)
    write_parquet_parts(texts, folder / "text.parquet", RENDERED)
    return entries


def _form(examples: pl.DataFrame) -> str:
    return str(examples["form"][0]) if examples.height else ""


def _targeted(view: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Leave out rows whose target is hidden: there is nothing to learn from them."""
    kept = view.filter(pl.col("target").is_not_null())
    return kept, view.height - kept.height


def segments(vocabulary: Vocabulary, view: pl.DataFrame) -> TextSegments:
    """Encode the texts of a text view."""
    tokenizer = vocabulary.tokenizer
    return TextSegments(
        input=encode(tokenizer, view["input"]),
        target=encode(tokenizer, view["target"].fill_null("")),
        options=encode(tokenizer, view["options"].explode(empty_as_null=False, keep_nulls=False)),
        counts=view["options"].list.len().to_numpy().astype("int64"),
    )


def _refuse(rule: TextRule, view: pl.DataFrame, long: Ints, *, where: str) -> None:
    if rule.long_rows != "error" or not len(long):
        return
    row = int(long[0])
    raise MixtureError(
        f"{len(long)} rows of {view.height} do not fit, the first is {view['example_id'][row]}",
        where=where,
        expected=f"input and target in {rule.max_tokens} tokens, since tokenize.long_rows is 'error'",
        remedy="raise tokenize.max_tokens, or set tokenize.long_rows to truncate or drop",
    )


def _publish(job: TextJob, kept: Kept, entries: Mapping[str, Mapping[Role, TextEntry]]) -> None:
    """Write the outputs of the stage from finished tasks, manifests last."""
    layout = job.layout
    with ExitStack() as outputs:
        text = outputs.enter_context(new_folder(layout.rendered("").parent))
        folders = {role: outputs.enter_context(new_folder(layout.tokens(role))) for role in ROLES}
        for task in entries:
            kept.publish(task, "text.parquet", text / f"{task}.parquet")
            for role, folder in folders.items():
                kept.publish(task, f"{role}.arrow", folder / f"{task}.arrow")
        for role, folder in folders.items():
            write_text_manifest(
                folder,
                [entry[role] for entry in entries.values()],
                role=role,
                rule=job.rule(role),
                vocabulary=job.vocabulary,
            )
