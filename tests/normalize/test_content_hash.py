import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalize.content_hash import buffers, digests, encode

SCHEMA = {
    "context": pl.String, "question": pl.String, "choices": pl.List(pl.String), "label": pl.Int32,
    "labels": pl.List(pl.Int32), "target": pl.String, "reason": pl.String,
}  # fmt: skip
CHOICE = ("The sun set.", "What fell?", ["night", "rain"], 0, None, "night", None)
HIDDEN = ("The sun set.", "What fell?", ["night", "rain"], None, None, None, None)
SET = ("it is red", "", ["red", "round", "old"], None, [0, 2], "red, old", None)
FREE = ("1 + 1", "", [], None, None, "zwei é", None)


def drafts(*rows):
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("row", "encoding", "digest"),
    [
        (
            CHOICE,
            "The sun set.\x1eWhat fell?\x1enight\x1frain\x1e#0",
            "de5b75b247f9ee2539c8359abf210704",
        ),
        (
            HIDDEN,
            "The sun set.\x1eWhat fell?\x1enight\x1frain\x1e",
            "4926144f7f94565af55b9921dfbe5ca9",
        ),
        (SET, "it is red\x1e\x1ered\x1fround\x1fold\x1e{0,2}", "6b292038d499f6fc76262f71265b22c1"),
        (FREE, "1 + 1\x1e\x1e\x1e=zwei é", "7850ddc0bfcf30bb3c5e41637340edc0"),
    ],
)
def test_encoding_and_digest_never_change(row, encoding, digest):
    made = encode(drafts(row))
    assert made["encoding"].to_list() == [encoding]
    assert made["separators"].to_list() == [encoding.count("\x1e") + encoding.count("\x1f")]
    assert digests(made["encoding"]).to_list() == [bytes.fromhex(digest)]
    assert xxhash.xxh3_128_hexdigest(encoding.encode()) == digest


def test_a_row_with_a_reason_is_not_encoded():
    made = encode(drafts(CHOICE, (None, "q", None, None, None, None, "missing_field")))
    assert made["encoding"].null_count() == 1
    assert made["separators"].to_list() == [4, 0]


def test_known_options_give_the_same_encoding_as_joined_lists():
    frame = drafts(CHOICE, HIDDEN, CHOICE)
    assert encode(frame, ["night", "rain"]).equals(encode(frame))
    assert encode(drafts(FREE), []).equals(encode(drafts(FREE)))


def test_a_row_has_the_same_hash_whatever_rows_stand_beside_it():
    together = digests(encode(drafts(CHOICE, SET, FREE, HIDDEN))["encoding"]).to_list()
    alone = [digests(encode(drafts(row))["encoding"])[0] for row in (CHOICE, SET, FREE, HIDDEN)]
    assert together == alone


def test_no_rows_have_no_hashes():
    empty = digests(encode(drafts())["encoding"])
    assert empty.len() == 0
    assert empty.dtype == pl.Binary


def test_slices_and_pieces_are_read_at_their_own_offsets():
    series = pl.concat([pl.Series(["ab", "c"]), pl.Series(["é", "a much longer text than twelve"])])
    assert digests(series.slice(1, 2)).to_list() == [
        xxhash.xxh3_128_digest(b"c"), xxhash.xxh3_128_digest("é".encode()),
    ]  # fmt: skip
    offsets, data = buffers(series.slice(1, 2))
    assert (offsets - offsets[0]).tolist() == [0, 1, 3]
    assert bytes(data)[offsets[0] :] == "cé".encode()


TEXT = st.text(st.sampled_from(["a", "#", "0", "=", "{", "}", ",", "\n", "é"]), max_size=4)
CHOICES = st.lists(TEXT.filter(bool), min_size=2, max_size=3, unique=True)
ROW = st.one_of(
    st.tuples(TEXT, TEXT, CHOICES, st.integers(0, 1), st.none(), st.just("t"), st.none()),
    st.tuples(TEXT, TEXT, CHOICES, st.none(), st.none(), st.none(), st.none()),
    st.tuples(TEXT, TEXT, CHOICES, st.none(), st.lists(st.integers(0, 2), min_size=1), st.just("t"),
              st.none()),
    st.tuples(TEXT, TEXT, st.just([]), st.none(), st.none(), TEXT, st.none()),
    st.tuples(TEXT, TEXT, st.just([]), st.none(), st.none(), st.none(), st.none()),
)  # fmt: skip


@given(ROW, ROW)
def test_two_contents_never_have_one_encoding(left, right):
    same = left[:5] == right[:5] and (bool(left[2]) or left[5] == right[5])
    first, second = encode(drafts(left, right))["encoding"]
    assert (first == second) == same
