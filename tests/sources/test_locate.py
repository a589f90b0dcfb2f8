import pytest

from pipeline.errors import SourceError
from pipeline.sources.locate import files_in, folder_in


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data" / "pets"
    (folder / "parts").mkdir(parents=True)
    for name in ("train.jsonl", "test.jsonl", "parts/b.csv", "parts/a.csv"):
        (folder / name).write_text("x\n")
    return tmp_path / "data"


def names(root, name):
    folder = folder_in(root, "pets", remedy="")
    return [path.relative_to(folder).as_posix() for path in files_in(folder, name)]


def test_a_name_is_its_file_and_a_glob_is_sorted(root):
    assert names(root, "train.jsonl") == ["train.jsonl"]
    assert names(root, "parts/*.csv") == ["parts/a.csv", "parts/b.csv"]
    assert names(root, "t*.jsonl") == ["test.jsonl", "train.jsonl"]


def test_a_file_whose_name_looks_like_a_glob_is_itself(root):
    (root / "pets" / "a[1].csv").write_text("x\n")
    assert names(root, "a[1].csv") == ["a[1].csv"]


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("train.json", "no file 'train.json'", "did you mean 'train.jsonl'?"),
        ("trian*.jsonl", "no file matches 'trian*.jsonl'", "did you mean 'train.jsonl'?"),
        ("zzz", "no file 'zzz'",
         "the folder holds: parts/a.csv, parts/b.csv, test.jsonl, train.jsonl"),
        ("parts", "'parts' is a folder", ""),
    ],
)  # fmt: skip
def test_a_missing_file_gets_the_nearest_name(root, name, what, remedy):
    with pytest.raises(SourceError) as error:
        names(root, name)
    assert error.value.what == what
    assert error.value.where == str(root / "pets")
    assert error.value.remedy == remedy


def test_an_empty_folder_says_so(root):
    (root / "void").mkdir()
    with pytest.raises(SourceError, match="the folder is empty: fetch the task's files"):
        files_in(root / "void", "a.csv")


def test_a_missing_folder_gets_the_nearest_name(root):
    with pytest.raises(SourceError) as error:
        folder_in(root, "pest", remedy="")
    assert (error.value.what, error.value.remedy) == ("no folder 'pest'", "did you mean 'pets'?")


def test_a_missing_root_gets_the_callers_remedy(tmp_path):
    with pytest.raises(SourceError, match="no such folder\n  to do: set `data_dir`"):
        folder_in(tmp_path / "nope", "pets", remedy="set `data_dir`")


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "..\\x", "C:\\x", "\\\\h\\x"])
def test_no_name_leads_out_of_the_root(root, name):
    with pytest.raises(SourceError, match="is absolute or leads upwards"):
        names(root, name)
    with pytest.raises(SourceError, match="is absolute or leads upwards"):
        folder_in(root, name, remedy="")


def test_links_to_other_disks_are_followed(root, tmp_path):
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "far.csv").write_text("a\n1\n")
    (root / "pets" / "link.csv").symlink_to(tmp_path / "outer" / "far.csv")
    (root / "away").symlink_to(tmp_path / "outer")
    assert names(root, "link.csv") == ["link.csv"]
    assert names(root, "l*.csv") == ["link.csv"]
    assert files_in(folder_in(root, "away", remedy=""), "far.csv") == [root / "away" / "far.csv"]


def test_a_link_to_nothing_is_named(root):
    (root / "pets" / "gone.csv").symlink_to("/nonexistent/file")
    with pytest.raises(SourceError, match="is a link to /nonexistent/file, which is not there"):
        names(root, "gone.csv")


def test_a_link_inside_the_root_and_a_root_that_is_a_link_are_fine(root, tmp_path):
    (root / "pets" / "same.csv").symlink_to(root / "pets" / "parts" / "a.csv")
    (tmp_path / "alias").symlink_to(root)
    assert names(tmp_path / "alias", "same.csv") == ["same.csv"]
