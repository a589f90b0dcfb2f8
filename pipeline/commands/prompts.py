"""`taskloom prompts import|list|lint|explain`: prompts taken in, shown, checked, explained."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from pipeline.config.prompt_file import FILE, check_id, prompt_files, read_prompts, write_prompts
from pipeline.errors import ConfigError, SourceError, unknown_name
from pipeline.templates.prompt import PromptFile

PROMPTS = Path("mixtures/prompts")
"""Where the project's own prompts lie, beside the cards: `<dataset>[/<subset>]/templates.yaml`."""
_SAMPLE = 200


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
        command.add_argument("dataset", nargs="?", help="DATASET or DATASET/SUBSET; default: all")
        if name != "list":
            command.add_argument(
                "--rows", type=Path, help="rows of the dataset: parquet, jsonl or csv"
            )
            command.add_argument(
                "--sample", type=int, default=_SAMPLE, help=f"rows to look at ({_SAMPLE})"
            )
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
            "--prompts", type=Path, default=PROMPTS, help=f"folder of prompts ({PROMPTS})"
        )
    return parser


def _files(folder: Path, dataset: str | None) -> list[PromptFile]:
    """Read the prompts of one dataset or of all."""
    single = folder.name == FILE
    files = [read_prompts(path) for path in ([folder] if single else prompt_files(folder))]
    if dataset is None:
        return files
    found = [file for file in files if dataset in (file.name, file.dataset)]
    if not found:
        what, remedy = unknown_name("dataset", dataset, [file.name for file in files])
        raise ConfigError(what, where=str(folder), remedy=remedy)
    return found


def _import(options: argparse.Namespace) -> None:
    files = _files(options.source, options.dataset)
    if options.rename and len(files) != 1:
        raise ConfigError(f"--name: {len(files)} datasets match", where="taskloom prompts import")
    for file in files:
        for prompt in file.prompts:
            check_id(prompt, where=file.name)
        if options.rename:
            file = replace(file, dataset=options.rename, subset=None)
        target = _inside(options.prompts, file.name) / FILE
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
    files = _files(options.prompts, options.dataset)
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


def _rows(options: argparse.Namespace) -> pl.DataFrame | None:
    """Read the sample of rows."""
    path = options.rows
    if path is None:
        return None
    readers: dict[str, Callable[[Path], pl.LazyFrame]] = {
        ".parquet": pl.scan_parquet,
        ".jsonl": pl.scan_ndjson,
        ".csv": pl.scan_csv,
    }
    if options.sample < 1:
        raise ConfigError(
            f"--sample: is {options.sample}", where="taskloom prompts", expected="1 or more"
        )
    if path.suffix not in readers or not path.exists():
        raise SourceError("no such file of rows", where=str(path), expected=" or ".join(readers))
    try:
        rows: pl.DataFrame = readers[path.suffix](path).head(options.sample).collect()
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"cannot be read: {error}", where=str(path)) from error
    casts = pl.selectors.by_dtype(pl.Categorical, pl.Enum).cast(pl.String)
    return rows.with_columns(casts).rename(lambda name: name.replace("-", "_"))


def _one_dataset(options: argparse.Namespace, files: list[PromptFile]) -> None:
    if options.rows is not None and len(files) != 1:
        raise ConfigError(
            f"--rows: goes with one dataset, {len(files)} match", where="taskloom prompts",
            expected="taskloom prompts COMMAND DATASET --rows FILE",
        )  # fmt: skip


def _lint(options: argparse.Namespace) -> None:
    from pipeline.templates.lint import Finding, lint_file, lint_rows, same_texts
    from pipeline.templates.render import PromptRenderer

    files = _files(options.prompts, options.dataset)
    _one_dataset(options, files)
    rows = _rows(options)
    classes = [name.strip() for name in options.classes.split(",") if name.strip()]
    errors = warnings = 0
    for file in files:
        found: list[Finding] = lint_file(file.prompts)
        unreadable = {finding.prompt for finding in found if finding.rule == "syntax"}
        if rows is not None:
            readable = [prompt for prompt in file.prompts if prompt.name not in unreadable]
            made = {}
            for prompt in readable:
                found += lint_rows(prompt, rows, classes=classes, label=options.label)
                with PromptRenderer(prompt, rows.schema) as renderer:
                    made[prompt.name] = renderer.render(rows)
            found += same_texts(made)
        for finding in found:
            level = "error" if finding.error else "warning"
            print(f"{file.name}, {finding.prompt}: {level}: {finding.rule}: {finding.message}")
        errors += sum(finding.error for finding in found)
        warnings += sum(not finding.error for finding in found)
    count = sum(len(file.prompts) for file in files)
    print(f"{count} prompts: {errors} errors, {warnings} warnings")
    if errors:
        raise ConfigError(f"{errors} errors in the prompts", where="taskloom prompts lint")


def _explain(options: argparse.Namespace) -> None:
    from pipeline.templates.explain import explain, told
    from pipeline.templates.reference import Mode

    files = _files(options.prompts, options.dataset)
    _one_dataset(options, files)
    rows = _rows(options)
    if rows is None:
        raise ConfigError(
            "without rows no field has a type", where="taskloom prompts explain",
            remedy="give a file of rows: --rows FILE",
        )  # fmt: skip
    for line in told(explain(files[0].prompts, rows.schema, rows, Mode())):
        print(line)
