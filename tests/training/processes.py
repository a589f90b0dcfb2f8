"""Trainer processes from a server that has imported torch already: real ones at a tenth of the cost."""

import multiprocessing
import os
import signal
import socket
import time
from pathlib import Path

_MAIN = """
import os, sys
os.environ.update(environment)
out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.dup2(out, 1)
os.dup2(out, 2)
from pipeline.training.__main__ import main
exit_code = main([run])
sys.stderr.flush()
os._exit(exit_code)
"""


def server():
    """Return the context whose first process imports the trainer."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline.training.session"])
    return context


class Trainer:
    """One trainer process."""

    def __init__(self, context, run: Path, output: Path, *, code: str = _MAIN, **environment: str):
        self.output = output
        names = {"run": str(run), "output": str(output), "environment": environment}
        self.process = context.Process(target=exec, args=(code, names))
        self.process.start()

    def wait_for(self, path: Path) -> None:
        """Wait until the process has made a file, or fail where it ends before."""
        deadline = time.monotonic() + 60
        while not path.exists():
            assert self.process.is_alive(), self.output.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def end(self, timeout: float = 60) -> int:
        """Wait for its end; return the exit code."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, "it hangs: " + self.output.read_text()
        return self.process.exitcode


def start(context, run: Path, *, code: str = _MAIN, **environment: str) -> Trainer:
    """Start a training of one process."""
    return Trainer(context, run, run.with_name("output.txt"), code=code, **environment)


def start_ranks(context, run: Path, world: int, *, code: str = _MAIN, **environment: str):
    """Start a training of several processes on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    return [
        Trainer(
            context, run, run.with_name(f"output{rank}.txt"), code=code, RANK=str(rank),
            LOCAL_RANK=str(rank), **meeting, **environment,
        )
        for rank in range(world)
    ]  # fmt: skip


def bare_imports(folder: Path) -> None:
    """Write a `sitecustomize` that hides every package which a container for training lacks."""
    packages = _packages_of("torch", "transformers", "safetensors", "numpy", "pyarrow")
    packages -= {
        "jinja2",
        "pydantic",
        "pydantic_core",
    }  # others' requirements, and not the trainer's
    (folder / "sitecustomize.py").write_text(_HIDE.format(allowed=sorted(packages)))


_HIDE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

ALLOWED = {{"pipeline", *sys.stdlib_module_names}} | set({allowed})


class Present(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        seen = path is not None or name in ALLOWED or name.startswith("_")
        return super().find_spec(name, path, target) if seen else None


sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Present]
"""


def _packages_of(*names: str) -> set[str]:
    """Return the modules of some distributions and of all that they require."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, requires

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found, waiting = set(), list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            required = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue
        found.add(name)
        waiting += [
            r.name for r in required if r.marker is None or r.marker.evaluate({"extra": ""})
        ]
    return {
        module
        for module, owners in packages_distributions().items()
        if found & {canonicalize_name(owner) for owner in owners}
    }
