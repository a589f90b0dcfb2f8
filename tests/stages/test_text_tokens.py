"""The stage `tokenize` in the text view."""

import polars as pl
import pytest

from pipeline.contract.files import read_arrow, read_json, sha256
from pipeline.contract.text import TEXT_SHARD, open_text_shards
from pipeline.contract.tokens import read_tokens
from pipeline.errors import ArtefactError, MixtureError
from pipeline.rendering.text_view import RENDERED
from pipeline.tables import read_parquet
from pipeline.tokens.vocabulary import LANGUAGE, load


def words(layout, ids):
    tokenizer = load(layout.tokenizer, LANGUAGE).tokenizer
    return " ".join(tokenizer.id_to_token(i) for i in ids)


def entry(layout, task, role="train"):
    manifest = read_json(layout.tokens(role) / "manifest.json")
    return next(e for e in manifest["tasks"] if e["task"] == task)


def test_shards_hold_inputs_targets_and_options(text_mixture):
    text_mixture.tokens()
    layout = text_mixture.layout
    shard = read_arrow(layout.tokens("train") / "apples.arrow")
    assert shard.schema.equals(TEXT_SHARD)
    row = shard.slice(1, 1).to_pylist()[0]
    assert words(layout, row["input"]) == (
        "the apples number 1 and so on which colour ? options : red | green | blue answer :"
    )
    assert [words(layout, option) for option in row["options"]] == ["red", "green", "blue"]
    assert row["target"] == row["options"][row["label"]] == row["options"][1]
    assert (row["row"], row["prompt"]) == (1, 0)
    free = read_arrow(layout.tokens("train") / "plums.arrow").slice(1, 1).to_pylist()[0]
    assert (free["options"], free["label"], words(layout, free["target"])) == ([], None, "green")


def test_the_manifest_says_what_a_plan_and_a_trainer_need(text_mixture):
    text_mixture.tokens()
    layout = text_mixture.layout
    manifest = read_json(layout.tokens("train") / "manifest.json")
    assert (manifest["view"], manifest["model"], manifest["extras"]) == ("text", "causal", 2)
    assert manifest["special"] == {"bos": 2, "eos": 3, "pad": 0}
    assert [task["start"] for task in manifest["tasks"]] == [0, 40, 65, 75]
    corpus = read_tokens(layout.tokens("train"))
    apples = entry(layout, "apples")
    assert corpus.row_tokens("apples").sum() == apples["tokens"]
    assert corpus.row_supervised("apples").sum() == apples["supervised"]
    assert [(p["id"], p["name"], p["rows"]) for p in apples["prompts"]] == [("plain", "plain", 40)]
    shards = open_text_shards(layout.tokens("train"))
    assert shards.vocabulary == manifest["vocabulary"]


def test_the_text_is_kept_as_it_was(text_mixture):
    text_mixture.tokens()
    frame = read_parquet(text_mixture.layout.rendered("pears"), RENDERED)
    assert frame["role"].cast(pl.String).unique(maintain_order=True).to_list() == [
        "train", "select", "report",
    ]  # fmt: skip
    assert frame["text"][0].to_list() == [
        "[task: pears] the pears number 0\nwhich colour ?\nOptions: red | green\nAnswer:\nred"
    ]


def test_train_rows_without_a_target_are_left_out_and_counted(text_mixture):
    def hide(frame):
        hidden = pl.int_range(pl.len()) % 5 == 0
        gone = [pl.when(~hidden).then(column).alias(column) for column in ("label", "target")]
        return frame.with_columns(gone)

    text_mixture.tokens(train=hide)
    layout = text_mixture.layout
    apples = entry(layout, "apples")
    assert (apples["rows"], apples["untargeted"]) == (32, 8)
    rows = read_arrow(layout.tokens("train") / "apples.arrow")["row"].to_pylist()
    assert rows == [row for row in range(40) if row % 5]
    train = read_parquet(layout.rendered("apples")).filter(pl.col("role") == "train")
    assert train["row"].to_list() == list(range(32))  # what an order counts in


def test_long_rows_are_cut_dropped_or_refused(text_mixture):
    layout = text_mixture.layout
    text_mixture.tokens(max_tokens=28)
    cut = entry(layout, "apples")
    assert (cut["rows"], cut["dropped"], cut["target_cut"]) == (40, 0, 0)
    assert cut["input_cut"] > 5
    text_mixture.tokens(max_tokens=28, long_rows="drop")
    left = entry(layout, "apples")
    assert left["rows"] == 40 - left["dropped"] == 40 - cut["input_cut"]
    assert left["tokens_lost"] == 0
    assert entry(layout, "apples", "report")["rows"] == 4
    with pytest.raises(MixtureError, match="since tokenize.long_rows is 'error'"):
        text_mixture.tokens(max_tokens=28, long_rows="error")
    with pytest.raises(MixtureError, match="has no train rows left to learn from"):
        text_mixture.tokens(max_tokens=16, long_rows="drop", text={"target_tokens": 4})


def test_an_encoder_decoder_has_no_beginning(text_mixture):
    text_mixture.tokens(text={"model": "seq2seq"})
    manifest = read_json(text_mixture.layout.tokens("train") / "manifest.json")
    assert (manifest["begins"], manifest["extras"]) == (False, 3)
    assert open_text_shards(text_mixture.layout.tokens("train")).special.bos is None


def test_the_same_rows_give_the_same_files(text_mixture):
    text_mixture.tokens()
    folder = text_mixture.layout.tokens("train")
    before = {path.name: sha256(path) for path in folder.iterdir()}
    text_mixture.tokens()
    assert before == {path.name: sha256(path) for path in folder.iterdir()}


def test_a_task_without_prefix_is_refused(text_mixture):
    text_mixture.tokens()
    text_mixture.layout.tokenizer.joinpath("prefixes.json").write_text("[]")
    from pipeline.stages import tokenize

    with pytest.raises(ArtefactError, match="there is no prefix token for apples, pears"):
        tokenize.main([text_mixture.layout.name])
