import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_folders import choice_row, write_choice

from pipeline.config.mixture_card import Mixture
from pipeline.contract.choice import CHOICE_SHARD
from pipeline.contract.tokens import read_tokens
from pipeline.errors import ConfigError, MixtureError
from pipeline.mixing.same_content import content_hash, same_content, settle_same_content

ROWS = [
    ([5, 5], [1], [[1], [1, 2]], 0, None),
    ([], [], [[1], [], [1, 2, 3]], 2, None),
    ([7], [3], [[9, 9]], None, [0]),
]


def table(rows):
    return [
        choice_row(context, choices, question=question, label=label, labels=labels, row=row)
        for row, (context, question, choices, label, labels) in enumerate(rows)
    ]


def batch(rows):
    return pa.RecordBatch.from_pylist(table(rows), CHOICE_SHARD)


def tokens(folder, tasks):
    write_choice(folder, {task: table(rows) for task, rows in tasks.items()})
    return read_tokens(folder)


def mixture(same_content="refuse", *, tasks="abcd", **keys):
    value = {
        "tasks": {task: {} for task in tasks},
        "sampling": {"strategy": "equal", "rows": 9},
        "same_content": same_content,
    }
    return Mixture.model_validate(value | keys)


@given(st.permutations(ROWS))
def test_the_sequence_of_rows_does_not_matter(rows):
    assert content_hash(batch(rows)) == content_hash(batch(ROWS))


@pytest.mark.parametrize(
    "row",
    [
        ([5], [5, 1], [[1], [1, 2]], 0, None),  # the same ids, cut elsewhere
        ([5, 5], [1], [[1, 1], [2]], 0, None),
        ([5, 5], [1], [[1], [1, 2]], 1, None),
        ([5, 5], [1], [[1], [1, 2]], None, None),
        ([5, 5], [1], [[1], [1, 2]], 0, []),
        ([5, 6], [1], [[1], [1, 2]], 0, None),
    ],
)
def test_another_row_another_hash(row):
    assert content_hash(batch([row, *ROWS[1:]])) != content_hash(batch(ROWS))
    assert content_hash(batch(ROWS[1:])) != content_hash(batch(ROWS))


def test_how_often_a_row_occurs_matters():
    assert content_hash(batch([*ROWS, ROWS[0]])) != content_hash(batch([*ROWS, ROWS[1]]))


def test_tasks_of_the_same_rows_are_found_whatever_their_sequence_and_names(tmp_path):
    other = [([5, 6], *ROWS[0][1:]), *ROWS[1:]]  # as many rows and tokens, not the same
    there = tokens(
        tmp_path, {"a": ROWS, "b": ROWS[::-1], "c": other, "d": ROWS[:2], "e": [], "f": []}
    )
    assert same_content(there, "abcdef") == [("a", "b")]
    assert same_content(there, "bcd") == []


def test_a_part_in_common_is_not_the_same(tmp_path):
    assert same_content(tokens(tmp_path, {"a": ROWS, "b": ROWS[:2]}), "ab") == []


def test_the_same_content_is_refused_by_default():
    with pytest.raises(MixtureError) as caught:
        settle_same_content(mixture(), [("a", "b"), ("c", "d")], target=None)
    assert str(caught.value) == (
        "tasks: the same train rows under several names: 'a' and 'b'; 'c' and 'd'\n"
        "  to do: take all but one out, or write same_content: merge (or allow) on the card"
    )


def test_it_may_be_allowed():
    made = mixture("allow")
    assert settle_same_content(made, [("a", "b")], target=None) == (made, {})


def test_merged_tasks_leave_all_but_the_first_or_the_target():
    groups = {"g": {"tasks": ["b", "c"]}}
    phases = [{"name": "p", "share": 0.5, "weights": {"b": 2.0, "c": 3.0}}, {"name": "q"}]
    made = mixture("merge", groups=groups, phases=phases)
    left, merged = settle_same_content(made, [("a", "b", "d")], target=None)
    assert merged == {"b": "a", "d": "a"}
    assert list(left.tasks) == ["a", "c"]
    assert left.groups["g"].tasks == ("c",)
    assert left.phases[0].weights == {"c": 3.0}
    assert settle_same_content(made, [("a", "b", "d")], target="d")[1] == {"a": "d", "b": "d"}


def test_a_group_or_phase_that_merging_empties_is_named():
    made = mixture("merge", groups={"g": {"tasks": ["b"]}})
    with pytest.raises(ConfigError) as caught:
        settle_same_content(made, [("a", "b")], target=None)
    assert str(caught.value) == (
        "once tasks of the same content are merged: groups.g: the group is empty: give it 'tasks' or "
        "'groups'"
    )
    phases = [{"name": "p", "share": 0.5, "tasks": ["b"]}, {"name": "q"}]
    with pytest.raises(MixtureError, match="phases.p: phase 'p' has no task left"):
        settle_same_content(mixture("merge", phases=phases), [("a", "b")], target=None)
