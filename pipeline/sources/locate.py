"""The files that a card names: globs expanded, no path that leads upwards.

Links are followed, to other disks too: what the owner of the data links below `data_dir` belongs there.
"""

from pathlib import Path, PurePosixPath, PureWindowsPath

from pipeline.errors import SourceError, nearest

_MAGIC = frozenset("*?[")


def folder_in(root: Path, folder: str, *, remedy: str) -> Path:
    """Return the folder `folder` below `root`.

    Args:
        root: `data_dir`, or the folder of a package.
        folder: Relative to `root`; empty for `root` itself.
        remedy: What to do where `root` does not exist.

    Raises:
        SourceError: It is absolute, leads out of `root`, or does not exist.
    """
    refuse_escape(folder, "folder")
    if not root.is_dir():
        raise SourceError("no such folder", where=str(root), remedy=remedy)
    path = root / folder
    if not path.is_dir():
        guess = nearest(folder, [sibling.name for sibling in root.iterdir() if sibling.is_dir()])
        raise SourceError(
            f"no folder '{folder}'",
            where=str(root),
            remedy=f"did you mean '{guess}'?" if guess else f"put the task's files into {path}",
        )
    return path


def files_in(folder: Path, name: str) -> list[Path]:
    """Return the files that `name`, a file's name or a glob, stands for in `folder`, sorted.

    Raises:
        SourceError: It is absolute, leads upwards, or matches no file.
    """
    refuse_escape(name, "file")
    path = folder / name
    if path.is_file():
        return [path]
    if _MAGIC & set(name):
        found = sorted(match for match in folder.glob(name) if match.is_file())
        if not found:
            raise SourceError(
                f"no file matches '{name}'", where=str(folder), remedy=_listing(folder, name)
            )
        return found
    if path.is_symlink():
        raise SourceError(
            f"is a link to {path.readlink()}, which is not there", where=str(path),
            remedy="fetch what it points to, or mend the link",
        )  # fmt: skip
    if path.is_dir():
        raise SourceError(
            f"'{name}' is a folder", where=str(folder), expected="a file or a glob such as part-*"
        )
    raise SourceError(f"no file '{name}'", where=str(folder), remedy=_listing(folder, name))


def _listing(folder: Path, name: str) -> str:
    have = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    guess = nearest(name, have)
    if guess:
        return f"did you mean '{guess}'?"
    shown = ", ".join(have[:8]) + (f" and {len(have) - 8} more" if len(have) > 8 else "")
    return f"the folder holds: {shown}" if have else "the folder is empty: fetch the task's files"


def refuse_escape(name: str, kind: str) -> None:
    """Raise a `SourceError` where `name` is absolute or leads upwards; `kind` says what it names."""
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    if absolute or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        raise SourceError(
            f"the {kind} '{name}' is absolute or leads upwards",
            expected="a path below the folder of the data",
            remedy="set `data_dir` in params.yaml to the folder that holds all data",
        )
