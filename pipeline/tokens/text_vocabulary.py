"""What a language model's tokenizer needs: an end, perhaps a beginning, and padding.

The tokenizer folder of the text view is the one that `vocabulary` knows, with other special tokens.
Knows no task.
"""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, processors

from pipeline.contract.files import read_json, sha256
from pipeline.errors import TrainingError
from pipeline.tokens import wordpiece
from pipeline.tokens.vocabulary import Vocabulary, read_tokenizer

_USUAL = {
    "bos": (),
    "eos": ("</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "[SEP]"),
    "pad": ("<pad>", "[PAD]", "<|pad|>"),
    "unk": ("<unk>", "[UNK]"),
}
_ROLES = ("bos", "eos", "pad")
_FILES = ("special_tokens_map.json", "tokenizer_config.json")


def text_names(tokenizer: Tokenizer, folder: Path) -> dict[str, str]:
    """Return role -> special token of a language model's tokenizer, as the files beside it name them.

    `bos` is left out where they name none; `pad` is the end token where there is none of its own.

    Raises:
        TrainingError: There is no token that ends a text.
    """
    written: dict[str, Any] = {}
    for name in _FILES:
        if (folder / name).exists():
            written |= read_json(folder / name)
    names: dict[str, str] = {}
    for role, usual in _USUAL.items():
        token = written.get(f"{role}_token")
        # some files write a token as an object
        candidates = (token.get("content") if isinstance(token, dict) else token, *usual)
        known = [c for c in candidates if c and tokenizer.token_to_id(c) is not None]
        if known:
            names[role] = known[0]
    if "eos" not in names:
        raise TrainingError(
            "the tokenizer has no token that ends a text",
            where=str(folder),
            expected="an eos_token in tokenizer_config.json",
            remedy="set model.source to a language model (GPT-2, Llama, T5 and their kin) or to 'small'",
        )
    return {"pad": names["eos"], **names}


def small_names(tokenizer: Tokenizer) -> dict[str, str]:
    """Return the special tokens of a small tokenizer, and make it begin a text and not end it."""
    names = {"bos": wordpiece.SPECIAL["cls"], "eos": wordpiece.SPECIAL["sep"]}
    bos = names["bos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    return names | {role: wordpiece.SPECIAL[role] for role in ("pad", "unk")}


def load_text(folder: Path) -> Vocabulary:
    """Read the tokenizer folder of a text mixture.

    Returns:
        The vocabulary; `special` has `eos` and `pad`, and `bos` where there is one.

    Raises:
        ArtefactError: A file is missing or unreadable.
        TrainingError: There is no token that ends a text.
    """
    path = folder / "tokenizer.json"
    tokenizer = read_tokenizer(path)
    names = text_names(tokenizer, folder)
    tokenizer.encode_special_tokens = True
    ids = tokenizer.get_vocab(with_added_tokens=True)
    return Vocabulary(
        tokenizer=tokenizer,
        special={role: ids[names[role]] for role in _ROLES if role in names},
        prefixes={entry["task"]: entry["id"] for entry in read_json(folder / "prefixes.json")},
        size=max(ids.values()) + 1,
        sha256=sha256(path),
        files={file.name: sha256(file) for file in sorted(folder.iterdir()) if file.is_file()},
        max_positions=read_json(folder / "tokenizer_config.json").get("model_max_length"),
    )
