"""The text view: each row is an input and a target, through one prompt or several."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.config.params import TextParams
from pipeline.contract.ragged import Ints
from pipeline.contract.text import TextEntry, TextManifest
from pipeline.errors import MixtureError
from pipeline.rendering.text_view import RENDERED, rendered
from pipeline.schema import EXAMPLE, ROLES, Role
from pipeline.tables import read_parquet, write_parquet_parts
from pipeline.tokens.encode import Encoder, encode
from pipeline.tokens.text_fit import TextSegments, fit_text, too_long
from pipeline.tokens.text_shards import write_text_shard
from pipeline.tokens.vocabulary import LANGUAGE
from pipeline.tokens.wordpiece import language_names
from pipeline.views.prompted import PromptedTask, prompted_task, warnings
from pipeline.views.view import TEXT, DataView, Entries, Job, TaskFiles


@dataclass(frozen=True, slots=True)
class TextTokens:
    """Makes the files of tasks; see `TokenMaker`."""

    job: Job
    entry: type[TextEntry] = TextEntry

    def manifest(self, role: Role) -> TextManifest:
        """Return the manifest of a role, without its tasks; rows for evaluation are never dropped."""
        settings = self.job.settings
        text, params = settings.text or TextParams(), settings.tokenize
        drops = params.long_rows == "drop" and role == "train"
        return TextManifest(
            **self.job.head(role),
            model=text.model,
            target_tokens=text.target_tokens,
            cut=text.cut,
            long_rows="error" if params.long_rows == "error" else "drop" if drops else "truncate",
            begins=text.model == "causal" and "bos" in self.job.vocabulary.special,
            prefix=text.prefix,
        )

    def depends_on(self, files: TaskFiles) -> Any:
        """Return the prompts of a task."""
        return self._prompted(files).key

    def _prompted(self, files: TaskFiles) -> PromptedTask:
        tokenizer = self.job.vocabulary.tokenizer
        return prompted_task(files.source, self.job.settings, files.task, tokenizer)

    def make(self, files: TaskFiles, folder: Path) -> Entries:
        """Write the text and the shards of a task; see `TokenMaker.make`."""
        prompted = self._prompted(files)
        made = [self._make_role(files, prompted, role, folder) for role in ROLES]
        write_parquet_parts((text for _, text in made), folder / TEXT, RENDERED)
        return dict(zip(ROLES, (entry for entry, _ in made), strict=True))

    def _make_role(
        self, files: TaskFiles, prompted: PromptedTask, role: Role, folder: Path
    ) -> tuple[TextEntry, pl.DataFrame]:
        """Write the shard of one role; return its entry, and its rows as text."""
        path, rule, task = files.curated[role], self.manifest(role), files.task
        examples = read_parquet(path, EXAMPLE)
        view, prompts = prompted.view(examples, role, where=str(path))
        view, untargeted = _targeted(view) if role == "train" else (view, 0)
        rows = segments(self.job.encoder, view)
        long = too_long(rows, rule)
        _refuse(rule, view, long, where=str(path))
        dropped = long if rule.long_rows == "drop" else long[:0]
        if len(dropped):
            stays = pl.Series(range(view.height)).is_in(dropped).not_()
            rows, view = rows.take(stays.arg_true().to_numpy().astype("int64")), view.filter(stays)
        if role == "train" and view.is_empty() and task not in self.job.settings.held_out:
            raise MixtureError(
                f"task '{task}' has no train rows left to learn from",
                where=str(path),
                expected="rows with a target" + (" that fit" if len(dropped) else ""),
                remedy=f"see why in {files.drops}, or take '{task}' out of the mixture",
            )
        entry = write_text_shard(
            folder / f"{role}.arrow",
            fit_text(rows, rule),
            view,
            rule,
            task=task,
            form=str(examples["form"][0]) if examples.height else "",
            prefix_id=self.job.vocabulary.prefixes[task],
            left_out={"dropped": len(dropped), "untargeted": untargeted},
            prompts=prompts,
            draw=prompted.draw,
        )
        return entry, rendered(view, role=role, prefix=rule.prefix)

    def notes(self, entries: Mapping[str, Entries]) -> Iterator[str]:
        """Yield what a person should know of prompts."""
        return warnings(
            {
                task: {
                    role: entry.prompts
                    for role, entry in roles.items()
                    if isinstance(entry, TextEntry)
                }
                for task, roles in entries.items()
            }
        )


def _targeted(view: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Leave out rows whose target is hidden: there is nothing to learn from them."""
    kept = view.filter(pl.col("target").is_not_null())
    return kept, view.height - kept.height


def segments(encoder: Encoder, view: pl.DataFrame) -> TextSegments:
    """Encode the texts of a text view."""
    return TextSegments(
        input=encode(encoder, view["input"]),
        target=encode(encoder, view["target"].fill_null("")),
        options=encode(encoder, view["options"].explode(empty_as_null=False, keep_nulls=False)),
        counts=view["options"].list.len().to_numpy().astype("int64"),
    )


def _refuse(rule: TextManifest, view: pl.DataFrame, long: Ints, *, where: str) -> None:
    if rule.long_rows != "error" or not len(long):
        return
    row = int(long[0])
    raise MixtureError(
        f"{len(long)} rows of {view.height} do not fit, the first is {view['example_id'][row]}",
        where=where,
        expected=f"input and target in {rule.max_tokens} tokens, since tokenize.long_rows is 'error'",
        remedy="raise tokenize.max_tokens, or set tokenize.long_rows to truncate or drop",
    )


TEXT_VIEW = DataView(LANGUAGE, language_names, TextTokens)
