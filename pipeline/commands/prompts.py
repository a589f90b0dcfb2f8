"""`taskloom prompts import|list|lint|explain`: prompts taken in, shown, checked, explained.

They are looked up in the project, `mixtures/prompts`, and then in the pool, `prompts_dir`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.commands.prompt_rows import SAMPLE, Subject, subjects
from pipeline.config.load import load
from pipeline.config.params import Params
from pipeline.config.prompt_file import FILE, check_id, prompt_files, read_prompts, write_prompts
from pipeline.errors import ConfigError, unknown_name
from pipeline.layout import PARAMS, PROMPTS
from pipeline.templates.prompt import PromptFile


def main(arguments: Sequence[str]) -> None:
    """Run one of the commands.

    Raises:
        ConfigError: A prompt file is broken, or lint found an error.
        SourceError: The rows cannot be read.
    """
    options = _parser().parse_args(arguments)
    options.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskloom prompts", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="import|list|lint|explain")
    take = commands.add_parser(
        "import", help="copy prompts of a dataset, say out of a pool's checkout"
    )
    take.add_argument("source", type=Path, help=f"a {FILE}, or a folder with such files below it")
    take.add_argument("--dataset", help="DATASET or DATASET/SUBSET; default: all")
    take.add_argument(
        "--name", dest="rename", help="name of the task that they are for; default: as it is"
    )
    take.set_defaults(run=_import)
    for name, run, text in (
        ("list", _list, "print the prompts"),
        ("lint", _lint, "check the prompts, on rows where there are some"),
        ("explain", _explain, "say how each prompt is rendered, and why not better"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "dataset",
            nargs="?",
            help="a task, DATASET or DATASET/SUBSET; default: all of the project",
        )
        if name != "list":
            _add_rows(command)
        if name == "lint":
            command.add_argument(
                "--classes", default="", help="names of the classes, comma-separated, in order"
            )
            command.add_argument(
                "--label", default="label", help="column of the class's index (label)"
            )
        command.set_defaults(run=run)
    for command in commands.choices.values():
        command.add_argument(
            "--prompts", type=Path, help=f"folder of prompts ({PROMPTS}, and prompts_dir)"
        )
    return parser


def _add_rows(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rows", type=Path, help="rows of the dataset: parquet, jsonl or csv")
    command.add_argument(
        "--mixture", help="take the tasks' own rows, as a run of this mixture curated them"
    )
    command.add_argument("--sample", type=int, default=SAMPLE, help=f"rows to look at ({SAMPLE})")


def _folders(options: argparse.Namespace) -> list[Path]:
    """Return the folders that prompts are looked up in: the one named, or the project's and the pool."""
    if options.prompts is not None:
        return [options.prompts]
    pool = [Path(load(Params, PARAMS).prompts_dir)] if PARAMS.exists() else []
    return list(dict.fromkeys([PROMPTS, *pool]))


def _files(folders: Sequence[Path], dataset: str | None) -> list[PromptFile]:
    """Read the prompts of one dataset, from the first folder that has it, or all of the first folder."""
    known: list[str] = []
    for folder in folders:
        paths = [folder] if folder.name == FILE else prompt_files(folder)
        files = [read_prompts(path) for path in paths]
        if dataset is None:
            return files
        found = [file for file in files if dataset in (file.name, file.dataset)]
        if found:
            return found
        known += [file.name for file in files]
    what, remedy = unknown_name("dataset", dataset or "", known)
    raise ConfigError(what, where=" and ".join(map(str, folders)), remedy=remedy)


def _import(options: argparse.Namespace) -> None:
    files = _files([options.source], options.dataset)
    if options.rename and len(files) != 1:
        raise ConfigError(f"--name: {len(files)} datasets match", where="taskloom prompts import")
    for file in files:
        for prompt in file.prompts:
            check_id(prompt, where=file.name)
        if options.rename:
            file = replace(file, dataset=options.rename, subset=None)
        target = _inside(options.prompts or PROMPTS, file.name) / FILE
        if target.exists():
            raise ConfigError(
                "is there already", where=str(target), remedy="delete it to import it anew"
            )
        write_prompts(file, target)
        print(f"{target}: {len(file.prompts)} prompts")


def _inside(folder: Path, name: str) -> Path:
    """Return the folder of a dataset, which a name from a file may not lead out of."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ConfigError(
            f"dataset: '{name}' leads out of {folder}", where="taskloom prompts import"
        )
    return folder / name


def _list(options: argparse.Namespace) -> None:
    files = _files(_folders(options), options.dataset)
    for file in files:
        print(f"{file.name}: {len(file.prompts)} prompts")
        for prompt in file.prompts:
            kind = "options" if prompt.answer_choices is not None else "free text"
            task = {True: "original task", False: "another task", None: "task not said"}[
                prompt.original_task
            ]
            metrics = ", ".join(prompt.metrics or ("no metric",))
            print(f"  {prompt.id}  {prompt.name}: {kind}, {task}, {metrics}")
    print(f"{sum(len(file.prompts) for file in files)} prompts of {len(files)} datasets")


def _subjects(options: argparse.Namespace) -> list[Subject]:
    """Return prompts with the rows that they are looked at on."""
    files = [] if options.mixture else _files(_folders(options), options.dataset)
    return subjects(options, files)


def _lint(options: argparse.Namespace) -> None:
    errors = warnings = count = 0
    for subject in _subjects(options):
        found = subject.lint()
        for finding in found:
            level = "error" if finding.error else "warning"
            print(f"{subject.name}, {finding.prompt}: {level}: {finding.rule}: {finding.message}")
        errors += sum(finding.error for finding in found)
        warnings += sum(not finding.error for finding in found)
        count += len(subject.prompts)
    print(f"{count} prompts: {errors} errors, {warnings} warnings")
    if errors:
        raise ConfigError(f"{errors} errors in the prompts", where="taskloom prompts lint")


def _explain(options: argparse.Namespace) -> None:
    from pipeline.templates.explain import describe, explain
    from pipeline.templates.reference import Mode

    for subject in _subjects(options):
        if subject.rows is None:
            raise ConfigError(
                "without rows no field has a type", where="taskloom prompts explain",
                remedy="give a file of rows, --rows FILE, or a mixture that ran, --mixture NAME",
            )  # fmt: skip
        if options.mixture:
            print(f"{subject.name}:")
        for line in describe(explain(subject.prompts, subject.rows.schema, subject.rows, Mode())):
            print(line)
