"""Rows of any view: taken, joined and gathered in whole arrays."""

import numpy as np
import pyarrow as pa
import pytest
from token_folders import text_row, write_text

from pipeline.contract.rows import ragged_column, stack
from pipeline.contract.tokens import read_tokens


@pytest.fixture
def rows(tmp_path):
    table = [
        text_row([7] * n, [n], options=[[n, i] for i in range(n)], label=None if n else 0, row=n)
        for n in range(5)
    ]
    write_text(tmp_path, {"t": table})
    return read_tokens(tmp_path).rows("t")


def plain(rows):
    return [
        (
            rows.input[i].tolist(),
            [rows.options[j].tolist() for j in range(*rows.option_offsets[i : i + 2])],
            int(rows.label[i]),
            int(rows.source[i]),
        )
        for i in range(len(rows))
    ]


def test_rows_are_taken_in_the_order_asked_with_all_their_segments(rows):
    whole = plain(rows)
    assert whole[2] == ([7, 7], [[2, 0], [2, 1]], -1, 2)
    taken = rows.take(np.array([3, 0, 3, 2]))
    assert plain(taken) == [whole[i] for i in (3, 0, 3, 2)]
    assert (taken.label.dtype, taken.source.dtype) == (np.int64, np.int64)


def test_parts_are_stacked_one_after_the_other(rows):
    parts = [rows.take(np.array(some, dtype=np.int64)) for some in ([4, 1], [], [2])]
    assert plain(stack(parts)) == [plain(rows)[i] for i in (4, 1, 2)]


def test_a_column_that_is_a_slice_starts_from_its_own_values():
    column = pa.array([[1, 2], [3], [4, 5]], pa.large_list(pa.int32())).slice(1)
    found = ragged_column(column)
    assert found.values.tolist() == [3, 4, 5]
    assert found.offsets.tolist() == [0, 1, 3]
