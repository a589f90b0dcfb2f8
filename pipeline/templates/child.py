"""The row renderer's own process: `python -m pipeline.templates.child`, started by `sandbox`.

Reads JSON lines: a prompt first, then rows; answers one line a row. Before it reads anything it gives up
memory, files and processes for good, so that a template that broke out of every other fence could neither
write nor start anything. Imports neither polars nor numpy.
"""

import json
import resource
import signal
import sys
from types import FrameType
from typing import Any, NoReturn, TextIO

from pipeline.errors import PipelineError
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Renderer, RenderError

MEMORY = 512 * 2**20
"""Bytes of address space."""
ROW_SECONDS = 2.0
"""Processor time of one row, after which it is stopped."""
KILL_SECONDS = 3.0
"""Processor time of one row, after which the process ends, whatever it is in the middle of."""


def main() -> None:
    """Serve until the input ends."""
    _give_up()
    signal.signal(signal.SIGVTALRM, _stop)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # its default is to end the process
    lines, answers = sys.stdin, sys.stdout
    setup = json.loads(lines.readline())
    try:
        renderer = Renderer(Prompt(**setup["prompt"]), Mode(**setup["mode"]), where=setup["where"])
    except PipelineError as error:
        _answer(answers, ["refused", error.what, error.where])
        return
    _answer(answers, ["ready"])
    for line in lines:
        for key, row in json.loads(line):
            _answer(answers, _one(renderer, row, key))


def _give_up() -> None:
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_NOFILE, 16),
    ):  # fmt: skip
        resource.setrlimit(limit, (value, value))


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise TimeoutError(f"takes more than {ROW_SECONDS} s")


def _one(renderer: Renderer, row: dict[str, Any], key: int) -> list[Any]:
    signal.setitimer(signal.ITIMER_VIRTUAL, ROW_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, KILL_SECONDS)
    try:
        made = renderer.render(row, key)
    except RenderError as error:
        stopped = isinstance(error.__cause__, TimeoutError | MemoryError)
        return ["stopped" if stopped else "error", str(error)]
    except (TimeoutError, MemoryError) as error:  # raised between two of the renderer's own lines
        return ["stopped", f"{type(error).__name__}: {error}"]
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ["ok", made.parts, made.options]


def _answer(answers: TextIO, value: list[Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
