"""Folders of installed Python packages, found without importing them."""

from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.sources.locate import folder_in


def package_root(package: str) -> Path:
    """Return the folder of an installed package; nothing of it is run.

    Args:
        package: Import name of a top-level package.

    Raises:
        SourceError: Not installed, or a single module without a folder.
    """
    if not package.isidentifier():
        raise SourceError(
            f"'{package}' is no import name of a package", expected="a top-level one, such as numpy"
        )
    try:
        spec = find_spec(package)
    except ValueError:
        spec = None
    if spec is None:
        raise SourceError(
            f"the package '{package}' is not installed",
            remedy=f"install it beside taskloom, for example `pip install {package}`",
        )
    folders = list(spec.submodule_search_locations or ())
    if not folders:
        raise SourceError(f"'{package}' is a single module", expected="a package with a folder")
    return Path(folders[0])


def package_folder(package: str, folder: str = "") -> Path:
    """Return a folder inside an installed package; see `package_root` and `locate.folder_in`."""
    return folder_in(package_root(package), folder, remedy=f"install '{package}' again")
