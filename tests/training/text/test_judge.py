"""A folder's model on the rows of a role, prompt by prompt, whatever the batches."""

import json

import numpy as np
import pytest
import torch

from pipeline.contract.text import open_text_shards
from pipeline.errors import ArtefactError
from pipeline.modeling.encoder import Architecture
from pipeline.modeling.language_load import EndTokens, small_language
from pipeline.training.export import save_transformer
from pipeline.training.text.judge import judge_texts


@pytest.fixture(params=["causal", "seq2seq"])
def opened(request, text_folders):
    """Shards of three prompts, and a folder with a model as `transformers` writes it."""
    causal = request.param == "causal"
    folders = text_folders(model=request.param, begins=causal, prompts=3, rows=6).build()
    model = small_language(
        request.param, Architecture(2, 16, 2, 0.1), vocabulary=folders.vocabulary, max_tokens=32,
        special=EndTokens(2, 3, 0), seed=1,
    )  # fmt: skip
    for name, parameter in sorted(model.named_parameters()):
        torch.manual_seed(len(name))
        torch.nn.init.normal_(parameter, std=0.3)
    save_transformer(model.transformer, folders.root / "model", folders.root / "tokenizer")
    return folders, request.param


def judged(folders, kind, *, score="sum", token_budget=4000):
    run = {"text": {"model": kind, "score": score}}
    tokens = folders.root / "tokens" / "report"
    return list(judge_texts(folders.root / "model", tokens, run, token_budget))


def test_each_task_is_answered_once_a_prompt(opened):
    folders, kind = opened
    found = judged(folders, kind)
    assert [(part.task, part.prompt.id) for part in found] == [
        (task, prompt) for task in ("alpha", "beta", "gamma") for prompt in ("p0", "p1", "p2")
    ]
    for part in found[:6]:
        assert part.answers.source.tolist() == list(range(6))
        assert set(part.figures) == {"accuracy_sum", "accuracy_mean"}
    for part in found[6:]:
        assert set(part.figures) == {"rows", "accuracy", "exact_match"}
        assert part.figures["rows"] == 6
    shards = open_text_shards(folders.root / "tokens" / "report")
    alpha = shards.shards[0].rows
    labels = alpha.label[np.arange(6) * 3 + 1]
    assert found[1].answers.label.tolist() == labels.tolist()


def test_budget_and_padding_change_no_answer(opened):
    folders, kind = opened
    alone = judged(folders, kind, token_budget=40)
    for budget in (130, 10**6):
        for one, other in zip(alone, judged(folders, kind, token_budget=budget), strict=True):
            assert one.answers.predicted.tolist() == other.answers.predicted.tolist()
            assert one.figures == other.figures
            np.testing.assert_allclose(
                one.answers.probability, other.answers.probability, atol=1e-6
            )


def test_the_mean_is_another_score(opened):
    folders, kind = opened
    by_sum, by_mean = judged(folders, kind), judged(folders, kind, score="mean")
    for one, other in zip(by_sum[:6], by_mean[:6], strict=True):
        assert one.figures == other.figures
        for part, score in ((one, "sum"), (other, "mean")):
            right = float(part.answers.right.mean())
            assert part.figures[f"accuracy_{score}"] == pytest.approx(right, abs=1e-6)
    assert any(
        one.answers.predicted.tolist() != other.answers.predicted.tolist()
        for one, other in zip(by_sum[:6], by_mean[:6], strict=True)
    )


def test_prompts_without_rows_are_passed_over_and_tasks_without_rows_are_not(opened):
    folders, kind = opened
    path = folders.root / "tokens" / "report" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["tasks"][0]["prompts"].append({"id": "idle", "name": "makes nothing", "asked": 0})
    path.write_text(json.dumps(manifest))
    assert {part.prompt.id for part in judged(folders, kind)} == {"p0", "p1", "p2"}


def test_tokens_for_another_kind_of_model_are_refused(opened):
    folders, kind = opened
    other = "seq2seq" if kind == "causal" else "causal"
    with pytest.raises(ArtefactError, match=f"holds tokens for a {kind} model"):
        judged(folders, other)
