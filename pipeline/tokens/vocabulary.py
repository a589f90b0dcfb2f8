"""The tokenizer folder: a `tokenizer.json`, what its special tokens are, and the task prefixes.

The base vocabulary comes first and the prefixes after it, in task order, so that no prefix moves
another token's id. `transformers.AutoTokenizer` reads the folder too, to the same ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from pipeline.contract.files import read_json, require, sha256, write_json
from pipeline.errors import ArtefactError, TrainingError


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialTokens:
    """The special tokens that a kind of model has.

    Attributes:
        usual: Role -> spellings to try where the tokenizer's files name none.
        kept: Roles whose ids stand in the manifest of tokens, where there is such a token.
        needed: Roles without which a tokenizer is refused.
        instead: Role -> the role whose token it takes where it has none of its own.
        models: Models with such tokens, for an error.
    """

    usual: Mapping[str, tuple[str, ...]]
    kept: tuple[str, ...]
    needed: tuple[str, ...]
    instead: Mapping[str, str] = field(default_factory=dict)
    models: str


ENCODER = SpecialTokens(
    usual={
        "cls": ("[CLS]", "<s>", "<cls>"),
        "sep": ("[SEP]", "</s>", "<sep>"),
        "pad": ("[PAD]", "<pad>"),
        "mask": ("[MASK]", "<mask>"),
        "unk": ("[UNK]", "<unk>"),
    },
    kept=("cls", "sep", "pad", "mask"),
    needed=("cls", "sep", "pad", "mask"),
    models="an encoder (BERT, RoBERTa, DeBERTa, MiniLM)",
)
LANGUAGE = SpecialTokens(
    usual={
        "bos": (),
        "eos": ("</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "[SEP]"),
        "pad": ("<pad>", "[PAD]", "<|pad|>"),
        "unk": ("[UNK]", "<unk>"),
    },
    kept=("bos", "eos", "pad"),
    needed=("eos",),
    instead={"pad": "eos"},
    models="a language model (GPT-2, Llama, T5 and their kin)",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer that is ready to encode, and what its ids mean.

    Attributes:
        tokenizer: Neither cuts nor pads; a special token that occurs in a text is plain text to it.
        special: Role of a special token -> id; see `SpecialTokens.kept`.
        prefixes: Task -> id of its prefix token, tasks in name order.
        size: Highest id plus 1: rows that an embedding table needs.
        sha256: Of `tokenizer.json`.
        files: Name -> SHA-256 of each file of the folder.
        max_positions: Longest sequence that the model takes; None where it has no limit of its own.
    """

    tokenizer: Tokenizer
    special: dict[str, int]
    prefixes: dict[str, int]
    size: int
    sha256: str
    files: dict[str, str]
    max_positions: int | None


def save(
    tokenizer: Tokenizer,
    names: Mapping[str, str],
    prefixes: Mapping[str, str],
    folder: Path,
    *,
    max_positions: int | None = None,
) -> None:
    """Add the prefixes to `tokenizer` and write its folder.

    Args:
        tokenizer: The base vocabulary; it is changed.
        names: Role -> special token, from `special_names` or `wordpiece.SPECIAL`.
        prefixes: Task -> prefix token.
        folder: An empty folder.
        max_positions: Longest sequence that the model takes, special tokens included; None where it
            takes any. Stands as `model_max_length` in `tokenizer_config.json`, where `transformers`
            looks for it too.
    """
    ordered = dict(sorted(prefixes.items()))
    tokens = [AddedToken(t, special=True, normalized=False) for t in ordered.values()]
    tokenizer.add_special_tokens(tokens)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {f"{role}_token": names[role] for role in sorted(names)}
    config: dict[str, Any] = special | {"tokenizer_class": "PreTrainedTokenizerFast"}
    if max_positions is not None:
        config["model_max_length"] = max_positions
    write_json(special, folder / "special_tokens_map.json")
    write_json(config, folder / "tokenizer_config.json")
    listed = [
        {"task": task, "token": token, "id": tokenizer.token_to_id(token)}
        for task, token in ordered.items()
    ]
    write_json(listed, folder / "prefixes.json")


def load(folder: Path, kind: SpecialTokens) -> Vocabulary:
    """Read a folder that `save` wrote.

    Args:
        folder: The folder.
        kind: Special tokens that it must have.

    Raises:
        ArtefactError: A file is missing or unreadable.
        TrainingError: A special token that the trainer needs is missing.
    """
    path = folder / "tokenizer.json"
    tokenizer = read_tokenizer(path)
    names = special_names(tokenizer, folder, kind)
    tokenizer.encode_special_tokens = True
    ids = tokenizer.get_vocab(with_added_tokens=True)
    return Vocabulary(
        tokenizer=tokenizer,
        special={role: ids[names[role]] for role in kind.kept if role in names},
        prefixes={entry["task"]: entry["id"] for entry in read_json(folder / "prefixes.json")},
        size=max(ids.values()) + 1,
        sha256=sha256(path),
        files={file.name: sha256(file) for file in sorted(folder.iterdir()) if file.is_file()},
        max_positions=read_json(folder / "tokenizer_config.json").get("model_max_length"),
    )


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`, with cutting and padding turned off.

    Raises:
        ArtefactError: It is missing, or no file of the `tokenizers` package.
    """
    require(path)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare `Exception`
        raise ArtefactError(
            f"not a tokenizer: {error}",
            where=str(path),
            expected="a tokenizer.json as the `tokenizers` package writes it",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def special_names(tokenizer: Tokenizer, folder: Path, kind: SpecialTokens) -> dict[str, str]:
    """Return role -> special token, as the files beside `tokenizer.json` name them.

    Where they name none, the usual spellings are tried. A role without a token is left out.

    Raises:
        TrainingError: There is no token for a role that is needed.
    """
    written: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).exists():
            written |= read_json(folder / name)
    names = {}
    for role, usual in kind.usual.items():
        token = written.get(f"{role}_token")
        # some files write a token as an object
        candidates = (token.get("content") if isinstance(token, dict) else token, *usual)
        known = [c for c in candidates if c and tokenizer.token_to_id(c) is not None]
        if known:
            names[role] = known[0]
    missing = [role for role in kind.needed if role not in names]
    if missing:
        raise TrainingError(
            f"the tokenizer has no {', '.join(missing)} token",
            where=str(folder),
            expected=f"the special tokens of a model of this view: {', '.join(kind.needed)}",
            remedy=f"set model.source to {kind.models} or to 'small'",
        )
    return {role: names[other] for role, other in kind.instead.items()} | names
