from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.prompt_file import prompt_files, read_prompts, write_prompts
from pipeline.errors import ConfigError
from pipeline.templates.prompt import Prompt, PromptFile

ID = "11c67e6d-affb-4e8d-8a04-10186f8a789b"
FILE = f"""\
dataset: toy
subset: one
templates:
  {ID}: !Template
    answer_choices: Yes ||| No
    id: {ID}
    jinja: 'Is {{{{x}}}}

      so? ||| {{{{ answer_choices[label] }}}} '
    metadata: !TemplateMetadata
      choices_in_prompt: true
      languages:
      - en
      metrics:
      - Accuracy
      original_task: false
      task_template: true
    name: is it
    reference: ''
"""
PROMPT = Prompt(
    ID, "is it", "Is {{x}}\nso? ||| {{ answer_choices[label] }} ", "Yes ||| No", "", False, True,
    ("Accuracy",), ("en",),
    (("metadata.task_template", True),),
)  # fmt: skip


def read(text: str, tmp_path: Path) -> PromptFile:
    path = tmp_path / "templates.yaml"
    path.write_text(text)
    return read_prompts(path)


def test_all_fields_are_read(tmp_path):
    assert read(FILE, tmp_path) == PromptFile("toy", "one", (PROMPT,))
    assert read(FILE, tmp_path).name == "toy/one"


def test_keys_are_written_in_the_order_of_the_pool(tmp_path):
    write_prompts(read(FILE, tmp_path), tmp_path / "again.yaml")
    lines = (tmp_path / "again.yaml").read_text().splitlines()
    keys = [
        line.split(":")[0].strip() for line in lines if line.startswith("    ") and ": " in line
    ]
    assert keys == [
        "answer_choices", "id", "jinja", "metadata", "choices_in_prompt", "original_task",
        "task_template", "name", "reference",
    ]  # fmt: skip


def test_what_is_written_is_what_was_read_and_promptsource_reads_it(tmp_path):
    path = tmp_path / "out" / "templates.yaml"
    write_prompts(PromptFile("toy", None, (PROMPT,)), path)
    assert read_prompts(path) == PromptFile("toy", None, (PROMPT,))

    class Loader(yaml.SafeLoader):
        pass

    for tag in ("!Template", "!TemplateMetadata"):
        Loader.add_constructor(tag, lambda loader, node: loader.construct_mapping(node, deep=True))
    theirs = yaml.load(path.read_text(), Loader=Loader)["templates"][ID]
    assert (theirs["jinja"], theirs["answer_choices"]) == (PROMPT.jinja, PROMPT.answer_choices)
    assert theirs["metadata"]["languages"] == ["en"]


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n \t'\"{}|%#:-"),
    max_size=200,
)


@given(TEXTS, TEXTS)
@settings(max_examples=40, deadline=None)
def test_any_text_survives(tmp_path_factory, jinja, choices):
    path = tmp_path_factory.mktemp("t") / "templates.yaml"
    prompt = Prompt(ID, "n", jinja, choices)
    write_prompts(PromptFile("toy", None, (prompt,)), path)
    assert read_prompts(path).prompts == (prompt,)


def test_words_that_only_yaml_1_2_takes_for_numbers_stay_texts(tmp_path):
    assert read(FILE.replace("is it", "1e5"), tmp_path).prompts[0].name == "1e5"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("!Template\n", "!!python/object/apply:os.system\n"),
            "could not determine a constructor for the tag",
        ),
        (("!TemplateMetadata", "!Other"), "could not determine a constructor for the tag '!Other'"),
        (("templates:", "prompts:"), "no mapping with a key 'templates'"),
        ((f"id: {ID}", "id: other"), "id: is 'other', but stands under another"),
        (("name: is it", "name: 3"), "name: is 3, not a text"),
        (("choices_in_prompt: true", "choices_in_prompt: 7"), "choices_in_prompt: is 7"),
        (("      - en\n", "      - 5\n"), "languages: is [5]"),
        (("subset: one\n", "\tsubset: one\n"), "not YAML"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(change, message, tmp_path):
    with pytest.raises(ConfigError) as caught:
        read(FILE.replace(*change), tmp_path)
    assert message in str(caught.value)
    assert "templates.yaml" in str(caught.value)


def test_ids_are_checked_before_anything_is_written(tmp_path):
    path = tmp_path / "templates.yaml"
    with pytest.raises(ConfigError, match="id: 'x' is no UUID"):
        write_prompts(PromptFile("toy", None, (Prompt("x", "n", "a"),)), path)
    with pytest.raises(ConfigError, match="two prompts have one id"):
        write_prompts(PromptFile("toy", None, (PROMPT, PROMPT)), path)
    assert not path.exists()


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        list(prompt_files(tmp_path / "none"))
    with pytest.raises(ConfigError, match="no such file"):
        read_prompts(tmp_path / "templates.yaml")
