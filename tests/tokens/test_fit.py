import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tokens.fit import FRAME, Fitted, Segments, fit
from pipeline.tokens.ragged import Coded, Ragged, offsets_of

SEP = 9


def coded(rows: list[list[int]]) -> Coded:
    values = np.array([x for row in rows for x in row], np.int32)
    pool = Ragged(values, offsets_of(np.array([len(row) for row in rows], np.int64)))
    return Coded(pool, np.arange(len(rows), dtype=np.int64))


def segments(rows: list[tuple[list[int], list[int], list[list[int]], bool]]) -> Segments:
    return Segments(
        context=coded([row[0] for row in rows]),
        question=coded([row[1] for row in rows]),
        options=coded([option for row in rows for option in row[2]]),
        counts=np.array([len(row[2]) for row in rows], np.int64),
        joined=np.array([row[3] for row in rows], bool),
    )


def lists(rows: Ragged) -> list[list[int]]:
    return [rows[i].tolist() for i in range(len(rows))]


def fitted(context, question, options, joined=True, *, max_tokens=16) -> Fitted:
    return fit(
        segments([(context, question, options, joined)]), separator=SEP, max_tokens=max_tokens
    )


def ids(start: int, count: int) -> list[int]:
    return list(range(start, start + count))


def test_what_fits_is_joined_and_not_cut():
    got = fitted([1, 2], [3], [[4], [5, 6]])
    assert lists(got.context) == [[1, 2]]
    assert lists(got.choices) == [[3, SEP, 4], [3, SEP, 5, 6]]
    assert lists(got.question) == [[3]]
    assert (got.context_cut, got.choices_cut) == (0, 0)
    assert got.tokens == (4 + 2 + 3) + (4 + 2 + 4)


def test_the_context_is_cut_at_its_end_to_fit_the_longest_choice():
    got = fitted(ids(100, 20), [3], [[4], ids(50, 3)])
    assert lists(got.context) == [ids(100, 7)]
    assert lists(got.choices) == [[3, SEP, 4], [3, SEP, 50, 51, 52]]
    assert (got.context_cut, got.choices_cut) == (1, 0)


def test_a_choice_that_leaves_the_context_less_than_a_quarter_loses_its_front():
    got = fitted(ids(100, 20), ids(30, 6), [ids(50, 4), [60]])
    assert lists(got.context) == [ids(100, 4)]
    assert lists(got.choices) == [[33, 34, 35, SEP, *ids(50, 4)], [*ids(30, 6), SEP, 60]]
    assert (got.context_cut, got.choices_cut) == (1, 1)


def test_a_question_cut_away_takes_its_separator_along():
    got = fitted([], [30], [ids(50, 12), ids(50, 11), ids(50, 13)])
    assert lists(got.choices) == [ids(50, 12), ids(50, 11), ids(51, 12)]
    assert got.choices_cut == 3


def test_a_short_context_leaves_its_room_to_the_choices():
    got = fitted([1], [], [ids(50, 30)], joined=False)
    assert lists(got.context) == [[1]]
    assert lists(got.choices) == [ids(69, 11)]
    assert (got.context_cut, got.choices_cut) == (0, 1)


def test_a_cloze_is_not_joined_but_its_question_is_kept_for_the_stem():
    got = fitted([1], ids(30, 20), [[40, 41], [42]], joined=False)
    assert lists(got.choices) == [[40, 41], [42]]
    assert lists(got.question) == [ids(39, 11)]


def test_a_question_without_ids_brings_no_separator():
    assert lists(fitted([1], [], [[4], []], joined=True).choices) == [[4], []]


def test_no_rows_give_no_rows():
    got = fit(segments([]), separator=SEP, max_tokens=16)
    assert (len(got.context), len(got.choices), got.first.tolist(), got.tokens) == (0, 0, [0], 0)


def one_row(row, max_tokens):
    """The rule of the module, word by word, for one row."""
    context, question, options, joined = row
    room = max_tokens - FRAME
    front = [*question, SEP] if joined and question else []
    most = room - min(len(context), max_tokens // 4)
    choices = []
    for option in options:
        choice = [*front, *option]
        cut = choice[max(0, len(choice) - most) :]
        choices.append((cut[1:] if front and len(cut) == len(option) + 1 else cut, len(cut)))
    kept = min(len(context), room - max(length for _, length in choices))
    stem = question[max(0, len(question) - (room - kept)) :]
    return context[:kept], stem, [choice for choice, _ in choices]


id_lists = st.lists(st.integers(10, 99), max_size=24)
rows_strategy = st.lists(
    st.tuples(id_lists, id_lists, st.lists(id_lists, min_size=1, max_size=4), st.booleans()),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(rows_strategy, st.integers(16, 40))
def test_no_sequence_exceeds_max_tokens_and_each_row_follows_the_rule(rows, max_tokens):
    got = fit(segments(rows), separator=SEP, max_tokens=max_tokens)
    context, question, choices = lists(got.context), lists(got.question), lists(got.choices)
    for i, row in enumerate(rows):
        mine = choices[got.first[i] : got.first[i + 1]]
        assert (context[i], question[i], mine) == one_row(row, max_tokens)
        assert all(FRAME + len(context[i]) + len(choice) <= max_tokens for choice in mine)
        assert FRAME + len(context[i]) + len(question[i]) <= max_tokens
        assert len(context[i]) >= min(len(row[0]), max_tokens // 4)
    assert got.tokens == sum(
        FRAME + len(context[i]) + len(choices[j])
        for i in range(len(rows))
        for j in range(got.first[i], got.first[i + 1])
    )
    assert got.context_cut == sum(
        len(c) < len(row[0]) for c, row in zip(context, rows, strict=True)
    )
