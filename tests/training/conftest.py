"""Artefact folders to train from."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "training_artefacts", Path(__file__).with_name("artefacts.py")
)
artefacts = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(artefacts)


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory):
    """Artefacts that tests read and never change."""
    return artefacts.Folders(tmp_path_factory.mktemp("artefacts")).build()


@pytest.fixture
def folders(tmp_path):
    """Builds artefacts that a test may damage."""
    return lambda **options: artefacts.Folders(tmp_path, **options)
