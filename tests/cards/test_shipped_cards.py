"""The cards that ship: they load, name their source honestly, and fit their mixtures."""

import re
from pathlib import Path

import pytest

from pipeline.config.catalog import check_view, load_task, load_tasks, names
from pipeline.config.load import load
from pipeline.config.mixture import MixtureTask
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.config.recipe import merged
from pipeline.config.source import FilesSource, HubSource
from pipeline.errors import ConfigError

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "mixtures" / "tasks"
MIXTURES = ROOT / "mixtures"
WITHOUT_CHOICES = {"gsm8k", "restaurant8k", "squad_v2"}
RAINBOW = {"anli", "cosmosqa", "csqa2", "hellaswag", "physicaliqa", "socialiqa", "winogrande"}

CARDS = {task: load_task(TASKS / f"{task}.yaml") for task in names(TASKS)}
REAL = {task: card for task, card in CARDS.items() if isinstance(card.source, FilesSource)}
HUB = {task: card for task, card in CARDS.items() if isinstance(card.source, HubSource)}


def mixture(name: str) -> MixtureCard:
    return load(MixtureCard, MIXTURES / f"{name}.yaml")


def test_sixty_tasks_come_from_files_and_forty_from_the_hub():
    assert (len(REAL), len(HUB)) == (60, 40)


@pytest.mark.parametrize("task", sorted(REAL | HUB))
def test_a_card_says_what_the_task_is_and_on_what_terms(task):
    card = CARDS[task]
    assert card.task == task
    assert card.licence.strip()
    assert card.description.strip()
    assert "\n" not in card.description + card.citation + card.note + card.licence
    assert card.homepage.startswith("https://")
    assert card.citation.split(":")[0].split(";")[0].isalnum()


@pytest.mark.parametrize("task", sorted(REAL | HUB))
def test_a_card_is_short_and_names_no_machine(task):
    text = (TASKS / f"{task}.yaml").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("\n") <= 80
    # a path that starts at the root is one machine's; a URL's slashes follow a colon or a slash
    assert re.findall(r"(?<![\w:/.@])/\w+/", text) == []


@pytest.mark.parametrize("task", sorted(REAL))
def test_files_of_a_task_lie_in_a_folder_of_its_name_and_were_read(task):
    source = REAL[task].source
    assert isinstance(source, FilesSource)
    assert source.folder == task
    assert REAL[task].verified


@pytest.mark.parametrize("task", sorted(HUB))
def test_a_hub_card_admits_that_it_was_never_fetched(task):
    source = HUB[task].source
    assert isinstance(source, HubSource)
    assert task.startswith("c40_")
    assert not HUB[task].verified
    assert source.id.count("/") == 1
    # A commit is written down only where the files do not lie on the main branch.
    assert (source.revision is None) == (source.data_files is None)


def test_splits_without_labels_are_the_hidden_ones():
    hidden = {task: card.hidden for task, card in (REAL | HUB).items() if card.hidden}
    assert hidden == {"cb": ("test",), "commonsense_qa": ("test",), "rte": ("test",)}


@pytest.mark.parametrize("task", sorted(CARDS))
def test_each_class_has_a_place_in_its_carrier_phrase(task):
    fields = CARDS[task].fields
    if fields.form in ("classification", "multi_label"):
        classes = fields.classes
        found = set(classes.values() if isinstance(classes, dict) else classes)
        assert "{class}" in fields.option
        assert len(found) >= 2


@pytest.mark.parametrize("name", names(MIXTURES))
def test_a_mixture_is_made_of_tasks_that_there_are(name):
    card = mixture(name)
    path = f"mixtures/{name}.yaml"
    assert card.name == name
    check_view(card, load_tasks(TASKS, card.tasks, where=path), where=path)
    merged(load(Params, ROOT / "params.yaml"), card.params, where=path)


def test_public60_holds_every_real_task_that_has_choices():
    assert set(mixture("public60").tasks) == set(REAL) - WITHOUT_CHOICES
    forms = {REAL[task].fields.form for task in WITHOUT_CHOICES}
    assert forms == {"text_to_text", "span"}


def test_compass40_holds_every_hub_task_and_rainbow_its_first_group():
    assert set(mixture("compass40").tasks) == set(HUB)
    assert set(mixture("rainbow").tasks) == {f"c40_{task}" for task in RAINBOW}


@pytest.mark.parametrize("name", ["compass40", "rainbow"])
def test_compass_mixtures_have_the_hyperparameters_of_the_original(name):
    card = mixture(name)
    params = merged(load(Params, ROOT / "params.yaml"), card.params, where=name)
    assert params.model.source == "microsoft/deberta-v3-large"
    assert (params.train.learning_rate, params.train.weight_decay) == (6e-6, 0.1)
    assert (params.train.mlm_weight, params.train.mlm_probability) == (0.1, 0.25)
    assert (card.limits.train, card.sampling.cap, card.sampling.passes) == (10_000, 10_000, 6)


@pytest.mark.parametrize("task", sorted(WITHOUT_CHOICES))
def test_a_choice_mixture_refuses_a_task_without_choices_by_its_name(task):
    card = mixture("public60")
    wider = card.model_copy(update={"tasks": {**card.tasks, task: MixtureTask()}})
    form = REAL[task].fields.form
    with pytest.raises(ConfigError) as error:
        check_view(wider, {**REAL}, where="mixtures/public60.yaml")
    assert str(error.value) == (
        f"mixtures/public60.yaml: tasks.{task}: form '{form}' has no choices, which view 'choice' "
        "needs; take it out of this mixture"
    )
