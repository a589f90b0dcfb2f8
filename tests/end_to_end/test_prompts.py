"""What an edit of a prompt reaches, by the real DVC with the real stages."""

from pathlib import Path

import pytest

from tests.end_to_end.walk import ROOT, Walk, make_walk

pytestmark = pytest.mark.slow

PROMPTED = sorted(path.parent.name for path in (ROOT / "mixtures/prompts").glob("*/templates.yaml"))
SUITE = [
    task
    for task in PROMPTED
    if (ROOT / f"mixtures/tasks/{task}.yaml").exists()
    and "kind: suite" in (ROOT / f"mixtures/tasks/{task}.yaml").read_text()
]
FIRST, SECOND, OTHER = SUITE[:3]
CARD = f"""name: seen
view: text
tasks:
  {FIRST}: {{prompts: all}}
  {SECOND}: {{prompts: all, draw: one}}
sampling: {{preset: t0, epochs: 0.5}}
limits: {{train: 60, select: 10, report: 10}}
tailor: {{target: {FIRST}, scorer: text}}
trainings: {{compass: {{recipe: all, start: base}}, tailored: {{recipe: tailored, start: compass}}}}
params:
  model: {{vocabulary: 600}}
  tokenize: {{max_tokens: 96}}
  text: {{target_tokens: 16, prefix: false}}
  relate: {{scorers: [text, prior]}}
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """A project whose text mixture is tokenised and mixed."""
    walk = make_walk(tmp_path_factory.mktemp("seen"))
    (walk.root / "mixtures/seen.yaml").write_text(CARD)
    walk.taskloom("use", "seen")
    walk.ran = walk.repro("mix")
    return walk


def edit(walk: Walk, task: str) -> None:
    """Change the words of each prompt of a task."""
    path = walk.root / f"mixtures/prompts/{task}/templates.yaml"
    text = path.read_text()
    assert "|||" in text
    path.write_text(text.replace(" ||| ", " Well? ||| "))


def shards(walk: Walk) -> dict[str, str]:
    return {
        name: digest
        for name, digest in walk.hashes("data/seen/tokens", "data/seen/rendered").items()
        if not name.endswith("manifest.json")
    }


def inodes(walk: Walk) -> dict[str, int]:
    kept = walk.root / "data/seen/.tokenize"
    return {path.parent.name: path.stat().st_ino for path in kept.glob("*/train.arrow")}


def test_rows_are_made_through_prompts(seen: Walk):
    assert seen.ran[-3:] == ["tokenize", "plan", "mix"]
    assert "per prompt" in seen.taskloom("plan").stdout
    assert seen.repro("mix") == []


def test_a_prompt_of_no_task_of_the_mixture_reaches_resolve_alone(seen: Walk):
    edit(seen, OTHER)
    assert seen.repro("mix") == ["resolve"]


def test_a_prompt_reaches_the_shards_of_its_task_and_no_other(seen: Walk):
    before, kept = shards(seen), inodes(seen)
    edit(seen, SECOND)
    why = seen.taskloom("why", "tokenize").stdout
    assert f"prompts.{SECOND}.prompts.0.jinja" in why
    assert FIRST not in why
    assert seen.repro("mix") == ["resolve", "tokenize", "plan", "mix"]
    after = shards(seen)
    assert {Path(name).stem for name in before if before[name] != after[name]} == {SECOND}
    assert [task for task, inode in inodes(seen).items() if inode != kept[task]] == [SECOND]


def test_kept_tasks_outputs_and_cache_are_one_file(seen: Walk):
    path = seen.root / f"data/seen/tokens/train/{FIRST}.arrow"
    assert path.stat().st_ino == inodes(seen)[FIRST]
    cached = [
        p for p in (seen.root / ".dvc/cache").rglob("*") if p.stat().st_ino == path.stat().st_ino
    ]
    assert len(cached) == 1


def test_a_damaged_kept_task_is_made_again(seen: Walk):
    before = shards(seen)
    path = seen.root / f"data/seen/.tokenize/{FIRST}/select.arrow"
    path.unlink()
    path.write_bytes(b"other")
    edit(seen, SECOND)
    assert "tokenize" in seen.repro("tokenize")
    after = shards(seen)
    assert {Path(name).stem for name in before if before[name] != after[name]} == {SECOND}
