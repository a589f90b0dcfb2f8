"""Where a pretrained model lies: in a folder, inside an installed package, or fetched from the hub."""

from pathlib import Path

from pipeline.contract.files import sha256
from pipeline.errors import ConfigError, TrainingError
from pipeline.sources.package import package_folder

SMALL = "small"
"""`model.source` of a model of random weights, in the size that params.yaml gives."""
TOKENIZER = "tokenizer.json"
_WHERE = "params.yaml: model.source"
_FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
"""What is fetched from the hub: never a format that can run code."""


def model_folder(source: str, revision: str | None) -> Path | None:
    """Return the folder of a pretrained model; None for a `small` one.

    Args:
        source: `small`, `./folder`, `/folder`, `package:NAME/folder` (located, never imported), or a
            hub id.
        revision: Commit of a hub model.

    Raises:
        TrainingError: There is no such folder, or the hub cannot be asked and has not been before.
    """
    if source == SMALL:
        return None
    return local_folder(source) or _from_hub(source, revision)


def local_folder(source: str) -> Path | None:
    """Return the folder of a model on this machine; None for a `small` one and for one of the hub.

    Raises:
        SourceError: The package is not installed, or lacks the folder.
        TrainingError: There is no such folder.
    """
    if source.startswith("package:"):
        package, _, folder = source.removeprefix("package:").partition("/")
        return package_folder(package, folder)
    if not source.startswith((".", "/")):
        return None
    path = Path(source)
    if not path.is_dir():
        raise TrainingError(
            f"'{source}' is no folder",
            where=_WHERE,
            expected="a folder as `save_pretrained` writes it",
        )
    return path


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files of a model that anything is read from, by name.

    Raises:
        ConfigError: It has no tokenizer.json.
    """
    if not (folder / TOKENIZER).exists():
        raise ConfigError(
            f"model.source: '{folder}' has no {TOKENIZER}",
            where="params.yaml",
            expected="a folder as `save_pretrained` writes it",
        )
    files = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
    return {path.name: sha256(path) for path in files}


def _from_hub(source: str, revision: str | None) -> Path:
    """Fetch a model, or take it from the local cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(source, revision=revision, allow_patterns=list(_FILES)))
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrainingError(
            f"model '{source}' cannot be fetched: {first}",
            where=_WHERE,
            expected="`small`, `./folder`, `package:NAME/folder`, or the id of a model of the hub",
            remedy="check the name and the network; a model that was fetched once works offline",
        ) from error
