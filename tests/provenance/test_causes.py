"""The way upstream, in a small world: a -> b -> c, each with its settings."""

import json

import pytest

from pipeline.provenance import causes
from pipeline.provenance.causes import Evidence, compare, find_causes, kind_of, makers_of
from pipeline.provenance.changes import Change
from pipeline.provenance.records import Changed, Record


def settings(name):
    return f"data/x/settings/{name}.json"


class World:
    """Everything as it was built; tests change `texts`, `status`, `lock` and `old`."""

    def __init__(self, cache):
        self.texts = {settings(name): json.dumps({"seed": 1, "k": name}) for name in "abc"}
        made = {name: cache({"part": f"{name}1", "rest": name}) for name in "abc"}
        deps = {"a": {}, "b": {"out/a": made["a"]}, "c": {"out/b": made["b"]}}
        deps["c"]["out/a/part"] = cache("a1")
        self.lock = {
            name: Record(
                {settings(name): cache(self.texts[settings(name)]), **deps[name]},
                {f"out/{name}": made[name]},
            )
            for name in "abc"
        }
        self.old, self.status, self.put = [], {}, cache

    def edit(self, name, **changes):
        path = settings(name)
        self.texts[path] = json.dumps(json.loads(self.texts[path]) | changes)

    def run_again(self, name):
        """Run a stage on the present settings, with another output."""
        self.old = [dict(self.lock), *self.old]
        deps = self.lock[name].deps | {settings(name): self.put(self.texts[settings(name)])}
        out = self.put({"part": f"{name}2", "rest": name})
        self.lock = self.lock | {name: Record(deps, {f"out/{name}": out})}
        readers = [n for n in "abc" if f"out/{name}" in self.lock[n].deps]
        self.status |= {n: Changed({f"out/{name}": "modified"}) for n in readers}

    def why(self, stage):
        return find_causes(stage, self.lock, Evidence(self.lock, self.status, self.texts))


@pytest.fixture
def world(cache, monkeypatch):
    found = World(cache)
    monkeypatch.setattr(causes, "locks", lambda: iter([found.lock, *found.old]))
    return found


def test_nothing_changed_is_no_cause(world):
    assert [world.why(stage) for stage in "abc"] == [[], [], []]


def test_an_edit_is_found_through_the_stages_that_it_reaches(world):
    world.edit("a", k="new")
    (cause,) = world.why("c")
    assert (cause.kind, cause.what) == ("mixture card", settings("a"))
    assert cause.chain == ("a", "c"), "the shortest way: c reads a part of a itself"
    assert cause.changes == (Change("k", "a", "new"),)


def test_what_a_stage_does_not_depend_on_is_no_cause(world):
    world.edit("b", k="new")
    assert world.why("a") == []
    assert [cause.what for cause in world.why("c")] == [settings("b")]


def test_what_a_nearer_cause_has_said_is_not_said_again(world):
    for name in "abc":
        world.edit(name, seed=2)
    world.edit("a", k="new")
    assert [(c.kind, c.what, [x.key for x in c.changes]) for c in world.why("c")] == [
        ("parameter", settings("c"), ["seed"]), ("mixture card", settings("a"), ["k"]),
    ]  # fmt: skip


def test_a_stage_that_ran_again_is_explained_by_its_earlier_record(world):
    world.edit("a", k="new")
    world.run_again("a")
    (cause,) = world.why("b")
    assert (cause.kind, cause.what, cause.chain) == ("mixture card", settings("a"), ("a", "b"))
    assert world.why("a") == []


def test_without_an_earlier_record_it_is_said_that_nobody_knows(world):
    world.edit("a", k="new")
    world.run_again("a")
    world.old = []
    (cause,) = world.why("b")
    assert (cause.kind, cause.what) == ("unknown", "out/a")
    assert cause.note == "was made again since; no committed dvc.lock says from which inputs before"


def test_an_input_made_anew_from_what_is_as_it_was_is_out_of_step(world):
    world.run_again("a")
    (cause,) = world.why("b")
    assert (cause.kind, cause.what) == ("out of step", "out/a")


def test_a_folder_with_files_of_resolve_leads_to_no_input_of_it(world):
    """What people write is compared as `resolve` would write it now, not by its files."""
    folder = world.put({"settings/a.json": "x"})
    world.lock["resolve"] = Record({"raw": "1"}, {"data/x/settings": "2.dir"})
    world.lock["c"] = Record({"data": folder, **world.lock["c"].deps}, world.lock["c"].outs)
    world.lock["d"] = Record({}, {"data/y": "3.dir"})
    world.status = {"resolve": Changed({"raw": "modified"})}
    assert world.why("c") == []


