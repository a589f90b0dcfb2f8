"""Rows rendered in a child process with limits of memory and time: the boundary for strangers' templates.

A row that takes too long or too much memory ends the prompt: no honest one comes near the limits. Knows
the protocol of `child` and nothing of templates.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, Any

from pipeline.errors import ConfigError, DataError
from pipeline.templates.child import MEMORY, ROW_SECONDS
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Rendered

ANSWER_SECONDS = 60.0
"""Without an answer for so long the child is killed; its own limits are of processor time, and far
lower."""
_ROWS_AT_ONCE = 256


class Sandbox:
    """The child process of one prompt; started when the first row comes.

    Args:
        prompt: What it renders.
        mode: How.
        where: The prompt's place for errors.
    """

    def __init__(self, prompt: Prompt, mode: Mode, *, where: str) -> None:
        self._setup = {
            "prompt": asdict(prompt) | {"extra": ()}, "mode": asdict(mode), "where": where
        }  # fmt: skip
        self._where = where
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self.lock = Lock()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        self._buffer = b""

    def render(
        self, rows: Sequence[Mapping[str, Any]], keys: Sequence[int]
    ) -> Iterator[Rendered | str]:
        """Render rows; yield for each what was rendered, or in words why nothing was.

        Raises:
            ConfigError: The template is not allowed.
            DataError: The prompt was stopped, or a value is no plain data.
        """
        pairs = list(zip(keys, rows, strict=True))
        for start in range(0, len(pairs), _ROWS_AT_ONCE):
            yield from self._batch(pairs[start : start + _ROWS_AT_ONCE])

    def _batch(self, pairs: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Rendered | str]:
        try:
            message = json.dumps(pairs)
        except TypeError as error:
            raise DataError(
                f"a field's value is no text, number, list or record: {error}",
                where=self._where,
                remedy="cast such columns to text before they are prompted",
            ) from None
        if self._process is None:
            self._start()
        self._send(message)
        for _ in pairs:
            yield self._outcome(self._answer())

    def _outcome(self, answer: list[Any] | None) -> Rendered | str:
        """Return what a row came to.

        Raises:
            DataError: The row was stopped.
        """
        if answer is None or answer[0] == "stopped":
            self.close()
            raise DataError(
                f"the prompt was stopped: {answer[1] if answer else 'its process ended'}",
                where=self._where,
                expected=f"a row within {ROW_SECONDS} s and {MEMORY // 2**20} MB",
                remedy="look at the template for loops and repetitions",
            )
        if answer[0] == "error":
            return str(answer[1])
        parts, options = answer[1:]
        return Rendered(tuple(parts), None if options is None else tuple(options))

    def _start(self) -> None:
        root = str(Path(__file__).parents[2])
        command = [sys.executable, "-E", "-s", "-c", _START, root]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}, cwd="/",
        )  # fmt: skip
        self._send(json.dumps(self._setup))
        answer = self._answer()
        if answer is None or answer[0] != "ready":
            self.close()
            what, where = answer[1:] if answer else ("the row renderer does not start", self._where)
            raise ConfigError(what, where=where)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("the row renderer was not started")
        return process.stdin, process.stdout

    def _send(self, message: str) -> None:
        stdin = self._pipes()[0]
        try:
            stdin.write(message.encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer will tell

    def _answer(self) -> list[Any] | None:
        """Return the child's next line; None where it takes too long or the child has ended."""
        stdout = self._pipes()[1]
        deadline = time.monotonic() + ANSWER_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return None
                read = os.read(stdout.fileno(), 1 << 20)
                if not read:
                    return None
                self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        return list(json.loads(line))


_START = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.templates import child; child.main()"
