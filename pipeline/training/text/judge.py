"""A language model's answers on the rows of a role, prompt by prompt.

Knows the folder of a model and token shards; computes no figure but the share of rows answered right.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.contract.files import REMEDY
from pipeline.contract.ragged import Ints
from pipeline.errors import ArtefactError
from pipeline.metrics.answers import Answers
from pipeline.metrics.classification import accuracy
from pipeline.modeling.language import LanguageModel
from pipeline.training.cut import OVERHEAD
from pipeline.training.text.batches import TextPlan
from pipeline.training.text.predict import Reading, exact, option_scores, parts, text_answers
from pipeline.training.text.prompts import Prompt, read_prompts
from pipeline.training.text.shards import TextShard, open_text_shards
from pipeline.training.text.start import check_vocabulary, load_language


@dataclass(frozen=True, slots=True)
class TextJudged:
    """One task, answered through one of its prompts."""

    task: str
    form: str
    prompt: Prompt
    answers: Answers
    """Of the rows that have options, by the run's score; no row where none has any."""
    figures: dict[str, float]
    """`accuracy_sum` and `accuracy_mean` where rows have options; `rows`, `accuracy` and `exact_match`
    of greedy decoding where none has."""


def text_judged(
    folder: Path, tokens: Path, run: Mapping[str, Any], *, token_budget: int
) -> Iterator[TextJudged]:
    """Yield a language model's answers to all rows of all tasks, in name order, prompt by prompt.

    A prompt that made no row of the role is passed over; a task without any row has its first prompt
    alone, without answers.

    Args:
        folder: Output of a training, or any folder with such a model.
        tokens: `tokens/<role>`.
        run: Its run.json, of which the view's `model` and `score` count.
        token_budget: Most cells of a batch.

    Raises:
        ArtefactError: A file is missing or damaged, or the model does not know the vocabulary.
    """
    shards, text = open_text_shards(tokens), run["text"]
    if shards.model != text["model"]:
        raise ArtefactError(
            f"holds tokens for a {shards.model} model",
            where=str(tokens),
            expected=f"for a {text['model']} one",
            remedy=REMEDY,
        )
    prompts = read_prompts(tokens)
    model = load_language(folder, text["model"], max_tokens=shards.max_tokens)
    check_vocabulary(model, shards, str(folder))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    start = model.start if model.kind == "seq2seq" else None
    plan = TextPlan(1, token_budget, OVERHEAD[device.type], start)
    how = Reading(shards.special, shards.max_tokens, plan, device)
    for shard in shards.shards:
        made = [(prompt, rows) for prompt, rows in prompts[shard.task].rows() if len(rows)]
        for prompt, rows in made or list(prompts[shard.task].rows())[:1]:
            yield _judged(model, shard, prompt, rows, how, score=text["score"])


def _judged(
    model: LanguageModel, shard: TextShard, prompt: Prompt, rows: Ints, how: Reading, *, score: str
) -> TextJudged:
    ranked, free = parts(shard, rows)
    by_score = {
        name: text_answers(ranked, scores)
        for name, scores in option_scores(model, ranked, how).items()
    }
    found = {f"accuracy_{n}": accuracy(a.predicted, a.label) for n, a in by_score.items()}
    figures = {name: round(value, 6) for name, value in found.items() if value is not None}
    if not len(ranked) and len(free):
        right = round(float(exact(model, free, how).mean()), 6)
        figures = {"rows": len(free), "accuracy": right, "exact_match": right}
    return TextJudged(shard.task, shard.form, prompt, by_score[score], figures)
