"""What the data side asks of a view: special tokens, and how a task's rows become text and tokens."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer

from pipeline.config.settings import TokenizeSettings
from pipeline.contract.manifest import Manifest, TaskEntry
from pipeline.schema import Role
from pipeline.tokens.encode import Encoder
from pipeline.tokens.vocabulary import SpecialTokens, Vocabulary

TEXT = "text.parquet"
"""File with the text of all roles of a task, in the folder that `TokenMaker.make` fills."""

Entries = Mapping[Role, TaskEntry]


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """Where the rows of one task lie.

    Attributes:
        task: Name.
        curated: Curated rows of each role.
        source: Its resolved source.
        drops: Why rows are missing.
    """

    task: str
    curated: Mapping[Role, Path]
    source: Path
    drops: Path


@dataclass(frozen=True, slots=True)
class Job:
    """All that the tasks of one run have in common.

    Attributes:
        settings: Of the stage `tokenize`.
        vocabulary: Of the mixture.
        encoder: Turns texts into ids.
    """

    settings: TokenizeSettings
    vocabulary: Vocabulary
    encoder: Encoder

    def head(self, role: Role) -> dict[str, Any]:
        """Return what the manifests of all views have in common."""
        return {
            "role": role,
            "max_tokens": self.settings.tokenize.max_tokens,
            "vocabulary": self.vocabulary.size,
            "special": self.vocabulary.special,
            "tokenizer_sha256": self.vocabulary.sha256,
            "tokenizer_files": self.vocabulary.files,
        }


class TokenMaker(Protocol):
    """Makes the files of tasks."""

    @property
    def entry(self) -> type[TaskEntry]:
        """Kind of entry that a manifest holds for a task."""

    def manifest(self, role: Role) -> Manifest:
        """Return the manifest of a role, without its tasks: what ids depend on beside the rows."""

    def depends_on(self, files: TaskFiles) -> Any:
        """Return what a task's files depend on beside manifests, curated rows and code; plain JSON."""

    def make(self, files: TaskFiles, folder: Path) -> Entries:
        """Write `TEXT` and `<role>.arrow` of each role into a folder; return the task's entries.

        Raises:
            MixtureError: Rows that the view cannot take, no train rows, or a long row where none may be.
        """

    def notes(self, entries: Mapping[str, Entries]) -> Iterator[str]:
        """Word what a person should know of the tasks."""


@dataclass(frozen=True, slots=True)
class DataView:
    """One view.

    Attributes:
        special: Special tokens of its models.
        small_names: Sets up a small tokenizer; returns role -> special token.
        maker: Makes the files of tasks.
    """

    special: SpecialTokens
    small_names: Callable[[Tokenizer], Mapping[str, str]]
    maker: Callable[[Job], TokenMaker]
