"""Bad artefacts and broken machines: one clear error, exit code 2, what was there before intact."""

import json
from pathlib import Path

import pytest
import torch

from pipeline.errors import ArtefactError, TrainingError
from pipeline.training import checkpoint as checkpoints
from pipeline.training.export import publish_folder
from pipeline.training.fingerprint import fingerprint
from pipeline.training.session import run_session


@pytest.fixture(autouse=True)
def settings_of_the_process():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def cut(root):
    shard = root / "tokens" / "train" / "beta.arrow"
    shard.write_bytes(shard.read_bytes()[:-200])


def flip(root):
    order = root / "mix" / "order.arrow"
    data = bytearray(order.read_bytes())
    data[len(data) // 2] ^= 1
    order.write_bytes(bytes(data))


def retokenize(root):
    path = root / "tokenizer" / "tokenizer.json"
    path.write_text(path.read_text() + " ")


def edit_manifests(root, edit):
    for role in ("train", "select"):
        path = root / "tokens" / role / "manifest.json"
        manifest = json.loads(path.read_text())
        edit(manifest)
        path.write_text(json.dumps(manifest))


def lose_prefix(root):
    edit_manifests(root, lambda m: m["tasks"][1].update(prefix_id=m["vocabulary"]))


def share_prefix(root):
    edit_manifests(root, lambda m: m["tasks"][1].update(prefix_id=m["tasks"][0]["prefix_id"]))


def forget_shard(root):
    (root / "tokens" / "train" / "gamma.arrow").unlink()


DAMAGES = {
    "truncated shard": (cut, "beta.arrow: has SHA-256"),
    "wrong checksum": (flip, "order.arrow: has SHA-256"),
    "another tokenizer": (retokenize, "tokenizer.json: has SHA-256"),
    "missing prefix token": (lose_prefix, "the prefix 68 of task 'beta' is no token"),
    "shared prefix token": (share_prefix, "of task 'beta' is also that of task 'alpha'"),
    "missing shard": (forget_shard, "gamma.arrow: does not exist"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_artefact_ends_before_anything_is_written(folders, name):
    damage, message = DAMAGES[name]
    built = folders().build()
    run = built.run()
    kept = Path(run["resume"]) / "step-00000003"
    kept.mkdir(parents=True)
    damage(built.root)
    with pytest.raises(ArtefactError) as error:
        run_session(built.write(run))
    assert message in str(error.value)
    assert not (built.root / "run" / "out").exists()
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_truncated_shard_ends_two_ranks(folders, trainers):
    built = folders().build()
    cut(built.root)
    ranks = trainers.ranks(built.write(built.run()), 2)
    assert [rank.end() for rank in ranks] == [2, 2]
    assert "beta.arrow" in ranks[0].output.read_text()
    assert not any("Traceback" in rank.output.read_text() for rank in ranks)


def test_a_loss_that_is_not_finite_ends_two_ranks(shared_folders, trainers):
    wild = {"clip": 1e30, "learning_rate": 1e30, "warmup": 0, "checkpoint_every": 1}
    run = shared_folders.run(name="nan-ranks", train=wild)
    ranks = trainers.ranks(shared_folders.write(run, "nan-ranks"), 2)
    assert [rank.end() for rank in ranks] == [2, 2]
    for rank in ranks:
        assert "of step 2 is not finite" in rank.output.read_text()
    assert [path.name for path in Path(run["resume"]).iterdir()] == ["step-00000001"]


def test_a_model_of_fewer_words_than_the_tokenizer_is_refused(folders, tmp_path):
    """The table grows by the prefixes; what else is missing was never learned."""
    from pipeline.modeling.encoder import Architecture, small_encoder

    built = folders().build()
    small_encoder(
        Architecture(1, 16, 2, 0.0), vocabulary=50, max_tokens=32, pad=0, seed=0
    ).save_pretrained(tmp_path / "base")
    run = built.run(model_path=str(tmp_path / "base"), model={"source": "./base"})
    with pytest.raises(
        TrainingError, match="knows 50 tokens, the tokenizer has 65 besides"
    ) as error:
        run_session(built.write(run))
    assert error.value.where == str(tmp_path / "base")


def test_a_token_beyond_the_vocabulary_is_refused(folders):
    """Said by the shards' own check, before the encoder's table is asked for it."""

    def edit(task, rows):
        if task == "alpha":
            rows[0]["context"] = [5000]

    built = folders().build(edit=edit)
    with pytest.raises(ArtefactError, match="alpha.arrow: .*5000"):
        run_session(built.write(built.run()))


FULL = """
import os, resource, sys
os.environ.update(environment)
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
error = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.dup2(error, 2)
from pipeline.training.__main__ import main
exit_code = main([run])
sys.stderr.flush()
os._exit(exit_code)
"""


def test_a_disk_that_is_full_while_a_checkpoint_is_written(shared_folders, trainers):
    """The optimizer's file is twice the model's: the limit lies between them."""
    run = shared_folders.run(name="full", train={"checkpoint_every": 3})
    path = shared_folders.write(run, "full")
    resume = Path(run["resume"])
    started = trainers.start(path)
    started.wait_for(resume / "step-00000003")
    started.kill()
    for later in sorted(resume.glob("step-*"))[1:]:
        later.rename(path.parent / later.name)
    model = (resume / "step-00000003" / "model.safetensors").stat().st_size
    before = contents(resume / "step-00000003")
    full = trainers.start(path, code=FULL.replace("BYTES", str(model + 1000)))
    assert full.end() == 2
    said = full.output.read_text()
    assert "checkpoint cannot be written" in said
    assert "the checkpoint before this one is intact" in said
    assert "Traceback" not in said
    assert [p.name for p in sorted(resume.iterdir()) if p.suffix != ".tmp"] == ["step-00000003"]
    assert contents(resume / "step-00000003") == before
    assert not Path(run["out"]).exists()
    assert trainers.start(path).end() == 0


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_disk_that_is_full_while_the_model_is_written(shared_folders, trainers):
    run = shared_folders.run(name="full-out", train={"checkpoint_every": 99})
    path = shared_folders.write(run, "full-out")
    full = trainers.start(path, code=FULL.replace("BYTES", "2000"))
    assert full.end() == 2
    assert "the trained model cannot be written" in full.output.read_text()
    assert "Traceback" not in full.output.read_text()
    assert list(Path(run["out"]).iterdir()) == []


def test_the_files_of_an_output_change_together(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("old")
    (out / "notes.txt").write_text("mine")

    def fail():
        with publish_folder(out) as new:
            (new / "config.json").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(TrainingError, match="cannot be written: .*No space left"):
        fail()
    assert contents(out) == {"config.json": b"old", "notes.txt": b"mine"}
    with publish_folder(out) as new:
        (new / "config.json").write_text("whole")
        (new / "run.json").write_text("{}")
    assert contents(out) == {"config.json": b"whole", "notes.txt": b"mine", "run.json": b"{}"}


def test_what_a_killed_run_left_is_removed(tmp_path):
    (tmp_path / "out" / ".unfinished").mkdir(parents=True)
    (tmp_path / "out" / ".unfinished" / "old.bin").write_text("x")
    with publish_folder(tmp_path / "out") as new:
        assert list(new.iterdir()) == []
    assert list((tmp_path / "out").iterdir()) == []


def test_a_foreign_checkpoint_explains_both_recipes(shared_folders):
    run = shared_folders.run(name="theirs")
    checkpoints.save(
        Path(run["resume"]),
        checkpoints.Checkpoint(4, {"w": torch.ones(1)}, {}, {}, {"best_step": None}, {}),
        fingerprint(run),
        keep=1,
    )
    mine = shared_folders.run(name="theirs", seed=7, train={"batch": 4}, model={"source": "x/y"})
    mine["mix"] = str(shared_folders.root / "tokenizer")
    with pytest.raises(TrainingError) as error:
        checkpoints.load_newest(Path(run["resume"]), fingerprint(mine))
    lines = str(error.value).splitlines()
    assert lines[0].endswith("step-00000004: belongs to another recipe")
    assert lines[1:4] == [
        "  there: mixture 'toy', pass 'compass', seed 13, model 'small', step 4",
        "  here:  mixture 'toy', pass 'compass', seed 7, model 'x/y'",
        f"  - mix: other rows, or the same in another order, {fingerprint(run)['mix'][:12]}... there, "
        f"{fingerprint(mine)['mix'][:12]}... here",
    ]
    assert lines[4:7] == [
        '  - model.source: "small" there, "x/y" here',
        "  - seed: 13 there, 7 here",
        "  - train.batch: 8 there, 4 here",
    ]
    remedy = f"set back what differs to go on from it, delete {run['resume']} to start afresh"
    assert lines[8].startswith(f"  to do: {remedy}")
