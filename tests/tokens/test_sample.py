import polars as pl

from pipeline.tokens.sample import probe_texts, sample_texts


def rows(*texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "example_id": [f"t/train/{i}" for i in range(len(texts))],
            "context": list(texts),
            "question": ["why?"] * len(texts),
            "choices": [["yes", "no", ""]] * len(texts),
            "target": ["yes"] * (len(texts) - 1) + [None],
            "content_hash": [text.encode().ljust(16, b"\0") for text in texts],
        }
    )


def test_every_text_comes_once_and_none_is_empty():
    assert sample_texts(rows("b", "a", "b")) == ["a", "b", "no", "why?", "yes"]


def test_the_lowest_hashes_are_taken_whatever_the_order_of_rows():
    assert sample_texts(rows("c", "a", "b"), rows=2) == ["a", "b", "no", "why?", "yes"]
    assert sample_texts(rows("b", "c", "a"), rows=2) == ["a", "b", "no", "why?", "yes"]


def test_targets_of_rows_without_choices_are_texts_too():
    frame = rows("a", "b").with_columns(choices=pl.lit([], dtype=pl.List(pl.String)))
    assert sample_texts(frame) == ["a", "b", "why?", "yes"]


def test_no_rows_give_no_text():
    assert sample_texts(rows("a")[:0]) == []


def test_half_of_the_probes_are_rows_where_tokenizers_differ():
    frame = rows("a", "b", "c", "naïve", "y  y", "漢字")
    assert probe_texts(frame, rows=4) == ["a", "b", "naïve", "no", "why?", "y  y", "yes"]
    assert probe_texts(frame[:3], rows=4) == ["a", "b", "no", "why?", "yes"]
