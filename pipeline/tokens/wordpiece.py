"""A small lowercase WordPiece tokenizer trained on given texts, the same to the byte every time.

The trainer of `tokenizers` numbers continuing letters (`##a`) in the order of a hash map with a random
salt, and breaks ties between merges by those numbers: two runs differ. So the alphabet is counted
first and handed to the trainer as given entries, whose numbers are then fixed. Knows texts only.
"""

from collections import Counter
from collections.abc import Iterable

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from pipeline.errors import TrainingError

SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
"""Role -> token; they have the ids 0 to 4."""

_MIN_COUNT = 2
_NO_LIMIT = 2**31 - 1


def train(texts: Iterable[list[str]], *, vocabulary: int) -> Tokenizer:
    """Train a tokenizer.

    Args:
        texts: Batches of texts; their order does not matter.
        vocabulary: Most entries, special tokens included. Letters take a quarter at most (the
            commonest, by how many distinct words hold them), so that a few texts in a script of
            thousands of signs leave room for words. There are fewer entries where the texts have
            fewer pieces that occur twice.

    Returns:
        A tokenizer that writes a pair as `[CLS] a [SEP] b [SEP]`.

    Raises:
        TrainingError: The texts hold no word.
    """
    batches = list(texts)
    words = _words(batches)
    if not words:
        raise TrainingError(
            "there is no text to train a tokenizer on",
            remedy="look at the curated train rows of the mixture's tasks",
        )
    letters = _alphabet(words, most=vocabulary // 8)
    inside = {letter for word in words for letter in word[1:]}
    entries = [*SPECIAL.values(), *letters, *(f"##{c}" for c in letters if c in inside)]
    learner = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        min_frequency=_MIN_COUNT,
        show_progress=False,
        special_tokens=entries,
        initial_alphabet=letters,
        limit_alphabet=len(letters),
    )
    scratch = _untrained(models.WordPiece(unk_token=SPECIAL["unk"]))
    scratch.train_from_iterator(batches, learner)
    return _assembled(scratch.get_vocab(with_added_tokens=False))


def language_names(tokenizer: Tokenizer) -> dict[str, str]:
    """Make a trained tokenizer begin a text and not end it; return role -> special token."""
    bos = SPECIAL["cls"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    return {"bos": bos, "eos": SPECIAL["sep"], "pad": SPECIAL["pad"], "unk": SPECIAL["unk"]}


def _untrained(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _assembled(vocabulary: dict[str, int]) -> Tokenizer:
    """Build the final tokenizer: the trainer's own would take every letter for a special token."""
    ordered = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    tokenizer = _untrained(models.WordPiece(ordered, unk_token=SPECIAL["unk"]))
    tokenizer.add_special_tokens(list(SPECIAL.values()))
    tokenizer.decoder = decoders.WordPiece()
    cls, sep = ((SPECIAL[role], vocabulary[SPECIAL[role]]) for role in ("cls", "sep"))
    tokenizer.post_processor = processors.BertProcessing(sep, cls)
    return tokenizer


def _words(batches: list[list[str]]) -> list[str]:
    """Return the distinct words, sorted."""
    scratch = _untrained(models.WordLevel(unk_token=SPECIAL["unk"]))
    counter = trainers.WordLevelTrainer(vocab_size=_NO_LIMIT, show_progress=False)
    scratch.train_from_iterator(batches, counter)
    return sorted(scratch.get_vocab(with_added_tokens=False))


def _alphabet(words: list[str], *, most: int) -> list[str]:
    """Return the letters that most distinct words hold, sorted; ties go by code point."""
    counts = Counter(letter for word in words for letter in sorted(set(word)))
    ranked = sorted(counts, key=lambda letter: (-counts[letter], letter))
    return sorted(ranked[:most])
