"""A hub model's tokenizer files: fetched without the model. Knows no task."""

from pathlib import Path

from pipeline.errors import TrainingError

_FILES = ("special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")


def download(model: str, revision: str | None) -> Path:
    """Fetch the tokenizer files of a hub model and return the folder that holds them.

    Args:
        model: Hub id, for example `microsoft/deberta-v3-small`.
        revision: Commit; None is today's.

    Raises:
        TrainingError: The id or the commit is unknown, the model has no `tokenizer.json`, or the hub
            cannot be reached and its cache lacks the files.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    where = f"model.source: '{model}'" + (f" at {revision}" if revision else "")
    try:
        folder = Path(snapshot_download(model, revision=revision, allow_patterns=list(_FILES)))
    except (HFValidationError, HfHubHTTPError) as error:
        raise TrainingError(
            f"the hub refuses it: {_first_line(error)}",
            where=where,
            expected="'small', a hub id, './folder' or 'package:NAME/folder'",
            remedy="check the id and model.revision; a gated model needs `hf auth login`",
        ) from error
    except (EntryNotFoundError, OSError) as error:
        raise TrainingError(
            f"it is not in the hub's cache, and the hub cannot be reached: {_first_line(error)}",
            where=where,
            remedy="connect once to fetch it, or set model.source to 'small', './folder' or "
            "'package:NAME/folder'",
        ) from error
    if not (folder / "tokenizer.json").exists():
        raise TrainingError(
            "the model has no tokenizer.json",
            where=where,
            remedy="convert it once (`AutoTokenizer.from_pretrained(ID).save_pretrained(FOLDER)`) and "
            "set model.source to './FOLDER'",
        )
    return folder


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
