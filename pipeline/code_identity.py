"""What code an artefact depends on: the modules that a stage imports, each with a hash of its code.

Example: `code_of(["pipeline.stages.mix"])` is `{"pipeline.errors": "1f0c...", "pipeline.mixing.audit":
"9ab2...", ...}`. The stage `resolve` writes this into the settings of each stage, so that an edit of a
function runs again exactly the stages that can call it. Docstrings, comments and layout do not count.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
REGISTRY = "registry"
"""Name of modules that only list entries: a closure leaves them out, and names the entries it uses."""
_DIGITS = 16
_SILENT_FIELDS = frozenset({"ctx", "kind", "type_comment"})
"""What the tree says twice, or only to a type checker."""


@dataclass(frozen=True, slots=True)
class ModuleCode:
    """One module of the package.

    Attributes:
        digest: Of its code, 16 hexadecimal digits.
        imports: Modules of the package that it imports, anywhere in it.
    """

    digest: str
    imports: frozenset[str]


def code_of(
    roots: Iterable[str], *, without: tuple[str, ...] = (), package: Path = PACKAGE
) -> dict[str, str]:
    """Return the digest of every module that `roots` import, directly or not, and of data files.

    Args:
        roots: Names of modules, `pipeline.stages.mix`.
        without: Packages that do not count, nor what only they import.
        package: Folder of the package.

    Returns:
        Digests by the name of the module, or by the path of a data file of a package that counts
        (`sources/suite/facts/capitals.csv`); sorted by name. Modules called `registry` do not count,
        and what they import counts only if something else imports it.
    """
    known = read_modules(package)
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found or not _counts(name, without):
            continue
        found.add(name)
        waiting += [*known[name].imports, name.rpartition(".")[0]]
    digests = {name: known[name].digest for name in found}
    return dict(sorted((digests | _data_files(package, found, known)).items()))


def _counts(name: str, without: tuple[str, ...]) -> bool:
    """Whether a module counts: the package itself does not, whose functions are for notebooks."""
    left_out = any(name == each or name.startswith(f"{each}.") for each in without)
    return "." in name and not left_out and not name.endswith(f".{REGISTRY}")


@cache
def read_modules(package: Path) -> Mapping[str, ModuleCode]:
    """Return all modules of a package by name; read once by a process."""
    paths = {_module_name(path, package): path for path in package.rglob("*.py")}
    result = {}
    for name, path in paths.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = {found for node in _statements(tree) for found in _imported(node, paths)}
        result[name] = ModuleCode(_digest(tree), frozenset(imports))
    return result


def _module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes, without those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        checked = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if not checked:
            waiting += ast.iter_child_nodes(node)


def _imported(node: ast.AST, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that a statement imports, with the packages that they lie in."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    for name in names:
        parts = name.split(".")
        yield from (p for i in range(len(parts)) if (p := ".".join(parts[: i + 1])) in known)


def _digest(tree: ast.AST) -> str:
    words: list[str] = []
    _spell(tree, words)
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:_DIGITS]


def _spell(node: object, words: list[str]) -> None:
    """Append a syntax tree as text that all Python versions agree on, without docstrings."""
    if isinstance(node, ast.AST):
        words.append(f"({type(node).__name__}")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in _SILENT_FIELDS:
                words.append(f"{name}=")
                _spell(value, words)
        words.append(")")
    elif isinstance(node, list):
        for item in node:
            if not _is_docstring(item):
                _spell(item, words)
    else:
        words.append(repr(node))


def _is_docstring(node: object) -> bool:
    """Whether a statement is a text alone, which does nothing when it runs."""
    constant = node.value if isinstance(node, ast.Expr) else None
    return isinstance(constant, ast.Constant) and isinstance(constant.value, str)


def _data_files(package: Path, found: set[str], known: Mapping[str, ModuleCode]) -> dict[str, str]:
    """Return digests of the files that are no modules and lie in a package that counts."""
    result = {}
    for path in package.rglob("*"):
        if not path.is_file() or path.suffix in (".py", ".pyc", ".typed"):
            continue
        owner = path.parent
        while _module_name(owner / "__init__.py", package) not in known:
            owner = owner.parent
        name = _module_name(owner / "__init__.py", package)
        if any(module == name or module.startswith(f"{name}.") for module in found):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]
            result[path.relative_to(package).as_posix()] = digest
    return result
