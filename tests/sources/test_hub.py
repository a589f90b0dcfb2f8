import sys
from types import SimpleNamespace

import polars as pl
import pytest

from pipeline.config.source import HubSource
from pipeline.errors import SourceError
from pipeline.sources.hub import read_hub, resolve_revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@pytest.fixture
def folder(tmp_path):
    """A dataset as a repository has it: a train and a test split in Parquet."""
    data = tmp_path / "pets" / "data"
    data.mkdir(parents=True)
    rows = {"text": ["a", "b"], "label": [0, 1], "answers": [{"text": ["x"]}, None]}
    pl.DataFrame(rows).write_parquet(data / "train-00000-of-00001.parquet")
    pl.DataFrame(rows).head(1).write_parquet(data / "test-00000-of-00001.parquet")
    return tmp_path / "pets"


def hub(folder, **options):
    return HubSource(kind="hub", id=str(folder), **options)


def test_a_split_is_read_with_its_types(folder):
    frame = read_hub(hub(folder), "train", None)
    assert frame.to_dicts() == [
        {"text": "a", "label": 0, "answers": {"text": ["x"]}},
        {"text": "b", "label": 1, "answers": None},
    ]
    assert read_hub(hub(folder), "test", None).height == 1


def test_class_labels_stay_integers(tmp_path):
    import datasets

    features = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"])})
    (tmp_path / "cls").mkdir()
    data = datasets.Dataset.from_dict({"label": [1, 0]}, features=features)
    data.to_parquet(tmp_path / "cls" / "train.parquet")
    assert read_hub(hub(tmp_path / "cls"), "train", None)["label"].to_list() == [1, 0]


def test_a_config_chooses_its_files(folder):
    (folder / "README.md").write_text(
        "---\nconfigs:\n"
        "- {config_name: one, data_files: [{split: train, path: data/train*}]}\n"
        "- {config_name: two, data_files: [{split: train, path: data/test*}]}\n---\n"
    )
    assert read_hub(hub(folder, config="two"), "train", None).height == 1
    with pytest.raises(SourceError) as error:
        read_hub(hub(folder, config="tow"), "train", None)
    assert f"'{folder}' has no config 'tow'" in str(error.value)
    assert error.value.expected == "one of one, two"
    assert error.value.remedy == "did you mean 'two'?"
    with pytest.raises(SourceError) as error:
        read_hub(hub(folder), "train", None)
    assert "needs a config" in str(error.value)
    assert error.value.expected == "one of one, two"


def test_a_missing_split_gets_the_nearest_name(folder):
    with pytest.raises(SourceError) as error:
        read_hub(hub(folder), "trian", None)
    assert "has no split 'trian'" in str(error.value)
    assert error.value.expected == "one of test, train"
    assert error.value.remedy == "did you mean 'train'?"


def test_a_script_is_never_run(tmp_path):
    script = tmp_path / "scripted" / "scripted.py"
    script.parent.mkdir()
    script.write_text("raise SystemExit('ran')\n")
    with pytest.raises(SourceError) as error:
        read_hub(hub(script.parent), "train", None)
    assert "is published as a script, which is never run" in str(error.value)
    assert "`data_files`" in error.value.remedy


def test_a_script_only_set_is_read_from_the_files_that_the_card_names(folder):
    (folder / "pets.py").write_text("raise SystemExit('ran')\n")
    files = {"train": "data/train-*.parquet", "both": ("data/test*.parquet", "data/train*.parquet")}
    assert read_hub(hub(folder, data_files=files), "train", None)["text"].to_list() == ["a", "b"]
    both = read_hub(hub(folder, data_files=files), "both", None)
    assert both["text"].to_list() == ["a", "a", "b"]
    with pytest.raises(SourceError, match="has no split 'validation'"):
        read_hub(hub(folder, data_files=files), "validation", None)


def test_data_files_are_fetched_at_the_commit(folder, monkeypatch):
    asked = {}

    def snapshot_download(repo_id, **options):
        asked.update(options, repo_id=repo_id)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    source = hub("owner/pets", data_files={"train": "data/train-*.parquet"})
    assert read_hub(source, "train", COMMIT).height == 2
    assert asked == {
        "repo_id": "owner/pets",
        "repo_type": "dataset",
        "revision": COMMIT,
        "allow_patterns": ["data/train-*.parquet"],
    }


