"""States at the prefixes of a model that was really trained, and of the one that it started from."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from pipeline.contract.choice import open_shards
from pipeline.errors import ArtefactError, ConfigError
from pipeline.modeling.prefixes import prefix_rows
from pipeline.relationships.evidence import read_prefixes
from pipeline.training.choice.features import sample_rows
from pipeline.training.choice.prefix_states import write_prefix_states
from pipeline.training.choice.start import build_model
from pipeline.training.run import recorded_run
from pipeline.training.session import run_session
from tests.training.prefixes import load_prefixes

ROWS = 6
TASKS = ("alpha", "beta", "gamma")


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def trained(folders, **changes):
    run_session(folders.write(folders.run(**changes)))
    return folders.root / "run" / "out"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=65, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=40,
        )  # fmt: skip
        BertModel(config).save_pretrained(folder)
    return folder


def written(built, out, **changes):
    path = built.root / "states.safetensors"
    told = {"tasks": TASKS, "rows": ROWS, "code": "code", "base": None, "threads": 1} | changes
    write_prefix_states(out, built.root / "tokens" / "train", path, **told)
    return path


def by_hand(model, built, task):
    """The mean state after [CLS], one sequence at a time, without padding."""
    shard = next(s for s in open_shards(built.root / "tokens" / "train").shards if s.task == task)
    rows = shard.rows.take(sample_rows(task, len(shard.rows), most=ROWS))
    states = []
    for row in range(len(rows)):
        context = rows.context.take(np.array([row])).values.tolist()
        seen = []
        for choice in range(rows.choice_offsets[row], rows.choice_offsets[row + 1]):
            option = rows.choices.take(np.array([choice])).values.tolist()
            ids = [2, shard.prefix_id, *context, 3, *option, 3]
            types = [0] * (len(context) + 3) + [1] * (len(option) + 1)
            with torch.inference_mode():
                hidden = model(
                    input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types])
                ).last_hidden_state
            seen.append(hidden[0, 1].double().numpy())
        states.append(np.mean(seen, axis=0))
    return np.mean(states, axis=0)


@pytest.mark.parametrize("pretrained", [False, True])
def test_states_are_means_at_the_prefix_before_and_after_training(folders, base, pretrained):
    built = folders().build()
    start = {"model_path": str(base), "model": {"source": "./base"}} if pretrained else {}
    out = trained(built, **start)
    path = written(built, out, base=base if pretrained else None)
    found = read_prefixes(path)
    assert found.tasks == TASKS
    after = BertModel.from_pretrained(out).eval()
    run = recorded_run(out, model_path=str(base) if pretrained else None)
    shards = open_shards(built.root / "tokens" / "train")
    before = build_model(run, shards, say=print)
    # the start is the one that training recorded
    torch.testing.assert_close(
        prefix_rows(before.embeddings, shards.prefixes), load_prefixes(out)[1]
    )
    for place, task in enumerate(TASKS):
        np.testing.assert_allclose(found.final_TD[place], by_hand(after, built, task), atol=1e-5)
        start = by_hand(before.encoder.eval(), built, task)
        np.testing.assert_allclose(found.initial_TD[place], start, atol=1e-5)
    assert np.abs(found.final_TD - found.initial_TD).max() > 1e-3


def test_a_file_of_the_same_is_kept_and_its_tasks_have_the_asked_sequence(folders):
    built = folders().build()
    out = trained(built)
    path = written(built, out)
    one, first = path.stat().st_ino, read_prefixes(path)
    assert written(built, out).stat().st_ino == one
    other = read_prefixes(written(built, out, tasks=TASKS[::-1]))
    assert path.stat().st_ino != one
    np.testing.assert_array_equal(other.final_TD, first.final_TD[::-1])
    written(built, out, rows=ROWS - 1)
    with safe_open(str(path), framework="numpy") as file:
        assert file.metadata()["rows"] == str(ROWS - 1)
        assert json.loads(file.metadata()["tasks"]) == list(TASKS)


def test_what_is_missing_is_named(folders, base):
    built = folders().build()
    out = trained(built)
    with pytest.raises(ArtefactError, match="task 'delta' has no train row that its prefix"):
        written(built, out, tasks=("alpha", "delta"))
    small = built.root / "small"
    shutil.copytree(base, small)
    shutil.copy(out / "run.json", small)
    with pytest.raises(
        ArtefactError, match="has 65 embeddings, the train shards 68 tokens"
    ) as error:
        written(built, small)
    assert error.value.expected == "a model that was trained on tokens of the same tokenizer"
    (out / "run.json").unlink()
    with pytest.raises(ConfigError, match=r"run.json: does not exist"):
        written(built, out)
    assert not (built.root / "states.safetensors").exists()
