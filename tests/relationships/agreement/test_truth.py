import numpy as np
import polars as pl
import pytest

from pipeline.errors import ConfigError
from pipeline.relationships.agreement.truth import read_truth

TABLE = "target,source,gain,seed\na,b,1.0,0\na,b,3.0,1\nb,a,-1.0,0\na,c,,0\na,a,9,0\n"


def write(tmp_path, text, name="gains.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_with_runs(tmp_path):
    truth = read_truth(write(tmp_path, TABLE))
    assert (truth.sources, truth.targets, truth.runs) == (("a", "b"), ("a", "b"), 2)
    assert np.array_equal(truth.mean_ST, [[np.nan, -1.0], [2.0, np.nan]], equal_nan=True)
    assert np.isnan(truth.gains_KST[1, 0, 1])


def test_parquet_and_other_names(tmp_path):
    path = tmp_path / "gains.parquet"
    pl.DataFrame({"target": ["X"], "source": ["Y"], "gain": [0.5]}).write_parquet(path)
    truth = read_truth(path, names={"X": "a", "Y": "b"})
    assert (truth.targets, truth.sources, truth.mean_ST.tolist()) == (("a",), ("b",), [[0.5]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("target,gain\na,1\n", "lacks the column 'source'"),
        ("target,source,gain\na,b,nan\n", "line 2: target 'a', source 'b', gain nan"),
        ("target,source,gain\na,b,1\n,b,1\n", "line 3: target None, source 'b', gain 1.0"),
        ("target,source,gain\na,b,much\n", "not a table of gains"),
        (
            "target,source,gain\na,b,1\na,b,2\n",
            "the pair of target 'a' and source 'b' is there 2 times in run 0",
        ),
    ],
)
def test_bad_tables_are_refused(tmp_path, text, said):
    with pytest.raises(ConfigError) as error:
        read_truth(write(tmp_path, text))
    assert said in str(error.value)
    assert "gains.csv" in str(error.value)


def test_two_names_that_become_one_are_found(tmp_path):
    path = write(tmp_path, "target,source,gain\na,b,1\na,c,2\n")
    with pytest.raises(ConfigError, match="'a' and source 'b' is there 2 times"):
        read_truth(path, names={"c": "b"})


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        read_truth(tmp_path / "none.csv")


def test_no_table_at_all(tmp_path):
    with pytest.raises(ConfigError, match="not a table"):
        read_truth(write(tmp_path, "nothing", "gains.parquet"))
