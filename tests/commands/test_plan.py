"""The plan on the terminal: estimate before there are tokens, exact after."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.__main__ import main as door
from pipeline.commands import plan
from pipeline.config.prompt_file import write_prompts
from pipeline.errors import ConfigError, MixtureError
from pipeline.stages import curate, mix, normalize, resolve, tokenize, tokenizer
from pipeline.stages import plan as plan_stage
from pipeline.templates.prompt import Prompt, PromptFile


def printed(capsys, *arguments: str) -> str:
    capsys.readouterr()
    plan.main(arguments)
    return capsys.readouterr().out


def normalized() -> None:
    resolve.main(["toy"])
    for task in ("apples", "pears"):
        normalize.main(["toy", task])


def tokenized() -> None:
    normalized()
    for stage in (curate, tokenizer, tokenize):
        stage.main(["toy"])


def row_of(output: str, task: str) -> list[str]:
    return next(line.split() for line in output.splitlines() if line.startswith(task))


def edit(project: Path, old: str, new: str) -> None:
    path = project / "mixtures/toy.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_sizes_that_no_one_knows_are_said_to_be_unknown(project: Path, capsys):
    output = printed(capsys)
    assert output.startswith(
        "mixture 'toy', ESTIMATE: its tokens do not exist or are out of date\n"
    )
    assert row_of(output, "apples") == ["apples", "?"]
    assert output.endswith("2 tasks of unknown size; `taskloom data` normalizes them\n")


def test_normalized_tasks_are_estimated(project: Path, capsys):
    normalized()
    output = printed(capsys)
    assert "ESTIMATE" in output
    # 120 rows less the 50 of `select`
    assert row_of(output, "apples")[:6] == ["apples", "70", "50.00", "%", "70", "1.00"]
    assert "5 steps of 32 rows" in output
    assert "disk: " in output
    assert "time: roughly a second of training on 2 CPU threads" in output
    assert "?" not in output


def test_an_estimate_is_near_the_exact_plan(project: Path, capsys):
    normalized()
    estimate = row_of(printed(capsys), "2 tasks")
    for stage in (curate, tokenizer, tokenize):
        stage.main(["toy"])
    exact = row_of(printed(capsys), "2 tasks")
    assert exact[:7] == estimate[:7]  # rows, share, drawn, epochs
    ratio = float(exact[-2].replace(",", "")) / float(estimate[-2].replace(",", ""))
    assert 0.5 < ratio < 2.0


def test_the_exact_plan_is_that_of_the_stage(project: Path, capsys):
    tokenized()
    plan_stage.main(["toy", "compass"])
    table = capsys.readouterr().out.strip()
    output = printed(capsys)
    assert output.startswith("mixture 'toy', exact\n")
    assert table.splitlines()[-1] in output


def test_a_new_weight_is_planned_exactly_without_a_run(project: Path, capsys):
    tokenized()
    edit(project, "pears: {}", "pears: {weight: 3}")
    output = printed(capsys)
    assert output.startswith("mixture 'toy', exact\n")
    assert row_of(output, "pears")[2:5] == ["75.00", "%", "105"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("params.yaml", "max_tokens: 128", "max_tokens: 64"),
        ("params.yaml", "select_min: 50", "select_min: 40"),
        ("mixtures/tasks/pears.yaml", "classes: [bad, good]", "classes: [good, bad]"),
    ],
)
def test_tokens_of_another_recipe_are_not_trusted(project: Path, capsys, file, old, new):
    tokenized()
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert "ESTIMATE" in printed(capsys)


def test_a_suite_task_is_known_by_its_card(project: Path, capsys):
    card = project / "mixtures/tasks/pears.yaml"
    lines = card.read_text().splitlines()
    lines[2] = "source: {kind: suite, recipe: anything, rows: 1000}"
    lines[3] = "splits: {train: train, validation: validation}"
    card.write_text("\n".join(lines) + "\n")
    output = printed(capsys)
    assert row_of(output, "pears") == ["pears", "900"]
    assert row_of(output, "apples") == ["apples", "?"]
    assert "1 task of unknown size; `taskloom data` normalizes it" in output


def test_the_tailored_mixture_is_shown_once_it_is_planned(project: Path, capsys):
    tokenized()
    tailored = project / "data/toy/recipes/tailored/tailored.yaml"
    tailored.parent.mkdir()
    tailored.write_text(
        "name: toy_tailored\ntasks: {apples: {count: 140}, pears: {count: 20}}\n"
        "sampling: {strategy: counts}\ntailor: {target: apples}\n"
        "trainings: {compass: {recipe: all, start: base}}\n"
    )
    plan_stage.main(["toy", "tailored"])
    mix.main(["toy", "tailored"])
    output = printed(capsys, "toy")
    first, second = output.split("training 'tailored' for 'apples', exact as of the last run")
    assert row_of(first, "apples")[4] == "70"
    assert row_of(second, "apples")[4] == "140"


def test_a_mixture_that_cannot_be_drawn_is_refused(project: Path):
    tokenized()
    edit(project, "epochs: 1", "epochs: 300")
    with pytest.raises(MixtureError, match="task 'apples' would be repeated 300 times"):
        plan.main([])


def test_an_unknown_mixture_is_refused_with_the_nearest_name(project: Path, capsys):
    with pytest.raises(ConfigError, match="no mixture named 'toi'\n  to do: did you mean 'toy'?"):
        plan.main(["toi"])
    assert door(["plan", "toi"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_active_mixture_whose_card_is_gone_is_named(project: Path):
    (project / "mixtures/toy.yaml").unlink()
    with pytest.raises(ConfigError, match="no mixture named 'toy'"):
        plan.main([])


def retell(project: Path, *, tasks: str, rest: str) -> None:
    """Write the toy mixture anew."""
    text = f"name: toy\ntasks: {tasks}\n{rest}\ntailor: {{target: apples, k: 1}}\n"
    text += "trainings: {compass: {recipe: all, start: base}}\n"
    (project / "mixtures/toy.yaml").write_text(text)


def test_a_preset_is_shown_with_all_that_it_stands_for(project: Path, capsys):
    normalized()
    retell(
        project,
        tasks="{apples: {prompts: all, draw: one}, pears: {}}",
        rest="sampling: {preset: t0, epochs: 2}\nview: text",
    )
    prompts = tuple(Prompt(f"{i}", f"p{i}", "{{ question }} ||| {{ target }}") for i in range(3))
    prompts = tuple(
        replace(one, id=f"0000000{one.id}-0000-4000-8000-000000000000") for one in prompts
    )
    write_prompts(
        PromptFile("apples", None, prompts), project / "mixtures/prompts/apples/templates.yaml"
    )
    output = printed(capsys)
    assert (
        "strategy proportional, cap 500,000, per prompt, epochs 2 (preset 't0'); stop fixed; "
        "order shuffled\n"
    ) in output
    assert row_of(output, "apples")[2:5] == ["75.00", "%", "210"]
    assert "280 rows in order shuffled-" in output
    edit(project, ", draw: one", "")
    assert row_of(printed(capsys), "apples")[1:5] == ["210", "75.00", "%", "420"]


def test_groups_and_phases_are_shown(project: Path, capsys):
    normalized()
    rest = """sampling: {strategy: equal, rows: 100}
