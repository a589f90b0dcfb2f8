"""The command line: `taskloom COMMAND`, or `python -m pipeline COMMAND`.

Exit codes: 0 done; 1 a bug, with one line that names the file of the full trace; 2 an error of the
input, in words; 130 interrupted by Ctrl-C; 143 ended by SIGTERM. A command's module is imported when
the command is called.
"""

import importlib
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence

from pipeline.errors import ConfigError, PipelineError, unknown_name, visible

COMMANDS = {
    "use": "switch the active mixture",
    "check": "validate all cards, mixtures and params.yaml",
    "plan": "print what a mixture will hold: rows, tokens, epochs, disk",
    "show": "print rows of a task, or of a mixture in training order",
    "diff": "compare two mixtures, or two revisions of one",
    "why": "say what has changed since an artefact was built",
    "export": "write a mixture in training order as Parquet, a `datasets` folder or JSONL",
    "new-task": "look at a file or a hub dataset and write a card for it",
    "prompts": "take in, list, check and explain PromptSource prompts",
    "plots-page": "write the page that `dvc plots show` fills, which works offline",
    "adopt": "copy the tailored mixture of the active one into mixtures/",
    "agree": "compare relationship scores with measured gains",
    "truth": "measure how much each task helps each other, to judge scores by",
    "compare": "compare Tailor with target only, all, random and same-family tasks",
    "explain": "say what is known about whether one task helps another",
    "data": "normalize all tasks in parallel and record them once",
    "stage": "run one stage of dvc.yaml",
}

STAGES = {
    "resolve": "", "normalize": "task", "curate": "", "tokenizer": "", "tokenize": "",
    "plan": "training", "mix": "training", "train": "training",
    "features": "", "relate": "", "tailor": "", "evaluate": "", "report": "",
}  # fmt: skip
"""What a stage runs for each of: a task, a training, or nothing, so that it runs once."""
STAGE_OF_DVC = "DVC_STAGE"
"""Environment variable in which DVC names the stage that it runs: `plan@compass`."""

BUG, USAGE_ERROR, INTERRUPTED, TERMINATED = 1, 2, 130, 143
"""Exit codes."""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else USAGE_ERROR
    try:
        run(arguments[0], arguments[1:])
        sys.stdout.flush()
    except PipelineError as error:
        for line in visible(str(error)).splitlines() or [""]:
            print(line if line.startswith(" ") else f"error: {line}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader, `head` for example, has enough: what is still to be written goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        print(describe_bug(error), file=sys.stderr)
        return BUG
    return 0


def describe_bug(error: Exception) -> str:
    """Write the full trace of an unexpected error to a file, and return one line that names it."""
    what = " ".join(visible(f"{type(error).__name__}: {error}").split())
    trace = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="taskloom-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"taskloom {' '.join(sys.argv[1:])}\n{trace}")
    except OSError as failure:
        return f"{trace}error: a bug in taskloom: {what} (no file for the trace: {failure})"
    return f"error: a bug in taskloom: {what}; the full trace is in {file.name}"


def run(name: str, arguments: Sequence[str]) -> None:
    """Dispatch to a command or a stage.

    Raises:
        ConfigError: There is no such command or stage.
    """
    if name not in COMMANDS:
        what, remedy = unknown_name("command", name, COMMANDS)
        raise ConfigError(what, where="taskloom", remedy=remedy)
    module = f"pipeline.commands.{name.replace('-', '_')}"
    if name == "stage":
        if not arguments or arguments[0] not in STAGES:
            what, remedy = unknown_name("stage", arguments[0] if arguments else "", STAGES)
            raise ConfigError(what, where="taskloom stage", remedy=remedy)
        module, arguments = f"pipeline.stages.{arguments[0]}", stage_arguments(arguments)
    importlib.import_module(module).main(arguments)


def stage_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the mixture of a stage, and the task or training where it runs for each.

    dvc.yaml passes neither, since a name in a shell command could be a command: the mixture is the
    active one, and DVC names the task or training in the environment. By hand, both may be given.

    Raises:
        ConfigError: The task or training is not given, or is no name.
    """
    from pipeline.layout import check_name
    from pipeline.project import active

    stage, *given = arguments
    kind = STAGES[stage]
    name = given[0] if given else active()
    if not kind:
        return [name]
    item = given[1] if len(given) > 1 else os.environ.get(STAGE_OF_DVC, "").partition("@")[2]
    if not item:
        raise ConfigError(
            f"of which {kind}?", where=f"taskloom stage {stage}", expected=f"MIXTURE {kind.upper()}"
        )
    return [name, check_name(kind, item)]


def usage() -> str:
    """Return the help text."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["usage: taskloom COMMAND [--help | ARGUMENT ...]", "", *lines])


def console() -> None:
    """Entry point of the console script."""
    this = os.getpid()

    def end(signal_number: int, frame: object) -> None:
        """Say that the process was ended, and leave through every `finally`."""
        if os.getpid() != this:  # a forked worker, which its parent ends
            os._exit(TERMINATED)
        print("stopped by SIGTERM", file=sys.stderr)
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    console()
