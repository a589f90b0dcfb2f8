"""A pretrained model's tokenizer files, and what its config says of lengths. Knows no task."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from pipeline.contract.files import read_json
from pipeline.errors import ArtefactError, TrainingError

_FILES = ("config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")

_AFTER_PAD = (
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "luke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)
"""Model types that number a sequence's positions from `pad_token_id + 1` on: that many rows of their
table of positions hold no token."""

_POSITIONS = {"gpt2": "n_positions", "openai-gpt": "n_positions"}
"""Model types that give the number of positions another name."""


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


def set_leading_space(tokenizer: Tokenizer, folder: Path) -> None:
    """Give byte-level BPE the `add_prefix_space` of the model's `tokenizer_config.json`.

    It decides whether the first word of a text is encoded as inside a sentence (`true`) or as the start
    of one. The classes of `transformers` go by the config where it differs from `tokenizer.json`, and
    so does this, so that a model reads the ids that it was trained on. The plain class for any
    `tokenizer.json` does not look at it.

    Args:
        tokenizer: Read from the folder; it is changed.
        folder: The model's.
    """
    path = folder / "tokenizer_config.json"
    config = read_json(path) if path.exists() else {}
    wanted = config.get("add_prefix_space")
    plain = config.get("tokenizer_class") == "PreTrainedTokenizerFast"
    if isinstance(wanted, bool) and not plain:
        before = tokenizer.pre_tokenizer
        if isinstance(before, pre_tokenizers.ByteLevel):
            before.add_prefix_space = wanted
            tokenizer.pre_tokenizer = before


def max_positions(folder: Path) -> int | None:
    """Return the longest sequence that a model takes, as its `config.json` says.

    Args:
        folder: The model's.

    Returns:
        Tokens, special ones included; None where there is no config, or it gives no limit (models
        that know relative positions only).

    Raises:
        ArtefactError: The config is not JSON, or its numbers are none.
    """
    path = folder / "config.json"
    if not path.exists():
        return None
    config = read_json(path)
    kind = config.get("model_type") if isinstance(config, dict) else None
    count = config.get(_POSITIONS.get(str(kind), "max_position_embeddings")) if kind else None
    if count is None or (_is_number(count) and count <= 0):
        return None
    pad = config.get("pad_token_id")
    pad = 1 if pad is None else pad  # decoders often name none, and none counts from it
    if not _is_number(count) or not _is_number(pad):
        raise ArtefactError(
            f"max_position_embeddings is {count!r}, pad_token_id is {pad!r}",
            where=str(path),
            expected="whole numbers",
        )
    return int(count) - (int(pad) + 1 if kind in _AFTER_PAD else 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
