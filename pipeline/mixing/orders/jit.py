"""Compiling with numba: kept on disk where a folder can be written, in memory alone elsewhere.

The only module that numba is imported in besides the kernels; nothing imports those before it runs them,
since loading numba takes longer than most mixtures do. A kernel on disk is renewed when its own file
changes, so kernels call nothing outside their file.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return `function` compiled at its first call; it gives up the interpreter lock while it runs."""
    try:
        kept = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for the cache can be written
        kept = njit(nogil=True)(function)
    return cast(Callable[_P, _R], kept)


def inlined(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return `function` for use inside compiled ones of the same file."""
    return cast(Callable[_P, _R], njit(inline="always")(function))
