"""Every example of docs/mixtures.md is a card that loads, and gives what the page says."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config.load import check, parse_yaml
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.strategies.base import Prompts
from pipeline.config.strategies.registry import STRATEGIES
from pipeline.mixing.compose import compose
from pipeline.mixing.lengths import MeanLengths

PAGE = (Path(__file__).parents[2] / "docs/mixtures.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n\nGives (.*?)\.\n", PAGE, flags=re.DOTALL)
BASE = parse_yaml(EXAMPLES[0][0], where="docs/mixtures.md")
LENGTHS = MeanLengths(
    {"large": 8000, "medium": 1000, "small": 50},
    {"large": 30.0, "medium": 60.0, "small": 120.0},
    {"large": 2.0, "medium": 4.0, "small": 8.0},
)


def prompts_of(card):
    """The prompts that a card names, each row seen through one of them."""
    named = {task: entry.prompts for task, entry in card.tasks.items() if entry.prompts}
    assert not named or card.draw == "one"
    return {task: Prompts(len(prompts), 1) for task, prompts in named.items()}


def test_every_example_says_what_it_gives():
    assert len(EXAMPLES) == PAGE.count("```yaml") > 20


@pytest.mark.parametrize(("example", "gives"), EXAMPLES)
def test_an_example_gives_what_the_page_says(example, gives):
    value = BASE | parse_yaml(example, where="docs/mixtures.md")
    card = check(MixtureCard, value, where="docs/mixtures.md")
    drawn = compose(card, replace(LENGTHS, prompts=prompts_of(card))).tasks
    assert gives == ", ".join(f"{task} {drawn[task].quota:,}" for task in drawn)


def test_every_strategy_has_a_section():
    listed = re.findall(r"\| \[`(\w+)`\]\(#", PAGE)
    sections = re.findall(r"^### (\w+)$", PAGE, flags=re.MULTILINE)
    assert listed == sections == list(STRATEGIES)