@pytest.mark.parametrize("pattern", ["data/no-*.parquet", "data/train.txt"])
def test_data_files_that_are_not_there_are_named(folder, pattern):
    with pytest.raises(SourceError, match="has no data file"):
        read_hub(hub(folder, data_files={"train": pattern}), "train", None)


def test_data_files_cannot_lead_out_of_the_repository(folder):
    with pytest.raises(SourceError, match="is absolute or leads upwards"):
        read_hub(hub(folder, data_files={"train": "../other.parquet"}), "train", None)


def test_the_commit_goes_to_the_library_and_remote_code_never(monkeypatch):
    import datasets

    asked = {}

    def load_dataset(**options):
        asked.update(options)
        return datasets.Dataset.from_dict({"a": [1]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    read_hub(HubSource(kind="hub", id="owner/pets", config="c"), "train", COMMIT)
    assert asked == {"path": "owner/pets", "name": "c", "revision": COMMIT, "split": "train"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConnectionError("Couldn't reach 'owner/pets' on the Hub"), "cannot be reached to fetch"),
        (FileNotFoundError("Dataset 'owner/pets' is a gated dataset on the Hub."), "is gated"),
        (
            FileNotFoundError("Dataset 'owner/pets' doesn't exist on the Hub"),
            "no dataset 'owner/pe",
        ),
        (RuntimeError("disk full\nmore"), "split 'train' cannot be loaded: disk full"),
    ],
)
def test_what_the_library_raises_is_worded(monkeypatch, error, message):
    import datasets

    def load_dataset(**_):
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(SourceError) as caught:
        read_hub(HubSource(kind="hub", id="owner/pets"), "train", COMMIT)
    assert message in str(caught.value)
    assert "more" not in str(caught.value)


def patch_api(monkeypatch, dataset_info):
    api = SimpleNamespace(dataset_info=dataset_info)
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: api)


def info(sha, *names):
    return SimpleNamespace(sha=sha, siblings=[SimpleNamespace(rfilename=name) for name in names])


def test_the_commit_is_what_the_hub_says_now(monkeypatch):
    patch_api(monkeypatch, lambda repo, revision=None: info(COMMIT, "train.parquet"))
    assert resolve_revision(hub("owner/pets")) == COMMIT


def test_the_commit_of_files_that_only_the_export_has_is_the_exports(monkeypatch):
    def dataset_info(repo, revision=None):
        return info("1" * 40 if revision is None else COMMIT, "pets.py")

    patch_api(monkeypatch, dataset_info)
    source = hub("owner/pets", data_files={"train": "default/train/*.parquet"})
    assert resolve_revision(source) == COMMIT
    patch_api(monkeypatch, lambda repo: info("2" * 40, "default/train/0000.parquet"))
    assert resolve_revision(source) == "2" * 40


def test_without_network_the_error_says_what_to_do(monkeypatch):
    def dataset_info(repo, revision=None):
        raise OSError("[Errno -2] Name or service not known")

    patch_api(monkeypatch, dataset_info)
    with pytest.raises(SourceError) as error:
        resolve_revision(hub("owner/pets"))
    assert "hub: the hub cannot be reached to look up the commit of 'owner/pets'" in str(
        error.value
    )
    assert "write the commit into the card's `revision`" in error.value.remedy


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("GatedRepoError", "'owner/pets' is gated"),
        ("RepositoryNotFoundError", "no dataset 'owner/pets'"),
        ("HfHubHTTPError", "the hub refused 'owner/pets': 503"),
    ],
)
def test_a_refusal_of_the_hub_is_worded(monkeypatch, name, message):
    import huggingface_hub.errors

    response = SimpleNamespace(headers={}, request=None)

    def dataset_info(repo, revision=None):
        raise getattr(huggingface_hub.errors, name)("503 of the hub", response=response)

    patch_api(monkeypatch, dataset_info)
    with pytest.raises(SourceError) as error:
        resolve_revision(hub("owner/pets"))
    assert message in str(error.value)


def test_an_id_of_the_wrong_shape_is_refused():
    with pytest.raises(SourceError, match="'a/b/c' is no id of a dataset"):
        resolve_revision(hub("a/b/c"))


def test_the_module_imports_without_the_library():
    import subprocess

    code = "import sys, pipeline.sources.dispatch, pipeline.sources.hub; " \
           "assert not {'datasets', 'huggingface_hub', 'torch'} & set(sys.modules)"  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)
