"""The same rows give the same mixture: whatever the files, the order on the card, threads and hashes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.contract.files import sha256
from pipeline.stages import curate, mix, normalize, plan, resolve, tokenize, tokenizer

CARD = """name: toy
tasks: {tasks}
sampling: {{strategy: temperature, temperature: 2, epochs: 2}}
groups: {{soft: {{strategy: equal, tasks: {soft}}}}}
phases: [{{name: early, share: 0.3, tasks: [soft]}}, {{name: late}}]
tailor: {{target: apples}}
trainings: {{compass: {{recipe: all, start: base}}, tailored: {{recipe: tailored, start: compass}}}}
"""
PLANNED = ("plans/compass.json", "mixes/compass/order.arrow", "mixes/compass/manifest.json")


def hashes() -> list[str]:
    return [sha256(Path("data/toy") / path) for path in PLANNED]


def built(project: Path, *, tasks="{apples: {}, pears: {}}", soft="[pears]") -> list[str]:
    (project / "mixtures/toy.yaml").write_text(CARD.format(tasks=tasks, soft=soft))
    resolve.main(["toy"])
    for task in ("apples", "pears"):
        normalize.main(["toy", task])
    for stage in (curate, tokenizer, tokenize):
        stage.main(["toy"])
    for stage in (plan, mix):
        stage.main(["toy", "compass"])
    return hashes()


def reshard(project: Path, task: str, parts: int) -> None:
    """Cut a task's train file into as many files, none of them of the same length."""
    folder = project / "data/external" / task
    lines = (folder / "train.jsonl").read_text().splitlines(keepends=True)
    (folder / "train.jsonl").unlink()
    cuts = [round(i * len(lines) / parts) for i in range(parts + 1)]
    for i in range(parts):
        piece = "".join(lines[cuts[i] : cuts[i + 1]])
        (folder / f"part-{i:03}.jsonl").write_text(piece)
    card = project / f"mixtures/tasks/{task}.yaml"
    card.write_text(card.read_text().replace("train.jsonl", "part-*.jsonl"))


@pytest.mark.parametrize("parts", [1, 7, 64])
def test_the_files_that_rows_lie_in_do_not_matter(project: Path, parts: int):
    whole = built(project)
    reshard(project, "apples", parts)
    reshard(project, "pears", parts)
    assert built(project) == whole


def test_the_order_of_keys_on_the_card_does_not_matter(project: Path):
    first = built(project, soft="[pears, apples]")
    settings = sha256(Path("data/toy/recipes/all/all.yaml"))
    assert built(project, tasks="{pears: {}, apples: {}}", soft="[apples, pears]") == first
    assert sha256(Path("data/toy/recipes/all/all.yaml")) == settings


def test_hash_seeds_and_threads_do_not_matter(project: Path):
    first = built(project)
    for seed, threads in (("1", "1"), ("77", "4")):
        names = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads) | {"PYTHONHASHSEED": seed}
        for path in PLANNED:
            (Path("data/toy") / path).unlink()
        code = (
            "from pipeline.stages import plan, mix, resolve\n"
            "resolve.main(['toy']); plan.main(['toy', 'compass']); mix.main(['toy', 'compass'])"
        )
        subprocess.run([sys.executable, "-c", code], check=True, env=environment,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        assert hashes() == first
