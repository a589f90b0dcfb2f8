"""The one door: `python -m pipeline COMMAND`, or `taskloom COMMAND`.

Words a `PipelineError` for a person and exits with code 2; any other error is a bug and stays loud.
Knows the commands' names and nothing of what they do; imports each only when it is called.
"""

import importlib
import sys
from collections.abc import Sequence

from pipeline.errors import ConfigError, PipelineError, unknown_name

COMMANDS = {
    "use": "switch the active mixture",
    "check": "validate all cards, mixtures and params.yaml",
    "plan": "print what a mixture will hold: rows, tokens, epochs, disk",
    "show": "print rows of a task, or of a mixture in training order",
    "diff": "say what differs between two mixtures, or between two revisions of one",
    "why": "say what an artefact's inputs changed in since it was built, or that nothing did",
    "export": "write a mixture in training order as Parquet, a `datasets` folder or JSONL",
    "new-task": "look at a file or a hub dataset and write a card for it",
    "prompts": "take in, list, check and explain PromptSource prompts",
    "plots-page": "write the page that `dvc plots show` fills, which works offline",
    "adopt": "copy the tailored mixture of the active one into mixtures/",
    "agree": "hold relationship scores against measured gains",
    "truth": "measure what every task does for every other, which scores are held against",
    "compare": "try Tailor against target-only, all, random and same-family tasks, with intervals",
    "explain": "say what is known of whether one task helps another",
    "data": "normalize all tasks in parallel and record them once",
    "stage": "run one stage of dvc.yaml",
}

STAGES = (
    "resolve", "normalize", "curate", "tokenizer", "tokenize", "plan", "mix", "train",
    "features", "relate", "tailor", "evaluate", "report",
)  # fmt: skip

USAGE_ERROR = 2


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else USAGE_ERROR
    try:
        run(arguments[0], arguments[1:])
    except PipelineError as error:
        for line in str(error).splitlines() or [""]:
            print(line if line.startswith(" ") else f"error: {line}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return 0


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
        module, arguments = f"pipeline.stages.{arguments[0]}", arguments[1:]
    importlib.import_module(module).main(arguments)


def usage() -> str:
    """Return the help text."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["usage: taskloom COMMAND [--help | ARGUMENT ...]", "", *lines])


def console() -> None:
    """Entry point of the console script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    console()
