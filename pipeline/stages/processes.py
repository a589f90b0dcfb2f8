"""Trainer processes of a stage: started, listened to, and never left behind.

A trainer ends with the stage, even when that is killed (see `pipeline.training.launch`). It has no
standard input, so that nobody can be asked and nothing can be answered. Its worded error comes back
through a file and is raised here again.
"""

import codecs
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

import pipeline.errors as errors
from pipeline.errors import PipelineError, TrainingError

_NOISE = re.compile(rb"Traceback \(most recent call last\)|E\d{4} |\[rank\d+\]:")
"""How torchrun and a failed rank start to speak; kept back where the trainer gave a worded error."""


def run_trainer(run: Path, *, processes: int) -> None:
    """Run the trainer to its end.

    Args:
        run: Its run.json.
        processes: More than one are started by torchrun.

    Raises:
        PipelineError: What the trainer raised.
        TrainingError: It ended in another way; what it printed was passed on.
    """
    from pipeline.training.launch import ERROR_FILE, PARENT, TERMINAL

    module = "pipeline.training" if processes == 1 else "pipeline.training.launch"
    count = [] if processes == 1 else [str(processes)]
    with tempfile.TemporaryDirectory() as folder:
        error_file = Path(folder) / "error"
        environment = os.environ | {PARENT: str(os.getpid()), ERROR_FILE: str(error_file)}
        if sys.stderr.isatty():
            environment[TERMINAL] = "1"
        command = [sys.executable, "-m", module, *count, str(run)]
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        held = _listen(process)
        if process.returncode:
            raise _error(error_file, process.returncode, held)
        sys.stderr.write(held.decode("utf-8", errors="replace"))


def _listen(process: "subprocess.Popen[bytes]") -> bytes:
    """Pass on what a process prints until it ends; return what was held back."""
    held: list[bytes] = []
    assert process.stderr is not None  # noqa: S101 - it was started with a pipe
    listener = threading.Thread(target=_relay, args=(process.stderr, held), daemon=True)
    listener.start()
    try:
        process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    listener.join()
    process.stderr.close()
    return b"".join(held)


def _relay(stream: IO[bytes], held: list[bytes]) -> None:
    """Copy a stream to stderr as it comes, progress bars included, up to the first line of noise."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while chunk := os.read(stream.fileno(), 65536):
        if held:
            held.append(chunk)
            continue
        noise = _NOISE.search(chunk)
        sys.stderr.write(decoder.decode(chunk[: noise.start()] if noise else chunk))
        sys.stderr.flush()
        if noise:
            held.append(chunk[noise.start() :])


def _error(error_file: Path, code: int, held: bytes) -> PipelineError:
    """Return the trainer's own error; that of a rank that saw the cause before any other's."""
    found = [json.loads(path.read_text()) for path in sorted(error_file.parent.glob("error.*"))]
    own = [parts for parts in found if not parts["what"].startswith("another process")] or found
    if own:
        kind = getattr(errors, own[0].pop("kind"))
        what = own[0].pop("what")
        error: PipelineError = kind(what, **own[0])
        return error
    sys.stderr.write(held.decode("utf-8", errors="replace"))
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return TrainingError(
        f"the trainer ended with {how}",
        where="python -m pipeline.training",
        remedy="see above; where memory ran out, lower train.token_budget or train.batch",
    )
