"""Artefact folders to train from, and trainer processes."""

import importlib.util
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest


def loaded(name):
    """Load a module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(
        f"training_{name}", Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


artefacts = loaded("artefacts")
text_artefacts = loaded("text_artefacts")
processes = loaded("processes")


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory):
    """Artefacts that tests read and never change."""
    return artefacts.Folders(tmp_path_factory.mktemp("artefacts")).build()


@pytest.fixture
def folders(tmp_path):
    """Builds artefacts that a test may damage."""
    return lambda **options: artefacts.Folders(tmp_path, **options)


@pytest.fixture(scope="session")
def shared_text_folders(tmp_path_factory):
    """Artefacts of the text view, packed, that tests read and never change."""
    return text_artefacts.TextFolders(tmp_path_factory.mktemp("text")).build()


@pytest.fixture(scope="session")
def shared_pair_folders(tmp_path_factory):
    """Artefacts of the text view for an encoder-decoder that tests read and never change."""
    folder = tmp_path_factory.mktemp("pairs")
    return text_artefacts.TextFolders(folder, model="seq2seq", begins=False).build()


@pytest.fixture
def text_folders(tmp_path):
    """Builds artefacts of the text view that a test may damage."""
    return lambda **options: text_artefacts.TextFolders(tmp_path, **options)


@pytest.fixture(scope="session")
def trainers():
    """Starts trainer processes: `start(run)`, `ranks(run, world)`."""
    context = processes.server()
    return SimpleNamespace(
        start=partial(processes.start, context), ranks=partial(processes.start_ranks, context)
    )


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """Processes that are started anew find only what a container for training has."""
    processes.bare_imports(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
