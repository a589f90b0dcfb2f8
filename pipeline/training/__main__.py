"""`python -m pipeline.training RUN.json`, alone or under torchrun.

Prepares the process, trains, prints errors for people, and exits with code 2 after one.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import ConfigError, PipelineError
from pipeline.training.launch import (
    ERROR_FILE,
    close_stdin,
    die_with_parent,
    let_waiting_threads_sleep,
)
from pipeline.training.run import read_run

USAGE_ERROR = 2


def main(arguments: Sequence[str]) -> int:
    """Train as run.json says and return the exit code."""
    die_with_parent()
    let_waiting_threads_sleep()
    # cuBLAS repeats itself exactly only with this, and reads it when it starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        if len(arguments) != 1:
            raise ConfigError(
                f"takes one argument, got {len(arguments)}",
                where="python -m pipeline.training",
                expected="the path of a run.json",
            )
        read_run(Path(arguments[0]))  # what is wrong with it is said before torch is loaded
        from pipeline.training.session import run_session

        run_session(Path(arguments[0]))
    except PipelineError as error:
        report(error)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 130
    return 0


def report(error: PipelineError) -> None:
    """Print an error; or, where the stage that started this process wants it, write it to a file."""
    file = os.environ.get(ERROR_FILE)
    if not file:
        for line in str(error).splitlines():
            print(line if line.startswith(" ") else f"error: {line}", file=sys.stderr)
        return
    parts = {
        "kind": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "expected": error.expected,
        "remedy": error.remedy,
    }
    rank = int(os.environ.get("RANK", "0"))
    Path(f"{file}.{rank}").write_text(json.dumps(parts), encoding="utf-8")


if __name__ == "__main__":
    close_stdin()
    sys.exit(main(sys.argv[1:]))
