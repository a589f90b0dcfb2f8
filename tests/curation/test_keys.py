"""Equal examples have equal keys; different ones do not, whatever their task's carriers are."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.curation import keys


def normal(text: str) -> str:
    return pl.select(keys.normalized(pl.lit(text))).item()


def squeezed(text: str) -> str:
    return pl.select(keys.squeezed(keys.normalized(pl.lit(text)))).item()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello,\tWORLD!! ", "hello world"),
        ("Straße ﬁne", "strasse fine"),
        ("«naïve» ... café", "naïve café"),
        ("3 - 4", "3 \u2212 4"),
        ("3*4/5^2", "3\u00d7 4\u00f7 5\u2191 2"),
        ("well-known and/or", "well known and or"),
        ("हिन्दी", "हिन्दी"),
        ("\u2764\ufe0f @ home", "home"),
        ("?!...", ""),
        ("a <b>big</b> dog<br />x", "a big dog x"),
        ("Tom &amp; Ann&#39;s &lt;i&gt;", "tom ann s"),
        (r"either\/or \"so\" caf\u00e9", "either or so caf\u00e9"),
        ("soft\u00adened zero\u200bwidth \ufeffmark", "softened zerowidth mark"),
        ("if x < y and z > w", "if x < y and z > w"),
        ("", ""),
    ],
)
def test_text_is_lowered_and_stripped_of_punctuation(text, expected):
    assert normal(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I don't know it.", "i do n't know it ."),
        ("It's a 2-hour film", "It 's a 2 - hour film"),
        ("U.S. economy", "US economy"),
        ("the cat", "The  Cat!"),
    ],
)
def test_tokenisation_makes_no_difference(one, other):
    assert squeezed(one) == squeezed(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 + 4", "3 - 4"),
        ("3 * 4", "3 / 4"),
        ("2, 3", "23"),
        ("1.5 kg", "15 kg"),
        ("a < b", "a > b"),
        ("not good", "good"),
    ],
)
def test_what_differs_in_meaning_stays_different(one, other):
    assert squeezed(one) != squeezed(other)


def test_a_swapped_pair_has_the_same_key(examples):
    frame = examples(
        "a", "train", [("A man sleeps", "a dog runs"), ("A dog runs!", "a man sleeps.")]
    )
    stems = keys.stems(frame)
    assert stems["key"][0] == stems["key"][1]
    assert stems["words"].to_list() == [6, 6]
    assert stems.schema == keys.STEMS


def test_a_text_has_the_same_key_as_context_and_as_question(examples):
    stems = keys.stems(examples("a", "train", [("one long text", ""), ("", "One long text")]))
    assert stems["key"].n_unique() == 1


def test_parts_do_not_run_into_each_other(examples):
    stems = keys.stems(examples("a", "train", [("ab", "c"), ("a", "bc")]))
    assert stems["key"].n_unique() == 2


def test_choices_tell_apart_equal_questions_without_context(examples):
    rows = [("", "Which of these is right?")] * 3
    choices = [["a cat", "a dog"], ["A dog", "a cat."], ["a cat", "a cow"]]
    stems = keys.stems(examples("a", "train", rows, form="multiple_choice", choices=choices))
    assert stems["key"][0] == stems["key"][1] != stems["key"][2]
    assert stems["words"].to_list() == [9, 9, 9]


def test_choices_tell_apart_generic_stems_however_many_there_are(examples):
    rows = [("Two orders came in on Monday.", "Which one fits into a box?")] * 3
    choices = [["a cat", "a whale"], ["a mole", "a cow"], ["a cow", "a mole"]]
    stems = keys.stems(examples("a", "train", rows, form="multiple_choice", choices=choices))
    assert stems["key"][0] != stems["key"][1] == stems["key"][2]
    assert stems["first"][0] == "two orders came in on monday which one fits into a box"
    assert stems["second"].to_list() == ["a cat a whale", "a cow a mole", "a cow a mole"]


def test_choices_that_all_rows_share_are_no_part_of_the_key(examples):
    rows = [(f"text number {i}", "is it so") for i in range(20)]
    chosen = keys.stems(examples("a", "train", rows, form="multiple_choice"))
    classed = keys.stems(examples("b", "train", rows))
    assert chosen["key"].to_list() == classed["key"].to_list()


def test_class_names_never_count(examples):
    one = examples("a", "train", [("", "what a great film")], choices=[["bad", "good"]])
    two = examples("b", "train", [("", "what a great film")], choices=[["no", "yes"]])
    assert keys.stems(one)["key"].item() == keys.stems(two)["key"].item()


def test_a_question_that_all_rows_share_is_no_part_of_the_key(examples):
    texts = [f"text number {i}" for i in range(20)]
    asked = keys.stems(examples("a", "train", [(t, "What is the sentiment?") for t in texts]))
    plain = keys.stems(examples("b", "train", [("", t) for t in texts]))
    assert asked["key"].to_list() == plain["key"].to_list()
    assert asked["words"].to_list() == [3] * 20


def test_a_few_rows_have_no_carrier(examples):
    stems = keys.stems(examples("a", "train", [(f"text {i}", "same") for i in range(19)]))
    assert stems["second"].unique().to_list() == ["same"]


def test_few_phrases_over_many_rows_carry_multiple_choice_only(examples):
    rows = [(f"premise {i}", ("What was the cause?", "What happened?")[i % 2]) for i in range(300)]
    choices = [[f"first {i}", f"second {i}"] for i in range(300)]
    pairs = keys.stems(examples("a", "train", rows))
    chosen = keys.stems(examples("a", "train", rows, form="multiple_choice", choices=choices))
    assert pairs["second"].unique().sort().to_list() == ["what happened", "what was the cause"]
    assert chosen["second"].to_list() == [f"first {i} second {i}" for i in range(300)]


def test_empty_frames_have_no_stems(examples):
    frame = examples("a", "train", [])
    assert keys.stems(frame).height == 0
    assert len(keys.group_hashes(frame)) == 0


def test_text_hashes_are_xxh3_of_utf8_for_ever():
    texts = pl.Series(["", "the cat", "ü", "the cat"])
    cat = 0xAB243B8774E852F8
    assert keys.text_hashes(texts).tolist() == [0x2D06800538D394C2, cat, 0x5DA81D070CE09F6E, cat]


def test_rows_that_share_a_context_share_a_group(examples):
    frame = examples(
        "a",
        "train",
        [("A passage.", "q one"), ("a passage", "q two"), ("", "q two"), ("", "q one")],
    )
    hashes = keys.group_hashes(frame).tolist()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_markers_of_entities_part_no_group(examples):
    rows = [("<< A >> blocks [[ B ]]", ""), ("<< A >> blocks B", ""), ("A blocks C", "")]
    hashes = keys.group_hashes(examples("a", "train", rows)).tolist()
    assert hashes[0] == hashes[1] != hashes[2]


def test_rows_without_any_text_group_by_their_content(examples):
    frame = examples("a", "train", [("", ""), ("...", "?", 1)])
    assert len(set(keys.group_hashes(frame).tolist())) == 2


@given(st.text(max_size=40))
def test_normalising_twice_changes_no_words(text):
    once = normal(text)
    assert normal(once).split(" ") == once.split(" ")


def test_rows_are_recognised_by_other_texts_where_these_are_given(examples):
    frame = examples("a", "train", [("p", "Does it mean: q"), ("r", "Does it mean: s")])
    own = pl.DataFrame(
        {"example_id": ["a/train/1", "a/train/0"], "context": ["r", "p"], "question": ["s", "q"]}
    )
    made = keys.recognised(frame, own)
    assert made.select("context", "question").rows() == [("p", "q"), ("r", "s")]
    assert keys.recognised(frame, None) is frame
