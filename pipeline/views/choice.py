"""The choice view: each row is a question with choices, one sequence for each choice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from pipeline.config.params import TokenizeParams
from pipeline.contract.choice import ChoiceEntry, ChoiceManifest, LongRows
from pipeline.contract.files import sha256
from pipeline.errors import MixtureError
from pipeline.rendering.choice_view import RENDERED, choice_view, rendered
from pipeline.schema import EXAMPLE, ROLES, Role
from pipeline.tables import read_parquet, write_parquet_parts
from pipeline.tokens import wordpiece
from pipeline.tokens.choice_rows import fitted_rows
from pipeline.tokens.choice_shards import write_shard
from pipeline.tokens.vocabulary import ENCODER
from pipeline.views.view import TEXT, DataView, Entries, Job, TaskFiles


@dataclass(frozen=True, slots=True)
class ChoiceTokens:
    """Makes the files of tasks; see `TokenMaker`."""

    job: Job
    entry: type[ChoiceEntry] = ChoiceEntry

    def manifest(self, role: Role) -> ChoiceManifest:
        """Return the manifest of a role, without its tasks."""
        long_rows = role_rule(self.job.settings.tokenize, role)
        return ChoiceManifest(**self.job.head(role), long_rows=long_rows)

    def depends_on(self, files: TaskFiles) -> None:
        """Return nothing: rows, rule and vocabulary decide everything."""

    def make(self, files: TaskFiles, folder: Path) -> Entries:
        """Write the text and the shards of a task; see `TokenMaker.make`."""
        job, task = self.job, files.task
        views = task_views(files, held_out=task in job.settings.held_out)
        form = next((str(view["form"][0]) for view in views.values() if view.height), "")
        entries: dict[Role, ChoiceEntry] = {}
        texts = []
        for role, view in views.items():
            fitted = fitted_rows(
                job.encoder,
                view,
                separator=job.vocabulary.special["sep"],
                max_tokens=job.settings.tokenize.max_tokens,
                long_rows=self.manifest(role).long_rows,
                where=str(files.curated[role]),
            )
            entries[role] = write_shard(
                folder / f"{role}.arrow",
                fitted,
                view,
                task=task,
                form=form,
                prefix_id=job.vocabulary.prefixes[task],
                curated_sha256=sha256(files.curated[role]),
            )
            # text and tokens have the same rows, so that a row of an order is found in both
            whole = not fitted.dropped and not fitted.split
            texts.append(rendered(view if whole else view[fitted.row], role=role))
        write_parquet_parts(chain.from_iterable(texts), folder / TEXT, RENDERED)
        return entries

    def notes(self, entries: Mapping[str, Entries]) -> Iterator[str]:
        """Yield nothing: what was cut stands in the manifests."""
        return iter(())


def small_names(tokenizer: Tokenizer) -> Mapping[str, str]:
    """Return the special tokens of a small tokenizer, which is an encoder's as it is."""
    return wordpiece.SPECIAL


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


def task_views(files: TaskFiles, *, held_out: bool = False) -> dict[Role, pl.DataFrame]:
    """Read one task's curated rows of all roles in the choice view.

    Raises:
        MixtureError: It has rows without choices, or no train rows and is not held out.
    """
    views = {}
    for role in ROLES:
        path = files.curated[role]
        views[role] = choice_view(read_parquet(path, EXAMPLE), where=str(path))
    if views["train"].is_empty() and not held_out:
        raise MixtureError(
            f"task '{files.task}' has no train rows after curation",
            where=str(files.curated["train"]),
            remedy=f"see why in {files.drops}, or take '{files.task}' out of the mixture",
        )
    return views


CHOICE = DataView(ENCODER, small_names, ChoiceTokens)
