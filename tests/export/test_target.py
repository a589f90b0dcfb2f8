"""A folder belongs to one export; another's is refused in words and left as it is."""

from dataclasses import replace

import pytest

from pipeline.errors import ArtefactError
from pipeline.export import target
from pipeline.export.run import export


def quiet(_: int) -> None:
    """Tell no one."""


def test_a_new_and_an_empty_folder_are_free(request_, tmp_path):
    target.check(tmp_path / "new", request_.recipe())
    (tmp_path / "empty").mkdir()
    target.check(tmp_path / "empty", request_.recipe())


def test_a_folder_with_other_files_is_refused(request_, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ArtefactError) as caught:
        export(request_, tmp_path, advance=quiet)
    assert str(caught.value) == (
        f"{tmp_path}: holds inputs and is no export\n"
        "  expected: a new or empty folder, or one with an unfinished export of the same mixture\n"
        "  to do: choose another folder"
    )
    assert (tmp_path / "thesis.tex").read_text() == "x"


def test_a_file_is_refused(request_, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ArtefactError, match="out: is a file"):
        target.check(tmp_path / "out", request_.recipe())


@pytest.mark.parametrize("finished", [True, False])
def test_another_export_is_refused_with_what_differs(request_, tmp_path, finished):
    out = tmp_path / "out"
    if finished:
        export(request_, out, advance=quiet)
    else:
        target.claim(out, request_.recipe())
    other = replace(
        request_,
        shard_rows=5,
        order_sha256="ab" * 32,
        text_sha256=dict(request_.text_sha256) | {"pears": "0"},
    )
    with pytest.raises(ArtefactError) as caught:
        target.check(out, other.recipe())
    assert str(caught.value).splitlines()[0] == (
        f"{out}: holds another export: shard_rows 10 against 5; "
        f"order {request_.order_sha256[:12]} against abababababab; "
        "text_sha256 of 3 tasks against of 3 tasks"
    )
    assert "delete this one" in caught.value.remedy