def test_an_output_that_was_changed_or_is_gone_is_named(world, tmp_path):
    world.status = {"a": Changed(outs={"out/a": "modified"}), "b": Changed({"out/a": "modified"})}
    (tmp_path / "out/a").mkdir(parents=True)
    (tmp_path / "out/a/part").write_text("scribbled")
    (cause,) = world.why("b")
    assert (cause.kind, cause.what, cause.chain) == ("changed on disk", "out/a", ("b",))
    assert [change.key for change in cause.changes] == ["out/a/part", "out/a/rest"]
    world.status["a"] = Changed(outs={"out/a": "deleted"})
    assert [(c.kind, c.what) for c in world.why("b")] == [("missing", "out/a")]
    assert [(c.kind, c.what) for c in world.why("a")] == [("missing", "out/a")]


def test_another_definition_of_a_stage_is_named(world):
    world.status = {"b": Changed(command=True)}
    (cause,) = world.why("b")
    assert (cause.kind, cause.note) == ("dvc.yaml", "it defines the stage b in another way")
    world.status = {"b": Changed({"new": "modified"})}
    assert [cause.kind for cause in world.why("b")] == ["dvc.yaml"]


def test_files_of_a_folder_are_compared_one_by_one(cache):
    texts = {"models/x/base/base.json": '{"files": {"a": 2}, "source": "s"}'}
    old = cache({"base.json": '{"files": {"a": 1}, "source": "s"}'})
    (cause,) = compare("models/x/base", old, texts)
    assert (cause.kind, cause.what) == ("model files", "models/x/base/base.json")
    assert cause.changes == (Change("files.a", 1, 2),)
    same = cache({"base.json": texts["models/x/base/base.json"]})
    assert list(compare("models/x/base", same, texts)) == []


def test_what_is_gone_from_the_cache_is_said_to_be_gone(cache):
    for path, digest in (("data/x/s/a.json", "0" * 32), ("data/x/s", "0" * 32 + ".dir")):
        (cause,) = compare(path, digest, {"data/x/s/a.json": "{}"})
        assert (cause.kind, cause.what) == ("unknown", path)
        assert cause.note == "what it held before is gone from DVC's cache"


def test_settings_of_a_task_that_left_are_no_cause_of_their_own(cache):
    assert (
        list(compare("data/x/sources/gone.json", cache("{}"), {"data/x/sources/a.json": "{}"}))
        == []
    )


def test_makers_are_found_inside_and_around_a_path(world):
    assert makers_of("out/a/part", world.lock) == ["a"]
    assert makers_of("out", world.lock) == ["a", "b", "c"]
    assert makers_of("out/ab", world.lock) == []


@pytest.mark.parametrize(
    ("path", "key", "kind"),
    [
        ("data/d/settings/tokenizer.json", "model_sha256", "model files"),
        ("data/d/settings/train/compass.json", "train.batch", "parameter"),
        ("data/d/settings/train/compass.json", "seed", "parameter"),
        ("data/d/settings/train/compass.json", "start", "mixture card"),
        ("data/d/settings/relate.json", "families.a", "task card"),
        ("data/d/settings/tailor.json", "card.tailor.k", "mixture card"),
        ("data/d/settings/features.json", "revision", "parameter"),
        ("data/d/settings/tokenize.json", "prompts.a.prompts.0.jinja", "prompts"),
        ("data/d/settings/mix.json", "code.pipeline.errors", "code"),
        ("data/d/recipes/all/all.yaml", "sampling.order", "mixture card"),
        ("models/d/base/base.json", "source", "parameter"),
        ("models/d/base/base.json", "files.tokenizer.json", "model files"),
        ("data/d/sources/a.json", "card.source.rows", "task card"),
        ("data/d/sources/a.json", "files.a.csv", "raw bytes"),
        ("data/d/sources/a.json", "revision", "hub commit"),
        ("data/d/sources/a.json", "seed", "parameter"),
        ("data/d/sources/a.json", "code.pipeline.errors", "code"),
    ],
)
def test_keys_are_kinds_of_causes(path, key, kind):
    assert kind_of(path, key) == kind
