from fractions import Fraction

import pyarrow as pa
import pytest

from pipeline.contract.files import write_arrow, write_json
from pipeline.errors import MixtureError
from pipeline.mixing.corpus import read_corpus, row_supervised, row_tokens
from pipeline.mixing.lengths import Held, MeanLengths, StoredLengths
from pipeline.mixing.order import Draw, mixture_order
from pipeline.mixing.rates import Prompts

IDS = pa.large_list(pa.int32())


@pytest.fixture
def corpus(tmp_path, draw):
    """One task of the text view, four rows of 1 to 4 input and 1 to 2 target tokens."""
    lengths = [(1, 1), (2, 2), (3, 1), (4, 2)]
    table = {
        "input": pa.array([[7] * n for n, _ in lengths], IDS),
        "target": pa.array([[8] * n for _, n in lengths], IDS),
        "label": pa.array([0] * 4, pa.int32()),
        "row": pa.array(range(4), pa.uint32()),
    }
    write_arrow(pa.table(table), tmp_path / "t.arrow")
    entry = {
        "task": "t",
        "rows": 4,
        "start": 0,
        "tokens": 10 + 6 + 4 * 2,
        "supervised": 6 + 4,
        "prompts": [{"id": "x"}, {"id": "y"}],
        "draw": draw,
    }
    write_json(
        {"version": 1, "view": "text", "extras": 2, "supervised_extras": 1, "tasks": [entry]},
        tmp_path / "manifest.json",
    )
    return read_corpus(tmp_path)


@pytest.mark.parametrize(("draw", "rows"), [("all", 2), ("one", 1)])
def test_stored_lengths_are_those_of_the_rows_that_the_order_draws(corpus, rows):
    lengths = StoredLengths(corpus, seed=5)
    assert (lengths.rows, lengths.prompts) == ({"t": 4}, {"t": Prompts(2, rows)})
    assert [lengths.amount("t", u) for u in ("rows", "tokens", "supervised_tokens")] == [4, 24, 10]
    tokens, supervised = row_tokens(corpus, "t"), row_supervised(corpus, "t")
    for quota in range(13):
        order = mixture_order([Draw(task="t", start=0, rows=4, quota=quota)], seed=5)
        drawn = order.column("row").to_numpy()
        assert lengths.drawn("t", quota) == Held(tokens[drawn].sum(), supervised[drawn].sum())
        targets = [Fraction(int(tokens[drawn].sum()))]
        assert lengths.reached("t", "tokens", targets) == [quota]
        targets = [Fraction(int(supervised[drawn].sum()))]
        assert lengths.reached("t", "supervised_tokens", targets) == [quota]


def test_the_choice_view_has_no_supervised_tokens(tmp_path):
    entry = {"task": "c", "rows": 3, "start": 0, "tokens": 9}
    write_json({"version": 1, "tasks": [entry]}, tmp_path / "manifest.json")
    lengths = StoredLengths(read_corpus(tmp_path), seed=5)
    with pytest.raises(MixtureError) as caught:
        lengths.reached("c", "supervised_tokens", [Fraction(1)])
    assert str(caught.value) == (
        "sampling.strategy: the tokens are of the choice view, which has no supervised tokens\n"
        "  expected: view: text"
    )


def test_guessed_lengths_are_means():
    lengths = MeanLengths({"t": 4, "u": 9}, {"t": 2.5}, {})
    assert lengths.amount("t", "tokens") == 10
    assert lengths.amount("u", "rows") == 9
    assert lengths.reached("t", "tokens", [Fraction(4), Fraction(5)]) == [2, 2]
    assert lengths.drawn("t", 3) == Held(8, None)
    assert lengths.drawn("u", 3) == Held(None, None)
    with pytest.raises(MixtureError, match="no one knows yet how many tokens a row of task 'u'"):
        lengths.amount("u", "tokens")
