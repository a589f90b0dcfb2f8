import numpy as np
import pytest

from pipeline.contract.choice import Special, open_shards
from pipeline.contract.order import open_order
from pipeline.contract.ragged import Ragged, offsets_of
from pipeline.training.choice.exact_layouts import RaggedLayout
from pipeline.training.choice.lines import every_option
from pipeline.training.choice.masks import Masking, mask_lines, mask_stems
from pipeline.training.choice.sequences import frame_sequences
from pipeline.training.choice.shared_context import SharedContextLayout

SPECIAL = Special(cls=2, sep=3, pad=0, mask=4)


def stems(rows, length=20):
    words = Ragged(np.full(rows * length, 9, np.int32), offsets_of(np.full(rows, length)))
    question = Ragged(np.full(rows * 3, 8, np.int32), offsets_of(np.full(rows, 3)))
    return frame_sequences(np.full(rows, 50), words, question, SPECIAL)


def mask(rows, prefix, probability=0.25, positions=None):
    positions = np.arange(rows) if positions is None else positions
    masking = Masking(probability, prefix)
    return mask_stems(stems(rows), positions, masking=masking, special=SPECIAL, seed=3)


@pytest.mark.parametrize(
    ("prefix", "low", "high"), [("never", 0, 0), ("like_any_token", 0.2, 0.3), ("always", 1, 1)]
)
def test_the_prefix_is_masked_as_its_mode_says(prefix, low, high):
    hidden, _ = mask(2000, prefix)
    table = hidden.tokens.values.reshape(2000, -1)
    assert low <= (table[:, 1] == 4).mean() <= high
    assert abs((table[:, 2:22] == 4).mean() - 0.25) < 0.01


def test_special_tokens_are_never_masked_and_all_chosen_become_mask():
    hidden, chosen = mask(50, "always", probability=1.0)
    table = hidden.tokens.values.reshape(50, -1)
    assert (table[:, 0] == 2).all()
    assert (table[:, [22, -1]] == 3).all()
    assert (hidden.tokens.values == 4).tolist() == chosen.tolist()
    assert (table == 4).sum() == 50 * 24


def test_a_mask_belongs_to_its_position_alone():
    _, together = mask(10, "like_any_token")
    _, alone = mask(1, "like_any_token", positions=np.array([7]))
    assert (together.reshape(10, -1)[7] == alone).all()
    _, elsewhere = mask(1, "like_any_token", positions=np.array([8]))
    assert (alone != elsewhere).any()


@pytest.mark.parametrize("layout", [RaggedLayout(), SharedContextLayout("own_cls")])
@pytest.mark.parametrize("prefix", ["never", "like_any_token", "always"])
def test_lines_are_masked_where_their_stem_would_be(shared_folders, layout, prefix):
    shards = open_shards(shared_folders.root / "tokens" / "train")
    order = open_order(shared_folders.root / "mix", shards)
    rows, positions = shards.gather(np.arange(20)), order.row[:20].astype(np.int64)
    keys = {"masking": Masking(0.5, prefix), "special": shards.special, "seed": 3}
    lines = layout.lines(rows, every_option(rows), shards.special)
    hidden, chosen = mask_lines(lines, rows, positions, **keys)
    stems = frame_sequences(rows.prefix, rows.context, rows.question, shards.special)
    guessed, drawn = mask_stems(stems, positions, **keys)
    tokens, count = hidden.tokens, 0
    for row in range(len(rows)):
        stem = slice(stems.tokens.offsets[row], stems.tokens.offsets[row + 1])
        for line in range(lines.offsets[row], lines.offsets[row + 1]):
            part = slice(tokens.offsets[line], tokens.offsets[line + 1])
            # in these shards every choice begins with the question, where there is one
            length = stem.stop - stem.start - (len(rows.question.take(np.array([row])).values) == 0)
            assert (
                tokens.values[part][:length].tolist()
                == guessed.tokens.values[stem][:length].tolist()
            )
            assert chosen[part][:length].tolist() == drawn[stem][:length].tolist()
            assert not chosen[part][length:].any(), "no choice is masked"
            count += int(chosen[part].sum())
    assert count > 0
    assert (tokens.values == 4).tolist() == chosen.tolist()
