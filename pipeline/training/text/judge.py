"""A language model's answers to the rows of a role, prompt by prompt."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.contract.files import REMEDY
from pipeline.contract.ragged import Ints
from pipeline.contract.text import TextShard, open_text_shards
from pipeline.errors import ArtefactError
from pipeline.metrics.classification import accuracy
from pipeline.modeling.language import LanguageModel
from pipeline.training.grouping import OVERHEAD
from pipeline.training.start import check_vocabulary
from pipeline.training.text.batches import TextPlan
from pipeline.training.text.predict import (
    ReadingPlan,
    answers_from,
    decodes_exactly,
    score_options,
    split_rows,
)
from pipeline.training.text.prompts import read_prompts
from pipeline.training.text.start import load_language
from pipeline.training.view import JudgedTask, PromptName


def judge_texts(
    folder: Path, tokens: Path, run: Mapping[str, Any], token_budget: int
) -> Iterator[JudgedTask]:
    """Yield a language model's answers to all rows of all tasks; see `views.judge_model`.

    A prompt that made no row of the role is passed over; a task without any row has its first prompt
    alone, without answers. Of run.json the view's `model` and `score` count: the folder may hold any such
    model.
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
    check_vocabulary(len(model.embeddings.weight), shards, str(folder))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    start = model.start if model.kind == "seq2seq" else None
    plan = TextPlan(1, token_budget, OVERHEAD[device.type], start)
    how = ReadingPlan(shards.special, shards.max_tokens, plan, device)
    for shard in shards.shards:
        made = [(prompt, rows) for prompt, rows in prompts[shard.task].rows() if len(rows)]
        for prompt, rows in made or list(prompts[shard.task].rows())[:1]:
            yield _judge_prompt(model, shard, prompt, rows, how, score=text["score"])


def _judge_prompt(
    model: LanguageModel,
    shard: TextShard,
    prompt: PromptName,
    rows: Ints,
    how: ReadingPlan,
    *,
    score: str,
) -> JudgedTask:
    ranked, free = split_rows(shard, rows)
    by_score = {
        name: answers_from(ranked, scores)
        for name, scores in score_options(model, ranked, how).items()
    }
    found = {f"accuracy_{n}": accuracy(a.predicted, a.label) for n, a in by_score.items()}
    figures = {name: round(value, 6) for name, value in found.items() if value is not None}
    if not len(ranked) and len(free):
        right = round(float(decodes_exactly(model, free, how).mean()), 6)
        figures = {"rows": len(free), "accuracy": right, "exact_match": right}
    answers = by_score[score]
    return JudgedTask(shard.task, shard.form, answers, figures=figures, score=score, prompt=prompt)
