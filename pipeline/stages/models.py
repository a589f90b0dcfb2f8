"""Where a pretrained model lies: in a folder, inside an installed package, or fetched from the hub."""

from pathlib import Path

from pipeline.errors import TrainingError
from pipeline.sources.package import package_folder

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
    if source == "small":
        return None
    if source.startswith("package:"):
        package, _, folder = source.removeprefix("package:").partition("/")
        return package_folder(package, folder)
    if source.startswith((".", "/")):
        path = Path(source)
        if not path.is_dir():
            raise TrainingError(
                f"'{source}' is no folder",
                where=_WHERE,
                expected="a folder as `save_pretrained` writes it",
            )
        return path
    return _from_hub(source, revision)


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
