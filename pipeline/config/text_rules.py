"""What each stage is told of the text view, and the rules between its sections. Pure."""

from typing import NamedTuple

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params, TextParams
from pipeline.config.strict import PLAIN
from pipeline.errors import ConfigError


class TextSettings(NamedTuple):
    """The text view as three stages see it: what changes nothing for a stage is left at its default."""

    tokens: TextParams | None
    packs: TextParams | None
    train: TextParams | None
    batch: int | None
    """Units of a global batch."""


def text_settings(card: MixtureCard, params: Params) -> TextSettings:
    """Return what each stage is told of the text view: nothing for a mixture of the choice view.

    Raises:
        ConfigError: Targets or packs do not fit `tokenize.max_tokens`.
    """
    if card.view != "text":
        return TextSettings(None, None, None, None)
    _check(params)
    text = params.text
    prompted = any(
        entry.pool or entry.prompts not in (None, PLAIN) for entry in card.tasks.values()
    )
    fields = {"field_tokens": text.field_tokens, "eval_prompts": text.eval_prompts}
    packed = text.pack_tokens if text.model == "causal" else None
    window = {"pack_window": text.pack_window} if packed else {}
    attention = {"attention": text.attention} if text.model == "causal" else {}
    return TextSettings(
        tokens=TextParams(
            model=text.model,
            cut=text.cut,
            target_tokens=text.target_tokens,
            prefix=text.prefix,
            **(fields if prompted else {}),
        ),
        packs=TextParams(model=text.model, pack_tokens=packed, **window),
        train=TextParams(
            model=text.model, pack_tokens=packed, score=text.score, **window, **attention
        ),
        batch=params.train.batch,
    )


def _check(params: Params) -> None:
    text, most = params.text, params.tokenize.max_tokens
    if not text.prefix and "prefix" in params.relate.scorers:
        raise ConfigError(
            "relate.scorers: 'prefix' compares what prefixes learnt, and text.prefix is false",
            where="params.yaml",
            remedy="take it out, and let tailor.scorer name another",
        )
    # beside a target: a quarter for the input, the prefix, and a token that begins the text
    room = most - most // 4 - 2 if text.model == "causal" else most - 1
    if text.target_tokens > room:
        raise ConfigError(
            f"text.target_tokens: is {text.target_tokens}",
            where="params.yaml",
            expected=f"at most {room}, since tokenize.max_tokens is {most}",
        )
    if text.model == "causal" and text.pack_tokens is not None and text.pack_tokens < most:
        raise ConfigError(
            f"text.pack_tokens: is {text.pack_tokens}",
            where="params.yaml",
            expected=f"at least tokenize.max_tokens ({most}), or null",
        )
    if params.tokenize.long_rows not in ("truncate", "drop", "error"):
        raise ConfigError(
            f"tokenize.long_rows: is '{params.tokenize.long_rows}'",
            where="params.yaml",
            expected="truncate, drop or error in the text view: windows of an input have no target",
        )
