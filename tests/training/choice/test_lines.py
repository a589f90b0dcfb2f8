import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.choice import Rows, Special
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.training.choice.lines import every_option, question_is_shared

SPECIAL = Special(cls=2, sep=3, pad=0, mask=4)


def ragged(texts):
    values = np.array([token for text in texts for token in text], dtype=np.int32)
    return Ragged(values, offsets_of(np.array([len(text) for text in texts], dtype=np.int64)))


def rows_of(rows):
    """Rows of (context, question, choices, label)."""
    number = np.arange(len(rows), dtype=np.int64)
    return Rows(
        task=number,
        prefix=number + 50,
        context=ragged([row[0] for row in rows]),
        question=ragged([row[1] for row in rows]),
        choices=ragged([choice for row in rows for choice in row[2]]),
        choice_offsets=offsets_of(np.array([len(row[2]) for row in rows], dtype=np.int64)),
        label=np.array([row[3] for row in rows], dtype=np.int64),
        golds=ragged([[] for _ in rows]),
        multi=np.zeros(len(rows), dtype=bool),
        source=number,
    )


TEXT = st.lists(st.integers(5, 7), max_size=3)


@st.composite
def asked_rows(draw):
    question = draw(TEXT)
    head = [*question, 3] if question else []
    choices = draw(st.lists(TEXT, min_size=1, max_size=4))
    return draw(TEXT), question, [head + c if draw(st.booleans()) else c for c in choices], 0


@settings(deadline=None, max_examples=50)
@given(st.lists(asked_rows(), max_size=5))
def test_alike_are_rows_whose_every_choice_begins_with_the_question(rows):
    expected = [
        bool(question) and all(c[: len(question) + 1] == [*question, 3] for c in choices)
        for _, question, choices, _ in rows
    ]
    assert question_is_shared(rows_of(rows), SPECIAL).tolist() == expected


def test_every_option_is_every_choice():
    options = every_option(rows_of([([5], [], [[6], [7]], 0), ([5], [6], [[7]], 0)]))
    assert options.kept.tolist() == [0, 1, 2]
    assert options.offsets.tolist() == [0, 2, 3]
    assert options.gold.tolist() == [-1, -1]
