"""Compile functions with numba: on disk where a folder can be written, in memory alone elsewhere.

Only this module and the kernels import numba, and nothing imports those before it runs them: loading
numba takes longer than most mixtures do. numba renews a kernel on disk when the kernel's own file
changes. A formula that kernels share with numpy lies in another file, so after an edit of a formula
delete `__pycache__`; the tests that compare both sides fail until then.
"""

from collections.abc import Callable
from types import FunctionType
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


def inlined(function: Callable[_P, _R], **calls: object) -> Callable[_P, _R]:
    """Return `function` for use inside compiled ones.

    Args:
        function: Stays what it is for all others.
        **calls: Names of functions that it calls -> the inlined ones to call instead.
    """
    names = getattr(function, "__globals__") | calls  # noqa: B009
    copy = FunctionType(function.__code__, names, function.__name__)
    return cast(Callable[_P, _R], njit(inline="always")(copy))
