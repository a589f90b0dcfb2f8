import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rendering.pick import picked

IDS = [f"t/train/{i}" for i in range(4_000)]
NAMES = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=2, max_size=6, unique=True)
WEIGHTS = NAMES.flatmap(
    lambda names: st.fixed_dictionaries(dict.fromkeys(names, st.floats(0.1, 10.0)))
)


def chosen(weights, *, seed=1, task="t", ids=IDS):
    """The prompt of each row by its id."""
    names = list(weights)
    return np.array([names[place] for place in picked(ids, weights, seed=seed, task=task)])


def test_rows_are_shared_out_by_weight():
    got = chosen({"a": 1.0, "b": 2.0, "c": 1.0})
    shares = [float((got == name).mean()) for name in "abc"]
    # three standard errors of 4,000 draws
    assert np.abs(np.array(shares) - [0.25, 0.5, 0.25]).max() < 0.024


def test_draws_are_known():
    assert picked(IDS[:12], {"a": 1.0, "b": 1.0}, seed=3, task="t").tolist() == [
        0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1,
    ]  # fmt: skip
    assert picked([], {"a": 1.0}, seed=3, task="t").tolist() == []


def test_seed_and_task_give_other_draws():
    weights = {"a": 1.0, "b": 1.0}
    first = chosen(weights)
    for other in (chosen(weights, seed=2), chosen(weights, task="u")):
        assert 0.45 < (first == other).mean() < 0.55


@settings(deadline=None, max_examples=40)
@given(WEIGHTS, st.data())
def test_a_prompt_that_comes_or_goes_moves_no_row_between_the_others(weights, data):
    gone = data.draw(st.sampled_from(sorted(weights)))
    with_it = chosen(weights, ids=IDS[:300])
    without = chosen({n: w for n, w in weights.items() if n != gone}, ids=IDS[:300])
    assert (with_it == without)[with_it != gone].all()


@settings(deadline=None, max_examples=40)
@given(WEIGHTS, st.data())
def test_a_raised_weight_takes_rows_and_moves_none_between_the_others(weights, data):
    raised = data.draw(st.sampled_from(sorted(weights)))
    before = chosen(weights, ids=IDS[:300])
    after = chosen(weights | {raised: 3 * weights[raised]}, ids=IDS[:300])
    changed = before != after
    assert (after[changed] == raised).all()


@settings(deadline=None, max_examples=20)
@given(WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_prompts_and_other_rows_do_not_matter(weights, random):
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    assert (chosen(dict(shuffled), ids=IDS[:200]) == chosen(weights, ids=IDS[:200])).all()
    assert (chosen(weights, ids=IDS[50:60]) == chosen(weights, ids=IDS[:200])[50:60]).all()
