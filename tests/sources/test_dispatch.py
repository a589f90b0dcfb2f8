import polars as pl
import pytest

from pipeline.config.task_card import TaskCard
from pipeline.errors import SourceError
from pipeline.sources.dispatch import Records, read_split, source_files


def card(source, splits):
    return TaskCard.model_validate(
        {
            "task": "pets",
            "family": "animals",
            "source": source,
            "splits": splits,
            "fields": {"form": "text_to_text", "context": "t", "target": "l"},
            "licence": "CC0",
        }
    )


FILES = {"kind": "files", "folder": "pets"}


def read(task, split, tmp_path, revision=None, seed=0):
    return read_split(task, split, data_dir=tmp_path, revision=revision, seed=seed)


@pytest.fixture
def pets(tmp_path):
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"t":"x","l":"1"}\n{"t":"y","l":"2"}\n')
    (folder / "validation.csv").write_text("t,l\nz,3\n")
    return folder


def test_each_split_has_the_format_of_its_file(pets, tmp_path):
    task = card(FILES, {"train": "train.jsonl", "validation": "validation.csv"})
    train = read(task, "train", tmp_path)
    assert isinstance(train, Records)
    assert train.frame.rows() == [("x", "1", 0), ("y", "2", 1)]
    assert train.rejects.columns == ["row", "reason", "detail"]
    assert read(task, "validation", tmp_path).frame.rows() == [("z", "3", 0)]


def test_a_split_that_the_card_lacks_is_an_error(pets, tmp_path):
    with pytest.raises(SourceError, match="pets: no split named 'test'"):
        read(card(FILES, {"train": "train.jsonl"}), "test", tmp_path)


def test_the_files_of_a_card_are_named_from_data_dir_in_order(pets, tmp_path):
    (pets / "p2.csv").write_text("t,l\n")
    (pets / "p1.csv").write_text("t,l\n")
    splits = {
        "train": {"t": "train.jsonl", "l": "validation.csv"},
        "validation": "p*.csv",
        "test": ("q2.csv", "q1.csv"),
    }
    for name in ("q1.csv", "q2.csv"):
        (pets / name).write_text("t,l\n")
    files = source_files(card(FILES, splits), data_dir=tmp_path)
    assert list(files) == [
        f"pets/{name}" for name in
        ("p1.csv", "p2.csv", "q1.csv", "q2.csv", "train.jsonl", "validation.csv")
    ]  # fmt: skip
    assert files["pets/p1.csv"] == pets / "p1.csv"


@pytest.mark.parametrize(
    ("source", "splits", "message"),
    [
        (
            FILES,
            {"train": "train.json"},
            "no file 'train.json'\n  to do: did you mean 'train.jsonl'?",
        ),
        (FILES, {"train": "../x.csv"}, "is absolute or leads upwards"),
        (FILES | {"folder": "pest"}, {"train": "x"}, "no folder 'pest'"),
        (FILES | {"folder": "/etc"}, {"train": "passwd"}, "is absolute or leads upwards"),
    ],
)
def test_files_are_checked_before_they_are_read(pets, tmp_path, source, splits, message):
    with pytest.raises(SourceError) as error:
        source_files(card(source, splits), data_dir=tmp_path)
    assert message in str(error.value)
    with pytest.raises(SourceError) as error:
        read(card(source, splits), "train", tmp_path)
    assert message in str(error.value)


def test_a_missing_data_dir_says_what_to_set(tmp_path):
    with pytest.raises(SourceError, match="set `data_dir` in params.yaml"):
        source_files(card(FILES, {"train": "x"}), data_dir=tmp_path / "nope")


def test_a_package_is_read_without_data_dir(tmp_path, monkeypatch):
    folder = tmp_path / "site" / "petset_in_a_package" / "rows"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise SystemExit('imported')\n")
    (folder / "train.tsv").write_text("t\tl\nx\t1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    source = {"kind": "package", "package": "petset_in_a_package", "folder": "rows"}
    task = card(source, {"train": "train.tsv"})
    assert read(task, "train", tmp_path / "nope").frame.rows() == [("x", "1", 0)]
    assert list(source_files(task, data_dir=tmp_path / "nope")) == ["rows/train.tsv"]


def test_a_hub_dataset_is_read_at_the_given_commit(monkeypatch, tmp_path):
    asked = []

    def read_hub(source, name, revision):
        asked.append((source.id, name, revision))
        return pl.DataFrame({"a": [[{"q": name}, {"q": "z"}]]})

    monkeypatch.setattr("pipeline.sources.hub.read_hub", read_hub)
    source = {"kind": "hub", "id": "owner/pets", "records": "a[]"}
    task = card(source, {"train": ("one", "two"), "validation": "dev"})
    assert source_files(task, data_dir=tmp_path) == {}
    records = read(task, "train", tmp_path, revision="c" * 40)
    assert records.frame["q"].to_list() == ["one", "z", "two", "z"]
    assert records.frame["__row__"].to_list() == [0, 1, 2, 3]
    assert asked == [("owner/pets", "one", "c" * 40), ("owner/pets", "two", "c" * 40)]


def test_a_hub_split_is_never_side_by_side(tmp_path):
    task = card({"kind": "hub", "id": "owner/pets"}, {"train": {"a": "x", "b": "y"}})
    with pytest.raises(SourceError, match="a split of a hub source cannot be read side by side"):
        read(task, "train", tmp_path)


def test_the_suite_gets_the_task_the_split_and_the_seed(monkeypatch, tmp_path):
    asked = {}

    def read_suite(source, **options):
        asked.update(options, recipe=source.recipe)
        return pl.DataFrame({"t": ["x"]})

    monkeypatch.setattr("pipeline.sources.suite.read_suite", read_suite)
    task = card({"kind": "suite", "recipe": "lookup"}, {"train": "train"})
    assert read(task, "train", tmp_path, seed=7).frame.rows() == [("x", 0)]
    assert asked == {"recipe": "lookup", "task": "pets", "split": "train", "seed": 7}
    assert source_files(task, data_dir=tmp_path) == {}
