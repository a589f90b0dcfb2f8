import subprocess
import sys

from pipeline.training.fingerprint import differences, fingerprint, mixture_sha256


def test_settings_and_contents_count_and_places_do_not(folders):
    built = folders().build()
    run = built.run()
    marks = fingerprint(run)
    assert marks == fingerprint(run | {"out": "a", "resume": "b", "track": None})
    assert marks["train.batch"] == "8"
    lines = differences(marks, fingerprint(built.run(train={"batch": 16}, seed=14)))
    assert lines == ["seed: 13 there, 14 here", "train.batch: 8 there, 16 here"]
    rarer = {"checkpoint_every": 99, "keep_last": 7}
    assert differences(marks, fingerprint(built.run(train=rarer, licences={"alpha": "MIT"}))) == []
    path = built.root / "mix" / "order.arrow"
    path.write_bytes(path.read_bytes() + b"x")
    manifest = built.root / "tokens" / "select" / "manifest.json"
    manifest.write_text(manifest.read_text())
    assert [line.split(":")[0] for line in differences(marks, fingerprint(run))] == ["mix"]
    manifest.write_text("{}")
    assert len(differences(marks, fingerprint(run))) == 2


def test_without_looks_of_its_own_a_best_model_is_sought_among_the_checkpoints(folders):
    built = folders()
    marks = fingerprint(built.run(train={"best": True, "checkpoint_every": 5}))
    other = fingerprint(built.run(train={"best": True, "checkpoint_every": 6}))
    assert differences(marks, other) == ["train.select_every: 5 there, 6 here"]


def test_one_hash_stands_for_tokens_and_order(folders):
    built = folders().build()
    before = mixture_sha256(fingerprint(built.run()))
    assert mixture_sha256(fingerprint(built.run(seed=99))) == before
    path = built.root / "mix" / "order.arrow"
    path.write_bytes(path.read_bytes() + b"x")
    assert mixture_sha256(fingerprint(built.run())) != before


def test_the_start_counts_by_its_weights(tmp_path, folders):
    run = folders().run(init=str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    before = fingerprint(run)
    (tmp_path / "log.csv").write_text("step\n")
    assert differences(before, fingerprint(run)) == []
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert [line.split(":")[0] for line in differences(before, fingerprint(run))] == ["init"]


def test_it_needs_no_torch():
    modules = "pipeline.training.fingerprint, pipeline.training.launch, pipeline.training.run"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
