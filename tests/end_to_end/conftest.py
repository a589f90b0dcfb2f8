"""One project for each module of end-to-end tests."""

import pytest

from tests.end_to_end.walk import Walk, make_walk


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """A project whose pipeline ran to the end once."""
    made = make_walk(tmp_path_factory.mktemp("walk"))
    made.ran = made.repro()
    return made
