from decimal import Decimal

import polars as pl
import pytest

from pipeline.config.forms.registry import Classification, MultiLabel, Span
from pipeline.errors import ConfigError
from pipeline.normalize.labels import (
    class_place,
    class_places,
    flagged_place,
    is_key,
    key_texts,
    label_text,
    letter_place,
    place_in,
    whole_number,
)


def apply(expression, values, dtype=None):
    return pl.DataFrame({"v": pl.Series(values, dtype=dtype)}).select(expression)["v"].to_list()


def typed(values, dtype=None):
    return pl.Series(values, dtype=dtype).dtype


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([" a", None], ["a", None]),
        ([1, -1], ["1", "-1"]),
        ([1.0, 1.5, None], ["1", "1.5", None]),
        ([True, False], ["true", "false"]),
        ([None], [None]),
    ],
)
def test_labels_have_one_text_form(values, texts):
    assert apply(label_text(pl.col("v"), typed(values)), values) == texts


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1", " 2 ", "x", "1.0", None], [1, 2, None, 1, None]),
        ([1.0, 1.5, float("nan"), None], [1, None, None, None]),
        ([True, False], [1, 0]),
    ],
)
def test_whole_numbers_are_read_from_any_type(values, numbers):
    assert apply(whole_number(pl.col("v"), typed(values)), values) == numbers


def test_key_texts_of_truth_values_come_in_any_case():
    assert key_texts(True) == ("true", "True", "TRUE")
    assert key_texts("False") == ("false", "False", "FALSE")
    assert key_texts(-1) == ("-1",)


@pytest.mark.parametrize("values", [[0, 7, None], ["0", "7", None], [0.0, 7.0, None]])
def test_a_value_out_of_the_classes_has_no_place(values):
    place = class_place(pl.col("v"), typed(values), class_places({0: "no", 1: "yes"}))
    assert apply(place, values) == [0, None, None]


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 1], [1.0, 0.0, 1.0], ["1", "0", "1.0"], [" 1.00", "0.", "1"],
        [Decimal("1.00"), Decimal("0.00"), Decimal("1.00")],
    ],
)  # fmt: skip
def test_one_is_one_label_however_it_is_written(values):
    for classes in ({0: "no", 1: "yes"}, {"0": "no", "1": "yes"}, {"0.0": "no", "1.0": "yes"}):
        place = class_place(pl.col("v"), typed(values), class_places(classes))
        assert apply(place, values) == [1, 0, 1]
    assert apply(whole_number(pl.col("v"), typed(values)), values) == [1, 0, 1]


@pytest.mark.parametrize("values", [[1.7], ["1.7"], [Decimal("1.70")], ["1e0"], [None]])
def test_what_is_no_whole_number_is_no_label_of_one(values):
    dtype = pl.Series(values).dtype if values != [None] else pl.Float64()
    place = class_place(pl.col("v"), dtype, class_places({0: "no", 1: "yes"}))
    assert apply(place, values, dtype) == [None]
    assert apply(whole_number(pl.col("v"), dtype), values, dtype) == [None]


def test_two_values_of_one_label_cannot_name_two_classes():
    with pytest.raises(
        ConfigError, match="classes: '1.0' is the label '1', which names another class"
    ):
        class_places({1: "a", "1.0": "b"})
    assert class_places({1: "a", "1.0": "a"}) == {"1": 0}


def test_small_integers_are_compared_without_overflow():
    place = class_place(pl.col("v"), pl.Int8(), class_places({1: "a", 300: "b"}))
    assert apply(place, [1, 2], pl.Int8) == [0, None]


def test_numbers_never_match_names():
    assert (
        apply(class_place(pl.col("v"), pl.Int64(), class_places(("a", "b"))), [0, 1]) == [None] * 2
    )


def test_letters_and_numbers_from_one():
    values = ["A", "z", "1", "10", "0", "AA", "", None]
    assert apply(letter_place(pl.col("v")), values) == [
        0, 25, 0, 9, None, None, None, None,
    ]  # fmt: skip


def test_hidden_keys_match_across_types():
    assert apply(is_key(pl.col("v"), pl.Float64(), -1), [-1.0, 1.0]) == [True, False]
    assert apply(is_key(pl.col("v"), pl.String(), ""), [" ", "x"]) == [True, False]


def test_the_first_equal_choice_is_the_place():
    frame = pl.DataFrame({"c": [["a", "b"], ["b"], [], None], "t": ["b", "a", "a", "a"]})
    place = place_in(pl.col("c"), pl.col("t"), 2)
    assert frame.select(v=place)["v"].to_list() == [1, None, None, None]
    assert frame.select("t", v=place_in(pl.col("c"), pl.col("t"), 0))["v"].to_list() == [None] * 4


def test_just_one_flag_may_be_true():
    flags = [["no", "Yes"], ["1", "TRUE"], ["0"], [], None, [None, " true"]]
    assert apply(flagged_place(pl.col("v")), flags) == [1, None, None, None, None, 1]


def test_fixed_options():
    stem = {"context": "c"}
    cards = [
        Classification(
            form="classification", label="l", classes=("a", "b"), option="<{class}>", **stem
        ),
        MultiLabel(form="multi_label", labels="l", classes=("a",), none="z", **stem),
        Span(form="span", answers="a", **stem),
    ]
    assert [card.fixed_options for card in cards] == [["<a>", "<b>"], ["a", "z"], []]
