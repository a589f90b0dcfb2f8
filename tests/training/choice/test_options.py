import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract.choice import Rows
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.training.choice.options import Keys, sample_options


def ragged(rows):
    values = np.array([value for row in rows for value in row], dtype=np.int32)
    return Ragged(values, offsets_of(np.array([len(row) for row in rows], dtype=np.int64)))


def rows_of(counts, golds):
    """Rows with these numbers of choices; an int is a label, a list a gold set, None is hidden."""
    several = [gold if isinstance(gold, list) else [] for gold in golds]
    empty = ragged([[] for _ in counts])
    number = np.arange(len(counts))
    return Rows(
        task=number,
        prefix=number,
        context=empty,
        question=empty,
        choices=ragged([[i] for i in range(sum(counts))]),
        choice_offsets=offsets_of(np.array(counts, dtype=np.int64)),
        label=np.array([gold if isinstance(gold, int) else -1 for gold in golds], dtype=np.int64),
        golds=ragged(several),
        multi=np.array([isinstance(gold, list) for gold in golds]),
        source=number,
    )


def keys(count, first=0, epoch=0):
    number = np.arange(count, dtype=np.int64)
    return Keys(number + first, number * 3, np.full(count, epoch))


@st.composite
def tables(draw):
    counts = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6))
    golds = [
        draw(
            st.none()
            | st.integers(0, count - 1)
            | st.lists(st.integers(0, count - 1), unique=True).map(sorted)
        )
        for count in counts
    ]
    return counts, golds


@given(tables(), st.none() | st.integers(2, 6), st.integers(0, 10**6))
def test_the_gold_choice_stays_and_other_golds_are_never_negatives(table, most, first):
    counts, golds = table
    rows = rows_of(counts, golds)
    options = sample_options(rows, keys(len(counts), first), seed=5, max_options=most)
    for i, (count, gold) in enumerate(zip(counts, golds, strict=True)):
        kept = options.kept[options.offsets[i] : options.offsets[i + 1]] - rows.choice_offsets[i]
        if gold is None or gold == []:
            assert (len(kept), options.gold[i]) == (0, -1)
            continue
        answers = gold if isinstance(gold, list) else [gold]
        chosen = int(kept[options.gold[i]])
        assert chosen in answers
        assert sorted(kept.tolist()) == kept.tolist()
        assert not set(kept.tolist()) & (set(answers) - {chosen})
        candidates = count - len(answers) + 1
        assert len(kept) == (candidates if most is None else min(most, candidates))


def test_a_rows_draws_do_not_depend_on_the_rows_beside_it():
    counts, golds = [9, 8, 7], [3, [0, 4], 2]
    together = sample_options(rows_of(counts, golds), keys(3), seed=1, max_options=3)
    alone = sample_options(
        rows_of(counts[1:2], golds[1:2]),
        Keys(np.array([1]), np.array([3]), np.array([0])),
        seed=1,
        max_options=3,
    )
    low, high = together.offsets[1], together.offsets[2]
    assert (together.kept[low:high] - 9).tolist() == alone.kept.tolist()
    assert together.gold[1] == alone.gold[0]


def test_negatives_and_golds_are_drawn_evenly():
    count = 4000
    rows = rows_of([6] * count, [0] * count)
    options = sample_options(rows, keys(count), seed=2, max_options=3)
    seen = np.bincount(options.kept % 6, minlength=6)
    assert seen[0] == count
    assert abs(seen[1:] / count - 0.4).max() < 0.03
    several = sample_options(
        rows_of([4] * count, [[1, 3]] * count), keys(count), seed=2, max_options=4
    )
    drawn = several.kept[several.offsets[:-1] + several.gold] % 4
    assert abs((drawn == 1).mean() - 0.5) < 0.03


def test_another_epoch_draws_another_gold_of_the_same_row():
    rows = rows_of([4] * 200, [[0, 1, 2]] * 200)
    drawn = [
        sample_options(rows, keys(200, epoch=e), seed=2, max_options=4).kept for e in (0, 0, 1)
    ]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).mean() > 0.3
