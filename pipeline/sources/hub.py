"""Datasets of the Hugging Face hub at one commit: the only importer of `datasets`.

No code of a repository is ever run: sets that are published as a script name their data files.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.config.source import HubSource
from pipeline.errors import SourceError, nearest
from pipeline.sources.columnar import frame_of_table
from pipeline.sources.locate import refuse_escape

_BUILDERS = {
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".csv": "csv",
    ".arrow": "arrow",
}
_EXPORT = "refs/convert/parquet"
"""Branch into which the hub exports the sets that are published as a script."""
_OFFLINE = "the hub cannot be reached"
_CONNECT = "connect to the network once, or unset HF_HUB_OFFLINE and HF_DATASETS_OFFLINE"


def resolve_revision(source: HubSource) -> str:
    """Return the commit that a hub dataset is at now, 40 hexadecimal digits.

    Where the card names data files that the main branch does not have, it is the commit of the hub's
    Parquet export.

    Raises:
        SourceError: No such dataset, no access to it, or no network.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = HfApi().dataset_info(source.id)
        if source.data_files and not _has(info, _patterns(source)):
            info = HfApi().dataset_info(source.id, revision=_EXPORT)
    except HfHubHTTPError as error:
        raise _refused(source, error) from error
    except ValueError as error:
        raise SourceError(
            f"'{source.id}' is no id of a dataset: {_first_line(error)}",
            where="hub",
            expected="NAME or OWNER/NAME",
        ) from error
    except Exception as error:  # the client's own errors vary with the transport below it
        raise SourceError(
            f"{_OFFLINE} to look up the commit of '{source.id}': {_first_line(error)}",
            where="hub",
            remedy=f"{_CONNECT}, or write the commit into the card's `revision`",
        ) from error
    if not info.sha:
        raise SourceError(f"the hub names no commit of '{source.id}'", where="hub")
    return str(info.sha)


def _patterns(source: HubSource) -> list[str]:
    files = (source.data_files or {}).values()
    return [
        pattern for entry in files for pattern in ([entry] if isinstance(entry, str) else entry)
    ]


def _has(info: Any, patterns: Sequence[str]) -> bool:
    names = [sibling.rfilename for sibling in info.siblings or ()]
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _refused(source: HubSource, error: Exception) -> SourceError:
    """Word a refusal of the hub's server."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return _gated(source)
    if isinstance(error, RepositoryNotFoundError):
        return _not_found(source)
    return SourceError(f"the hub refused '{source.id}': {_first_line(error)}", where="hub")


def read_hub(source: HubSource, split_name: str, revision: str | None) -> pl.DataFrame:
    """Fetch one split, from the local cache where it is there.

    Args:
        source: Dataset, config and, for script-only sets, data files.
        split_name: The source's own name of the split.
        revision: Commit; None only for a dataset in a local folder.

    Returns:
        One row per record with the types of the source; class labels stay integers.

    Raises:
        SourceError: No such dataset, config or split, no access, no network, or a script.
    """
    import datasets

    where: dict[str, Any] = {"path": source.id, "name": source.config, "revision": revision}
    if source.data_files is not None:
        where = _fetched(source, split_name, revision)
    try:
        data = datasets.load_dataset(**where, split=split_name)
        table = data.with_format("arrow")[:]
    except Exception as error:  # the library raises what lies below it: os, http, arrow, its own
        raise _worded(source, split_name, error) from error
    return frame_of_table(table, where=f"{source.id}, {split_name}")


def _fetched(source: HubSource, split_name: str, revision: str | None) -> dict[str, Any]:
    """Fetch the data files of one split and return what loads them.

    `load_dataset` refuses a repository with a script even if it is told which files to read.
    """
    import huggingface_hub

    files = source.data_files or {}
    if split_name not in files:
        raise _unknown(source, "split", split_name, list(files))
    entry = files[split_name]
    patterns = [entry] if isinstance(entry, str) else list(entry)
    for pattern in patterns:
        refuse_escape(pattern, "file")
    folder = Path(source.id)
    if not folder.is_dir():
        try:
            folder = Path(
                huggingface_hub.snapshot_download(
                    source.id, repo_type="dataset", revision=revision, allow_patterns=patterns
                )
            )
        except Exception as error:  # as in `read_hub`
            raise _worded(source, split_name, error) from error
    found = [str(path) for pattern in patterns for path in sorted(folder.glob(pattern))]
    builder = _BUILDERS.get(Path(patterns[0]).suffix)
    if not found or builder is None:
        raise SourceError(
            f"'{source.id}' has no data file '{', '.join(patterns)}'",
            where="hub",
            expected=f"files of the commit {revision}, ending in {', '.join(_BUILDERS)}",
            remedy=f"their commit is often one of the branch {_EXPORT}",
        )
    return {"path": builder, "data_files": {split_name: found}}


def _worded(source: HubSource, split_name: str, error: Exception) -> SourceError:
    """Word an error of `datasets`, whose types say less than its messages."""
    text = str(error)
    if "gated" in text:
        return _gated(source)
    if text.startswith("Unknown split"):
        return _unknown(source, "split", split_name, _quoted_names(text.split("Should be one")[-1]))
    if isinstance(error, ValueError) and ("BuilderConfig" in text or "Config name" in text):
        known = _quoted_names(text.split(":", 1)[-1].split("Example")[0])
        return _unknown(source, "config", source.config or "", known)
    if "scripts are no longer supported" in text:
        return SourceError(
            f"'{source.id}' is published as a script, which is never run",
            where="hub",
            remedy="name its Parquet files in the card's `data_files`, by split; many sets have them "
            f"in the branch {_EXPORT}",
        )
    offline = isinstance(error, ConnectionError) or "LocalEntryNotFound" in type(error).__name__
    if offline or "offline" in text.lower():
        return SourceError(
            f"{_OFFLINE} to fetch '{source.id}', and it is not in the cache",
            where="hub",
            remedy=_CONNECT,
        )
    if isinstance(error, FileNotFoundError):
        return _not_found(source, _first_line(error))
    return SourceError(
        f"'{source.id}', split '{split_name}' cannot be loaded: {_first_line(error)}", where="hub"
    )


def _gated(source: HubSource) -> SourceError:
    return SourceError(
        f"'{source.id}' is gated",
        where="hub",
        remedy=f"accept its terms at https://huggingface.co/datasets/{source.id}, then run "
        "`hf auth login`",
    )


def _not_found(source: HubSource, detail: str = "") -> SourceError:
    return SourceError(
        f"no dataset '{source.id}', or its files are missing" + (f": {detail}" if detail else ""),
        where="hub",
        remedy="check the card's `id`, `revision` and `data_files`; a private set needs `hf auth login`",
    )


def _unknown(source: HubSource, kind: str, name: str, known: list[str]) -> SourceError:
    guess = nearest(name, known)
    what = f"'{source.id}' has no {kind} '{name}'" if name else f"'{source.id}' needs a {kind}"
    return SourceError(
        what,
        where="hub",
        expected=f"one of {', '.join(known)}" if known else "",
        remedy=f"did you mean '{guess}'?" if guess else "",
    )


def _quoted_names(text: str) -> list[str]:
    return sorted(set(re.findall(r"['\"]([^'\"]+)['\"]", text)))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
