"""Tailor's section: a race where there was one, and every decision with its reason."""

from pipeline.report import tailor_page as made


def words(section):
    return " ".join(section.notes)


def why(count=3, **changes):
    tasks = [
        {
            "task": f"t{i}", "family": None, "score": 0.5 - i, "rank": i + 1, "train_rows": 9,
            "decision": "refused" if i else "taken", "reason": f"because {i}", "rows": 7 if not i else 0,
            "epochs": 0.5, "inside_null": None,
        }
        for i in range(count)
    ]  # fmt: skip
    base = {
        "version": 2, "target": "z", "scorer": "s", "selection": "top_k", "warnings": ["careful"],
        "null_band": None, "rows_placed": 1234, "target_rows": 99, "predicted": None, "tasks": tasks,
    }  # fmt: skip
    return base | changes


RACED = {
    "selection": "race",
    "parts": {"guard": True, "coverage": False, "backward": True},
    "race": [
        {"k": 0, "tasks": [], "loss": 0.7, "behind": 0.2, "se": 0.1, "won": False},
        {"k": 1, "tasks": ["t0"], "loss": 0.5, "behind": 0.0, "se": 0.0, "won": True},
    ],
    "rises": {"t0": 0.125},
    "guard": {"t1": {"value": 0.1, "se": None, "negative_rows": 0.75, "leaked": None}},
}


def test_a_choice_without_a_race_says_so():
    section = made.tailored(why())
    assert section.notes[0] == (
        "Target 'z', scorer 's', selection 'top_k'. 1,234 rows of complements, 99 of the target."
    )
    assert "There was no race over k" in words(section)
    assert "careful" in section.notes
    assert section.figures == []
    (table,) = section.tables
    assert table.columns == ["task", "score", "rank", "decision", "rows", "epochs", "reason"]
    assert table.row(0) == ("t0", 0.5, 1, "taken", 7, 0.5, "because 0")


def test_a_race_is_drawn_and_its_evidence_stands_beside_the_decisions():
    section = made.tailored(why(**RACED, null_band=0.25, predicted={"t2": 0.5}))
    assert "Turned off: coverage." in section.notes
    assert "95 % of random vectors correlate less than 0.250 in size." in section.notes
    (drawing,) = section.figures
    assert "held-out loss of the target" in drawing
    (table,) = section.tables
    assert table["negative_rows"].to_list() == [None, 0.75, None]
    assert table["rise_without"].to_list() == [0.125, None, None]
    assert table["predicted_gain"].to_list() == [None, None, 0.5]
    assert "leaked" not in table.columns


def test_of_many_candidates_the_refused_are_folded_up():
    section = made.tailored(why(30))
    assert section.tables[0]["task"].to_list() == ["t0"]
    ((title, refused),) = section.folded
    assert title == "The 29 tasks that were refused, and why"
    assert refused.height == 29
    none = why(30)
    none["tasks"][0]["decision"] = "refused"
    section = made.tailored(none)
    assert "No task was taken: the target is trained on alone." in section.notes
    assert section.tables == []
