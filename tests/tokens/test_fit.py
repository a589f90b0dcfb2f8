import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.choice import FRAME, LongRows
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.tokens.coded import Coded
from pipeline.tokens.fit import Fitted, Segments, first_long, fit

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


def fitted(context, question, options, joined=True, *, max_tokens=16, **rule) -> Fitted:
    return fit(
        segments([(context, question, options, joined)]),
        separator=SEP,
        max_tokens=max_tokens,
        long_rows=LongRows(**rule),
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


@settings(max_examples=150, deadline=None)
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
    assert got.row.tolist() == list(range(len(rows)))
    assert got.tokens_lost == sum(
        len(row[0]) - len(c) + sum(map(len, full(row)))
        for row, c in zip(rows, context, strict=True)
    ) - sum(map(len, choices))


def full(row):
    """The uncut choices of a row."""
    _, question, options, joined = row
    return [[*question, SEP, *option] if joined and question else option for option in options]


def needed(row) -> int:
    return FRAME + len(row[0]) + max(len(row[1]), *(len(choice) for choice in full(row)))


def test_the_start_of_the_context_is_cut_where_the_rule_says_so():
    got = fitted(ids(100, 20), [3], [[4], ids(50, 3)], cut="context_start")
    assert lists(got.context) == [ids(113, 7)]
    assert (got.context_cut, got.long_rows, got.tokens_lost) == (1, 1, 13)


def test_the_middle_of_the_context_is_cut_where_the_rule_says_so():
    got = fitted(ids(100, 20), [3], [[4], ids(50, 3)], cut="context_middle")
    assert lists(got.context) == [[*ids(100, 4), *ids(117, 3)]]
    short = fitted([1, 2, 3], [3], [[4]], cut="context_middle")
    assert lists(short.context) == [[1, 2, 3]]
    assert (short.context_cut, short.long_rows, short.tokens_lost) == (0, 0, 0)


ROWS = [
    ([1, 2], [], [[4], [5]], False),
    (ids(100, 20), [3], [[4], ids(50, 3)], True),
    ([1], [3], [[6]], True),
    ([1], [], [[6], ids(20, 30)], False),
]


def test_long_rows_are_dropped_with_their_choices_and_counted():
    got = fit(segments(ROWS), separator=SEP, max_tokens=16, long_rows=LongRows("drop"))
    assert got.row.tolist() == [0, 2]
    assert lists(got.context) == [[1, 2], [1]]
    assert lists(got.choices) == [[4], [5], [3, SEP, 6]]
    assert got.first.tolist() == [0, 2, 3]
    assert (got.long_rows, got.dropped, got.context_cut, got.choices_cut) == (2, 2, 0, 0)
    assert got.tokens_lost == (20 + 3 + 5) + (1 + 1 + 30)


def test_the_first_long_row_is_named_with_its_length():
    assert first_long(segments(ROWS), max_tokens=16) == (1, FRAME + 20 + 5, 2)
    assert first_long(segments(ROWS), max_tokens=64) is None
    assert first_long(segments([]), max_tokens=16) is None


def test_a_stem_that_does_not_fit_makes_a_row_long_too():
    assert first_long(segments([([1], ids(30, 20), [[4]], False)]), max_tokens=16) == (0, 25, 1)


def test_a_long_context_becomes_windows_that_share_tokens():
    got = fit(segments(ROWS), separator=SEP, max_tokens=16, long_rows=LongRows("split", overlap=2))
    assert got.row.tolist() == [0, 1, 1, 1, 1, 2, 3]
    windows = [ids(100, 7), ids(105, 7), ids(110, 7), ids(113, 7)]
    assert lists(got.context) == [[1, 2], *windows, [1], [1]]
    both = [[3, SEP, 4], [3, SEP, 50, 51, 52]]
    assert lists(got.choices) == [[4], [5], *(both * 4), [3, SEP, 6], [6], ids(39, 11)]
    assert got.first.tolist() == [0, 2, 4, 6, 8, 10, 11, 13]
    assert lists(got.question) == [[], [3], [3], [3], [3], [3], []]
    assert (got.long_rows, got.split, got.context_cut, got.choices_cut) == (2, 1, 0, 1)
    assert got.tokens_lost == 30 - 11


rules = st.builds(
    LongRows,
    rule=st.sampled_from(["truncate", "drop", "split"]),
    cut=st.sampled_from(["context_end", "context_start", "context_middle"]),
    overlap=st.integers(0, 12),
)


@settings(max_examples=100, deadline=None)
@given(rows_strategy, st.integers(16, 40), rules)
def test_every_rule_keeps_to_the_limit_and_loses_no_more_than_it_says(rows, max_tokens, rule):
    got = fit(segments(rows), separator=SEP, max_tokens=max_tokens, long_rows=rule)
    long = {i for i, row in enumerate(rows) if needed(row) > max_tokens}
    assert got.long_rows == len(long)
    assert len(got.first) - 1 == len(got.row) == len(got.context) == len(got.question)
    seen: dict[int, set[int]] = {}
    for place, i in enumerate(got.row.tolist()):
        mine = [got.choices[j].tolist() for j in range(got.first[place], got.first[place + 1])]
        context, question = got.context[place].tolist(), got.question[place].tolist()
        assert FRAME + len(context) + max(len(question), *map(len, mine)) <= max_tokens
        assert len(mine) == len(rows[i][2])
        if i not in long:
            assert (context, question, mine) == (rows[i][0], rows[i][1], full(rows[i]))
        seen.setdefault(i, set()).update(context)
    if rule.rule == "drop":
        assert set(seen) == set(range(len(rows))) - long
        assert got.dropped == len(long)
    else:
        assert set(seen) == set(range(len(rows)))
    if rule.rule == "split":
        assert all(seen[i] == set(row[0]) for i, row in enumerate(rows))
