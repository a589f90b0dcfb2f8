"""CONTRIBUTING's recipe for a form gives a form that cards can use."""

USE = """
import polars as pl
from pipeline.config.task_card import TaskCard
from pipeline.normalize.dispatch import normalize

card = TaskCard.model_validate({
    "task": "facts", "family": "toy", "licence": "none", "splits": {"train": "a.csv"},
    "source": {"kind": "files", "folder": "facts"},
    "fields": {"form": "true_or_false", "question": "claim", "label": "holds"},
})
records = pl.DataFrame({
    "__row__": [0, 1, 2], "claim": ["Ice is cold.", "Fire is wet.", "Salt is salty."],
    "holds": ["true", "False", "true"],
})
unread = pl.DataFrame(schema={"row": pl.Int64, "reason": pl.String, "detail": pl.String})
made = normalize(records, unread, card, "train")
for row in made.examples.select("form", "question", "choices", "label", "target").rows():
    print(*row)
"""


def test_a_form_is_two_files_and_one_line(follow):
    copy = follow("Add a form")
    assert copy.new == [
        "pipeline/config/forms/true_or_false.py",
        "pipeline/normalize/true_or_false.py",
    ]
    assert list(copy.changed) == ["pipeline/config/forms/registry.py"]
    assert copy.run(USE).splitlines() == [
        "true_or_false Ice is cold. ['false', 'true'] 1 true",
        "true_or_false Fire is wet. ['false', 'true'] 0 false",
        "true_or_false Salt is salty. ['false', 'true'] 1 true",
    ]
