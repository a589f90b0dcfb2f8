"""Whether a tokenizer folder, a mixture and a model belong together. Reads no file."""

from collections.abc import Mapping

from pipeline.errors import ArtefactError, ConfigError
from pipeline.tokens.vocabulary import Vocabulary


def check_prefixes(vocabulary: Vocabulary, prefixes: Mapping[str, str], *, where: str) -> None:
    """Raise an `ArtefactError` unless every task's prefix is a token of this tokenizer."""
    wrong = [
        task
        for task, token in sorted(prefixes.items())
        if task not in vocabulary.prefixes
        or vocabulary.prefixes[task] != vocabulary.tokenizer.token_to_id(token)
    ]
    if wrong:
        raise ArtefactError(
            f"there is no prefix token for {', '.join(wrong)}",
            where=where,
            expected="the tokenizer of the same mixture",
            remedy="run `dvc repro tokenizer`",
        )


def check_positions(vocabulary: Vocabulary, max_tokens: int) -> None:
    """Raise a `ConfigError` if sequences would be longer than the pretrained model takes."""
    limit = vocabulary.max_positions
    if limit is not None and max_tokens > limit:
        raise ConfigError(
            f"tokenize.max_tokens: is {max_tokens}, and the model takes {limit} tokens at most",
            where="params.yaml",
            expected=f"{limit} or less (the config.json of model.source)",
            remedy=f"set tokenize.max_tokens to {limit}, or take a model with more positions",
        )
