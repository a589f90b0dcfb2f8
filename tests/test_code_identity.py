"""What counts as the code of a stage, and what does not."""

from pathlib import Path

import grimp
import pytest

from pipeline.code_identity import code_of, read_modules

FILES = {
    "__init__.py": "",
    "a.py": "from pkg.b import f\n\n\ndef g(x):\n    return f(x) + 1\n",
    "b.py": "def f(x):\n    return x\n",
    "c.py": "from pkg import a\n",
    "kinds/__init__.py": "",
    "kinds/registry.py": "from pkg.kinds import one, two\n\nKINDS = [one, two]\n",
    "kinds/one.py": "NAME = 'one'\n",
    "kinds/two.py": "NAME = 'two'\n",
    "user.py": "from pkg.kinds.registry import KINDS\n",
    "facts/__init__.py": "",
    "facts/read.py": "TABLE = 'table.csv'\n",
    "facts/table.csv": "x\n1\n",
}


@pytest.fixture
def package(tmp_path: Path):
    """A small package in a folder of its own; returns how to edit it and read its code again."""
    folder = tmp_path / "pkg"

    def edited(changes: dict[str, str] | None = None, *roots: str, without=()) -> dict[str, str]:
        for name, text in (FILES | (changes or {})).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        read_modules.cache_clear()
        return code_of(roots, without=without, package=folder)

    yield edited
    read_modules.cache_clear()


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before | after if before.get(name) != after.get(name)}


def test_a_stage_depends_on_what_it_imports_directly_or_not(package):
    assert set(package({}, "pkg.c")) == {"pkg.a", "pkg.b", "pkg.c"}
    assert set(package({}, "pkg.b")) == {"pkg.b"}


@pytest.mark.parametrize(
    "text",
    [
        '"""Docstring."""\nfrom pkg.b import f\n\n\ndef g(x):\n    """Too."""\n    return f(x) + 1\n',
        "# a comment\nfrom pkg.b import f\n\n\n\ndef g( x ):\n    return (f(x)\n            + 1)\n",
        "from pkg.b import f\n'said of nothing'\n\n\ndef g(x):\n    return f(x) + 0x1\n",
    ],
)
def test_docstrings_comments_and_layout_do_not_count(package, text):
    assert package({}, "pkg.c") == package({"a.py": text}, "pkg.c")


@pytest.mark.parametrize(
    "text",
    [
        "from pkg.b import f\n\n\ndef g(x):\n    return f(x) + 2\n",
        "from pkg.b import f\n\n\ndef g(x, y=1):\n    return f(x) + 1\n",
        "from pkg.b import f\n\n\ndef g(x: int):\n    return f(x) + 1\n",
        "from pkg.b import f\n\n\ndef g(x):\n    return f(x) - 1\n",
        "from pkg.b import f\n\n\n@print\ndef g(x):\n    return f(x) + 1\n",
    ],
)
def test_every_other_edit_changes_its_own_module_alone(package, text):
    assert changed(package({}, "pkg.c"), package({"a.py": text}, "pkg.c")) == {"pkg.a"}


def test_imports_inside_functions_count_and_those_for_a_type_checker_do_not(package):
    lazy = "def g():\n    from pkg.b import f\n\n    return f\n"
    assert "pkg.b" in package({"a.py": lazy}, "pkg.a")
    typed = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from pkg.b import f\n"
    assert "pkg.b" not in package({"a.py": typed}, "pkg.a")


def test_a_registry_does_not_count_and_entries_count_where_they_are_named(package):
    assert set(package({}, "pkg.user")) == {"pkg.kinds", "pkg.user"}
    used = package({}, "pkg.user", "pkg.kinds.one")
    more = {"kinds/registry.py": FILES["kinds/registry.py"] + "\n# and three\nTHREE = 3\n"}
    assert package(more | {"kinds/two.py": "NAME = 2\n"}, "pkg.user", "pkg.kinds.one") == used
    assert changed(used, package({"kinds/one.py": "NAME = 1\n"}, "pkg.user", "pkg.kinds.one")) == {
        "pkg.kinds.one"
    }


def test_data_files_of_a_package_that_counts_are_code(package):
    before = package({}, "pkg.facts.read")
    assert set(before) == {"pkg.facts", "pkg.facts.read", "facts/table.csv"}
    after = package({"facts/table.csv": "x\n2\n"}, "pkg.facts.read")
    assert changed(before, after) == {"facts/table.csv"}
    assert "facts/table.csv" not in package({}, "pkg.c")


def test_a_package_can_be_left_out(package):
    text = "from pkg.facts import read\nfrom pkg.b import f\n"
    found = package({"a.py": text}, "pkg.a", without=("pkg.facts",))
    assert set(found) == {"pkg.a", "pkg.b"}


@pytest.mark.parametrize("stage", ["mix", "curate", "evaluate", "report"])
def test_the_closure_of_a_real_stage_is_the_one_that_grimp_finds(stage: str):
    graph = grimp.build_graph("pipeline", cache_dir=None, exclude_type_checking_imports=True)
    registries = [name for name in graph.modules if name.endswith(".registry")]
    for name in registries:
        graph.remove_module(name)
    root = f"pipeline.stages.{stage}"
    found = {root} | graph.find_upstream_modules(root)
    packages = {name.rsplit(".", i)[0] for name in found for i in range(1, name.count("."))}
    got = {name for name in code_of([root]) if "/" not in name}
    # the package that a registry lies in is imported with it
    beside = {name.rpartition(".")[0] for name in registries}
    assert found | packages <= got <= found | packages | beside
