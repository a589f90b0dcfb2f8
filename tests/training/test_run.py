import json

import pytest

from pipeline.errors import ConfigError
from pipeline.training.run import read_run


def write(folders, edit):
    run = folders.run()
    edit(run)
    return folders.write(run)


def test_a_run_is_read_into_frozen_settings(folders):
    built = folders()
    run, value = read_run(built.write(built.run(train={"mlm_weight": 1})))
    assert run.train.mlm_weight == 1.0
    assert isinstance(run.train.mlm_weight, float)
    assert run.tokens.train == value["tokens"]["train"]
    assert (run.track, run.init, run.model.width) == (None, None, 16)


def test_a_tracker_is_read(folders):
    built = folders()
    track = {"kind": "dvclive", "folder": "live"}
    run, _ = read_run(built.write(built.run(track=track)))
    assert (run.track.kind, run.track.folder) == ("dvclive", "live")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda r: r.update(version=3), "version: is 3"),
        (lambda r: r.pop("seed"), "seed: is missing"),
        (lambda r: r.update(seeds=1), "no key named 'seeds'\n  to do: did you mean 'seed'?"),
        (lambda r: r["train"].update(batsh=1), "did you mean 'train.batch'?"),
        (lambda r: r["train"].pop("clip"), "train.clip: is missing"),
        (
            lambda r: r["train"].update(batch=0),
            "train.batch: is 0\n  expected: a whole number from 1",
        ),
        (lambda r: r["train"].update(batch=2.5), "train.batch: is 2.5\n  expected: a whole number"),
        (lambda r: r["train"].update(batch=True), "train.batch: is True"),
        (lambda r: r["train"].update(learning_rate=0), "a number above 0"),
        (lambda r: r["train"].update(learning_rate="1e-3"), "learning_rate: is '1e-3'"),
        (lambda r: r["train"].update(warmup=1.5), "a number from 0 to 1"),
        (lambda r: r["train"].update(mask_prefix="no"), "'never' or 'like_any_token' or 'always'"),
        (lambda r: r["train"].update(max_options=1), "max_options: is 1"),
        (lambda r: r["train"].update(best=1), "best: is 1\n  expected: true or false"),
        (lambda r: r["train"].update(select_every=0), "select_every: is 0"),
        (lambda r: r["train"].update(keep_last=0), "keep_last: is 0"),
        (
            lambda r: r.update(licences={"a": 1}),
            "licences: is {'a': 1}\n  expected: an object of texts",
        ),
        (lambda r: r.update(licences=[]), "licences: is []"),
        (lambda r: r.update(model=[]), "model: is []\n  expected: an object"),
        (lambda r: r.update(mix=""), "mix: is ''\n  expected: a text"),
    ],
)
def test_a_wrong_run_is_refused_with_its_key(folders, edit, message):
    with pytest.raises(ConfigError) as error:
        read_run(write(folders(), edit))
    assert message in str(error.value)


def test_nan_is_no_number(folders):
    built = folders()
    path = built.write(built.run())
    path.write_text(path.read_text().replace('"clip": 1.0', '"clip": NaN'))
    with pytest.raises(ConfigError, match="clip: is nan"):
        read_run(path)


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "expected: an object")])
def test_a_file_that_is_no_run_is_refused(tmp_path, text, message):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_run(path)
    with pytest.raises(ConfigError, match="does not exist"):
        read_run(tmp_path / "other.json")


def test_max_options_may_be_null(folders):
    built = folders()
    path = built.write(built.run(train={"max_options": None}))
    assert json.loads(path.read_text())["train"]["max_options"] is None
    assert read_run(path)[0].train.max_options is None
