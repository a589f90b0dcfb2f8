"""The walk upstream, on a world made by hand: a -> b -> c, with settings and code."""

import pytest

from pipeline.comparison.causes import Cause, causes, lost, makers_of
from pipeline.comparison.changes import Change
from pipeline.comparison.dvc_files import Record, Stage

STAGES = {
    "a": Stage("a", ("set/a.json", "code/a.py"), ("out/a",)),
    "b": Stage("b", ("set/b.json", "out/a", "code"), ("out/b",)),
    "c": Stage("c", ("out/b", "out/a/part"), ("out/c",)),
}


class World:
    """Everything as it was built; tests change `now`, `lock` and `old`."""

    def __init__(self):
        paths = {p for s in STAGES.values() for p in (*s.deps, *s.outs)}
        self.now = {path: f"{path}:1" for path in paths}
        self.lock = {
            name: Record(
                {dep: self.now[dep] for dep in stage.deps},
                {out: self.now[out] for out in stage.outs},
            )
            for name, stage in STAGES.items()
        }
        self.old = {}

    def present(self, path):
        return self.now.get(path)

    def is_resolved(self, path):
        return path.startswith("set/")

    def record(self, stage):
        return self.lock.get(stage)

    def earlier(self, stage, dep, digest):
        return self.old.get((stage, dep, digest), {})

    def altered(self, out, written):
        return ()

    def explain(self, path, recorded):
        kind = "parameter" if self.is_resolved(path) else "code"
        return [Cause(kind, path, (Change(path, recorded, self.now.get(path)),))]

    def why(self, stage):
        return causes(stage, STAGES, self.lock[stage], self)


@pytest.fixture
def world():
    return World()


def test_nothing_changed_is_no_cause(world):
    assert [world.why(stage) for stage in STAGES] == [[], [], []]


def test_an_edit_is_found_through_the_stages_that_it_reaches(world):
    world.now["set/a.json"] = "edited"
    (cause,) = world.why("c")
    assert (cause.kind, cause.what, cause.chain) == ("parameter", "set/a.json", ("a", "c"))
    assert cause.changes == (Change("set/a.json", "set/a.json:1", "edited"),)


def test_what_a_stage_does_not_depend_on_is_no_cause(world):
    world.now["set/b.json"] = "edited"
    assert world.why("a") == []
    assert [cause.what for cause in world.why("c")] == ["set/b.json"]


def test_all_causes_are_told_nearest_first_and_each_once(world):
    world.now |= {"set/a.json": "x", "code": "y", "set/b.json": "z"}
    assert [(cause.what, len(cause.chain)) for cause in world.why("c")] == [
        ("set/b.json", 2), ("code", 2), ("set/a.json", 2),
    ]  # fmt: skip


def test_a_stage_that_ran_again_is_explained_by_its_earlier_record(world):
    """a was run with another setting after b was built; the commit of then tells with which."""
    before = dict(world.lock)
    world.now |= {"set/a.json": "new", "out/a": "out/a:2"}
    world.lock["a"] = Record(before["a"].deps | {"set/a.json": "new"}, {"out/a": "out/a:2"})
    world.old["b", "out/a", "out/a:1"] = before
    (cause,) = world.why("b")
    assert (cause.kind, cause.what, cause.chain) == ("parameter", "set/a.json", ("a", "b"))
    assert world.why("a") == []


def test_without_an_earlier_record_it_is_said_that_nobody_knows(world):
    world.now |= {"set/a.json": "new", "out/a": "out/a:2"}
    world.lock["a"] = Record(world.lock["a"].deps | {"set/a.json": "new"}, {"out/a": "out/a:2"})
    (cause,) = world.why("b")
    assert (cause.kind, cause.what) == ("unknown", "out/a")
    assert cause.note.startswith("a ran again since; no committed dvc.lock says")


def test_an_input_made_anew_from_what_is_as_it_was_is_out_of_step(world):
    before = dict(world.lock)
    world.now["out/a"] = "out/a:2"
    world.lock["a"] = Record(before["a"].deps | {"set/a.json": "other"}, {"out/a": "out/a:2"})
    world.old["b", "out/a", "out/a:1"] = before
    (cause,) = world.why("b")
    assert (cause.kind, cause.what) == ("out of step", "out/a")


def test_an_output_that_was_changed_or_is_gone_is_named(world):
    world.now["out/a"] = "scribbled"
    (cause,) = world.why("b")
    assert (cause.kind, cause.what, cause.chain) == ("changed on disk", "out/a", ("b",))
    del world.now["out/a"]
    (cause,) = world.why("b")
    assert (cause.kind, cause.what) == ("missing", "out/a")
    assert [cause.kind for cause in lost(world.lock["a"], world)] == ["missing"]


def test_a_stage_upstream_that_never_ran_is_named(world):
    world.now["out/a"] = None
    del world.lock["a"]
    assert [(cause.kind, cause.what) for cause in world.why("b")] == [("never built", "a")]


def test_makers_are_found_inside_and_around_a_path():
    assert makers_of("out/a/part", STAGES) == ["a"]
    assert makers_of("out", STAGES) == ["a", "b", "c"]
    assert makers_of("out/ab", STAGES) == []
