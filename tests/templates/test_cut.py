import polars as pl

from pipeline.templates.cut import cut_tokens

FRAME = pl.DataFrame(
    {
        "text": ["one two three", None, "ab"], "answer": ["long answer", "x", None], "n": [1, 2, 3],
        "xs": [["first second", None], [], None],
        "record": [{"t": "inner text", "k": 1}, None, {"t": None, "k": 2}],
    }
)  # fmt: skip


def words(texts, most):
    """A tokenizer of words: where the first `most` of each text end."""
    return [len(" ".join(text.split(" ")[:most])) for text in texts]


def test_texts_at_any_depth_are_cut_and_kept_columns_are_not():
    made = cut_tokens(FRAME, 1, words, keep=["answer"])
    assert made["text"].to_list() == ["one", None, "ab"]
    assert made["answer"].to_list() == FRAME["answer"].to_list()
    assert made["xs"].to_list() == [["first", None], [], None]
    assert made["record"].to_list() == [{"t": "inner", "k": 1}, None, {"t": None, "k": 2}]
    assert made.schema == FRAME.schema


def test_tokens_are_asked_of_long_texts_only():
    asked = []

    def ends(texts, most):
        asked.extend(texts)
        return words(texts, most)

    made = cut_tokens(FRAME.select("text", "xs"), 2, ends)
    assert made["text"].to_list() == ["one two", None, "ab"]
    assert made["xs"].to_list() == [["first second", None], [], None]
    assert asked == ["one two three", "first second"]
