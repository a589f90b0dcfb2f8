"""Train meets evaluation rows of any task; select meets report rows; nothing else is an overlap."""

import polars as pl

from pipeline.config.params import CurateParams
from pipeline.curation import overlap

LONG = "a quick brown fox jumps over the lazy dog while it rains in the old town tonight"


def index(*rows):
    """Rows of (task, role, text)."""
    return pl.DataFrame(
        [
            (task, role, i, f"{task}/{role}/{i}", text, "", len(text.split()), text)
            for i, (task, role, text) in enumerate(rows)
        ],
        schema=overlap.INDEX,
        orient="row",
    )


def find(*rows, **params):
    return overlap.find(index(*rows), CurateParams(**params))


def told(result, *columns):
    return result.table.select(*columns).rows()


SIDES = ("source_task", "source_role", "target_task", "target_role")


def test_train_rows_in_other_tasks_evaluation_rows_go():
    result = find(
        ("a", "train", "one two three four"),
        ("a", "train", "five six seven eight"),
        ("b", "report", "one two three four"),
        ("b", "report", "nine ten eleven twelve"),
        ("b", "report", "one two three four"),
    )
    assert result.table.to_dicts() == [
        {
            "source_task": "a", "source_role": "train", "target_task": "b", "target_role": "report",
            "kind": "exact", "rows": 1, "target_rows": 2, "share_of_source": 0.5,
            "share_of_target": 2 / 3, "source_example": "a/train/0",
            "target_example": "b/report/2", "removed": True,
        }
    ]  # fmt: skip
    assert result.removed.rows() == [("a/train/0", "overlap", "b/report/2")]


def test_a_row_in_several_targets_is_dropped_once_and_names_a_report_row():
    text = "one two three four"
    result = find(
        ("a", "train", text), ("b", "select", text), ("c", "report", text), ("a", "report", text)
    )
    assert told(result, *SIDES, "rows") == [
        ("a", "train", "a", "report", 1),
        ("a", "train", "b", "select", 1),
        ("a", "train", "c", "report", 1),
        ("b", "select", "a", "report", 1),
        ("b", "select", "c", "report", 1),
    ]
    assert result.removed.rows() == [
        ("a/train/0", "overlap", "a/report/3"),
        ("b/select/1", "overlap", "a/report/3"),
    ]


def test_two_tasks_may_select_on_the_same_rows_and_report_on_them():
    text = "one two three four"
    assert find(("a", "select", text), ("b", "select", text)).table.height == 0
    assert find(("a", "report", text), ("b", "report", text)).table.height == 0
    assert find(("a", "train", text), ("b", "train", text)).table.height == 0


def test_short_texts_do_not_count():
    rows = [("a", "train", "yes it is"), ("b", "report", "yes it is")]
    assert find(*rows).table.height == 0
    assert find(*rows, overlap_min_words=3).table.height == 1


def test_overlap_is_reported_where_it_is_not_removed():
    rows = [("a", "train", "one two three four"), ("b", "report", "one two three four")]
    result = find(*rows, remove_overlap=False)
    assert told(result, "rows", "removed") == [(1, False)]
    assert result.removed.height == 0
    assert result.removed.schema == overlap.REMOVED


def test_near_rows_are_reported_and_stay_unless_a_setting_removes_them():
    rows = [("a", "train", LONG), ("b", "report", LONG.replace("tonight", "today"))]
    kept = find(*rows)
    assert told(kept, "kind", "rows", "removed") == [("near", 1, False)]
    assert kept.removed.height == 0
    gone = find(*rows, remove_near=True)
    assert told(gone, "kind", "removed") == [("near", True)]
    assert gone.removed.rows() == [("a/train/0", "near_overlap", "b/report/1")]
    assert find(*rows, near_similarity=0.95).table.height == 0
    assert find(*rows, remove_near=True, remove_overlap=False).removed.height == 0


def test_an_exact_match_is_not_near_too():
    rows = [("a", "train", LONG), ("b", "report", LONG), ("b", "report", LONG + " again")]
    assert told(find(*rows), "kind", "rows") == [("exact", 1)]


def test_the_order_of_rows_makes_no_difference():
    rows = index(
        *[("a", "train", f"{LONG} {i}") for i in range(9)],
        *[("b", "report", f"{LONG} {i % 3}") for i in range(9)],
    )
    one, other = (overlap.find(frame, CurateParams()) for frame in (rows, rows.reverse()))
    assert one.table.equals(other.table)
    assert one.removed.equals(other.removed)


def test_no_rows_give_an_empty_table():
    result = overlap.find(overlap.INDEX.to_frame(), CurateParams())
    assert result.table.schema == overlap.TABLE
    assert result.table.height == 0
