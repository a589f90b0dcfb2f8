import numpy as np
import polars as pl
import pytest

from pipeline.config.settings import PromptText
from pipeline.errors import DataError
from pipeline.rendering.prompted import PromptCounts, Prompted, found
from pipeline.rendering.text_view import PROMPTED
from tests.rendering.test_text_view import examples

CHOICES = "{{ choices | join(' ||| ') }}"


def prompt(name, jinja, answer_choices=None, **keys):
    return PromptText(
        id=f"id of {name}", name=name, jinja=jinja, answer_choices=answer_choices, **keys
    )


ASK = prompt("ask", "{{ question }} ||| {{ answer_choices[label] }}", CHOICES)
SAY = prompt("say", "Say it: {{ context }} ||| {{ target }}")
PLAIN = PromptText(id="plain", name="plain")


def three():
    """Two rows with labels, and one whose label is hidden."""
    return examples(
        context=["c0", "c1", "c2"], question=["q0", "q1", "q2"], choices=[["a", "b"]] * 3,
        label=[1, 0, None], target=["b", "a", None],
    )  # fmt: skip


def rows(prompts, frame=None, place=None, **keys):
    keys = {"seed": 5, "records": None, "shorten": None, "end": "\n", "where": "here"} | keys
    view = three() if frame is None else frame
    return Prompted(prompts=prompts, **keys).rows(view, place)


def test_an_example_has_a_row_for_each_prompt_in_their_order():
    made, counts = rows([SAY, PLAIN, ASK])
    assert made.schema == pl.Schema(PROMPTED)
    assert made["row"].to_list() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert made["prompt"].to_list() == ["id of say", "plain", "id of ask"] * 3
    assert made["input"].to_list()[:3] == [
        "Say it: c0\n",
        "c0\nq0\nOptions: a | b\nAnswer:\n",
        "q0\n",
    ]
    assert made["target"].to_list() == ["b"] * 3 + ["a"] * 3 + [None] * 3
    assert made["label"].to_list() == [None, 1, 1, None, 0, 0, None, None, None]
    assert made["options"].to_list()[:3] == [[], ["a", "b"], ["a", "b"]]
    assert counts == [PromptCounts(id=one.id, name=one.name, asked=3) for one in (SAY, PLAIN, ASK)]


def test_each_row_may_have_one_prompt():
    made, counts = rows([SAY, ASK], place=np.array([1, 0, 1]))
    assert made["prompt"].to_list() == ["id of ask", "id of say", "id of ask"]
    assert made["input"].to_list() == ["q0\n", "Say it: c1\n", "q2\n"]
    assert [count.asked for count in counts] == [1, 2]


def test_a_hidden_target_stays_hidden_whatever_the_template_prints():
    telling = prompt("tell", "{{ question }} ||| {{ choices[-1] }}", CHOICES)
    frame = three().filter(pl.col("target").is_null() | (pl.col("label") == 1))
    made, _ = rows([SAY, telling], frame)
    assert made["target"].to_list() == ["b", "b", None, None]
    assert made["label"].to_list() == [None, 1, None, None]


def test_rows_that_a_template_skips_are_left_out_and_counted():
    skips = prompt("skip", "{% if label == 0 %}{{ question }} ||| {{ target }}{% endif %}")
    many = prompt("many", "{{ question }} ||| a ||| b")
    empty = prompt("empty", "{% if label == 1 %}{{ question }}{% endif %} ||| {{ target }}")
    made, counts = rows([skips, many, empty])
    assert made["row"].to_list() == [0, 1]
    assert made["input"].to_list() == ["q0\n", "q1\n"]
    assert [count.skipped for count in counts] == [2, 3, 2]


def test_a_target_that_is_no_option_is_counted_and_has_no_label():
    odd = prompt("odd", "{{ question }} ||| {{ 'other' if label == 0 else 'b' }}", CHOICES)
    made, (counts,) = rows([odd])
    assert made["label"].to_list() == [1, None, None]
    assert made["target"].to_list() == ["b", "other", None]
    assert counts.foreign == 1


def test_a_prompt_whose_targets_are_never_an_option_is_refused():
    wrong = prompt("wrong", "{{ question }} ||| {{ label }}", CHOICES)
    with pytest.raises(DataError) as caught:
        rows([ASK, wrong])
    assert str(caught.value) == (
        "here: prompt 'wrong': the target is among the options in none of 2 rows, such as '1'\n"
        "  expected: one of: a, b\n"
        "  to do: run `taskloom prompts lint`"
    )


def test_a_template_that_fails_is_refused_with_prompt_and_row():
    fails = prompt("fails", "{{ question }} ||| {{ 1 // label }}")
    with pytest.raises(DataError) as caught:
        rows([ASK, fails], place=np.array([0, 1, 0]))
    assert str(caught.value).startswith(
        "here: prompt 'fails' fails on 1 rows of 1, the first is t/train/1: ZeroDivisionError"
    )


def test_records_are_what_prompts_of_a_pool_see():
    asked = []

    def records(frame):
        asked.append(frame.height)
        return pl.DataFrame(
            {"text": [f"raw {name}" for name in frame["example_id"]], "label": [1, 0, -1]}
        )

    pooled = prompt(
        "pooled", "{{ text }} ||| {{ answer_choices[label] }}", "no ||| yes", sees="record"
    )
    made, _ = rows([pooled, ASK], records=records)
    assert made["input"].to_list()[:3] == ["raw t/train/0\n", "q0\n", "raw t/train/1\n"]
    assert made["target"].to_list() == ["yes", "b", "no", "a", None, None]
    assert asked == [3]


def test_fields_are_cut_before_the_template_sees_them():
    def shorten(frame, sees):
        assert (frame.columns, sees) == (["context"], "example")
        return frame.with_columns(pl.col("context").str.head(1))

    words = prompt("words", "the whole context: {{ context }} ||| x")
    made, _ = rows([words], shorten=shorten)
    assert made["input"].to_list() == ["the whole context: c\n"] * 3


def test_draws_in_a_template_belong_to_the_row_and_not_to_its_neighbours():
    frame = examples(question=[f"q{i}" for i in range(60)], target=["x"] * 60)
    draws = prompt("draws", "{{ ['a', 'b', 'c', 'd'] | choice }} {{ question }} ||| {{ target }}")
    whole, _ = rows([draws], frame)
    place = np.arange(60) % 2
    half, _ = rows([draws, SAY], frame, place)
    of_draws = half.filter(pl.col("prompt") == "id of draws")
    assert of_draws["input"].to_list() == whole["input"].gather_every(2).to_list()
    assert whole["input"].str.head(1).n_unique() == 4
    other, _ = rows([draws], frame, seed=6)
    assert other["input"].to_list() != whole["input"].to_list()


def test_no_rows_give_no_rows():
    made, counts = rows([ASK, SAY], three().head(0))
    assert made.height == 0
    assert made.schema == pl.Schema(PROMPTED)
    assert [count.asked for count in counts] == [0, 0]


def test_the_first_of_equal_options_is_the_label():
    target = pl.Series(["b", "x", None, "a", "a"], dtype=pl.String)
    options = pl.Series([["a", "b", "b"], ["a"], ["a"], [], ["a", "a"]], dtype=pl.List(pl.String))
    assert found(target, options).to_list() == [1, None, None, None, 0]
