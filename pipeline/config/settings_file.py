"""What all settings files share: whose they are, and how they are read."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from pipeline.config.strict import Strict
from pipeline.errors import ArtefactError


class Settings(Strict):
    """What every stage is told."""

    name: str
    """The mixture's name."""
    seed: int
    code: dict[str, str] = {}
    """Digest of each module that the stage can run, by name; see `pipeline.code_identity`."""


SettingsModel = TypeVar("SettingsModel", bound=Settings)


def read(model: type[SettingsModel], path: Path) -> SettingsModel:
    """Read one settings file.

    Raises:
        ArtefactError: It is missing, not JSON, or of another version of the code.
    """
    remedy = "run `dvc repro resolve`, which writes it"
    if not path.exists():
        raise ArtefactError("does not exist", where=str(path), remedy=remedy)
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ArtefactError(f"{key}: {first['msg']}", where=str(path), remedy=remedy) from None