groups: {soft: {tasks: [pears]}}
phases: [{name: early, share: 0.25, tasks: [soft]}, {name: late}]"""
    retell(project, tasks="{apples: {}, pears: {}}", rest=rest)
    output = printed(capsys)
    lines = output.splitlines()
    at = lines.index("task    early  late")
    assert lines[at + 2 : at + 4] == ["apples      0    38", "pears      25    37"]
    assert ["soft", "1", "70", "62.50", "%", "62"] in [line.split() for line in lines]


def test_a_budget_of_tokens_is_estimated_from_text(project: Path, capsys):
    retell(
        project, tasks="{apples: {}, pears: {}}", rest="sampling: {strategy: tokens, tokens: 9000}"
    )
    assert "2 tasks of unknown size" in printed(capsys)
    normalized()
    output = printed(capsys)
    assert "ESTIMATE" in output
    assert abs(int(row_of(output, "apples")[7].replace(",", "")) - 4500) < 60


def test_what_figures_do_not_show_is_said(project: Path, capsys):
    normalized()
    retell(project, tasks="{apples: {}, pears: {}}",
           rest="sampling: {strategy: unimax, max_epochs: 2, rows: 400}")  # fmt: skip
    assert (
        "the budget is beyond 2 epochs of all tasks together, so that 2 of them are repeated more "
        "often\n"
    ) in printed(capsys)
    retell(project, tasks="{apples: {}, pears: {}}",
           rest="sampling: {strategy: equal, stop: endless, rows: 400}")  # fmt: skip
    assert "the mixture has no end; its first 400 rows are built\n" in printed(capsys)


def test_in_the_text_view_supervised_tokens_are_shown_and_lines_are_counted(project: Path, capsys):
    normalized()
    retell(project, tasks="{apples: {}, pears: {weight: 3}}",
           rest="view: text\nsampling: {strategy: supervised_tokens, tokens: 2000}")  # fmt: skip
    output = printed(capsys)
    assert row_of(output, "task")[-1] == "supervised"
    # "bad" and "good": 3.5 / 4 characters and an end
    assert row_of(output, "apples")[4:5] + row_of(output, "apples")[-1:] == ["267", "501"]
    assert "1,067 rows in order shuffled-" in output
    assert ": about 2 steps of 32 packed lines\n" in output


def test_what_resolve_would_refuse_is_refused_before_there_are_tokens(project: Path):
    edit(project, "tailor: {", "tailor: {scorer: prefx, ")
    with pytest.raises(ConfigError, match=r"tailor.scorer: no scorer named 'prefx'"):
        plan.main(())
