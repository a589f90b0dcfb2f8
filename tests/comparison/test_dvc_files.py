"""dvc.yaml and dvc.lock, read without DVC."""

import pytest

from pipeline.comparison.dvc_files import Record, Stage, cache_folder, records, stages
from pipeline.errors import ConfigError

WALK = {
    "stages": {
        "resolve": {"deps": ["${data_dir}", "src"], "outs": ["data/${name}/settings"]},
        "normalize": {
            "foreach": "${tasks}",
            "do": {
                "deps": ["data/${name}/sources/${key}.json"],
                "outs": [{"data/${name}/examples/${key}": {"persist": True}}],
            },
        },
        "train": {"deps": ["p${model.layers}"]},
    }
}
VALUES = {"name": "toy", "data_dir": "raw", "tasks": {"a": None, "b": {}}, "model": {"layers": 3}}


def test_paths_are_filled_in_and_foreach_is_unrolled():
    assert stages(WALK, VALUES) == {
        "resolve": Stage("resolve", ("raw", "src"), ("data/toy/settings",)),
        "normalize@a": Stage("normalize@a", ("data/toy/sources/a.json",), ("data/toy/examples/a",)),
        "normalize@b": Stage("normalize@b", ("data/toy/sources/b.json",), ("data/toy/examples/b",)),
        "train": Stage("train", ("p3",), ()),
    }


def test_a_key_that_stands_for_nothing_is_named():
    with pytest.raises(ConfigError, match=r"dvc.yaml: \$\{model.layers\} stands for nothing"):
        stages(WALK, VALUES | {"model": {}})


def test_a_lock_is_hashes_by_path():
    lock = {
        "stages": {
            "mix": {
                "deps": [{"path": "a", "md5": "1"}],
                "outs": [{"path": "b", "md5": "2.dir"}],
                "params": {"params.yaml": {"seed": 1}},
            },
            "bare": {"cmd": "x"},
        }
    }
    assert records(lock) == {
        "mix": Record({"a": "1"}, {"b": "2.dir"}, {"params.yaml": {"seed": 1}}),
        "bare": Record({}, {}, {}),
    }


def test_the_cache_lies_where_the_configuration_says(tmp_path):
    assert cache_folder(tmp_path) == tmp_path / ".dvc/cache/files/md5"
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(
        "[cache]\n    type = copy\n['remote \"x\"']\n    url = y\n"
    )
    (tmp_path / ".dvc/config.local").write_text("[cache]\n    dir = /elsewhere\n")
    assert str(cache_folder(tmp_path)) == "/elsewhere/files/md5"
