"""CONTRIBUTING's recipe for a strategy gives a strategy that cards can use."""

USE = """
from pipeline.config.load import check
from pipeline.config.mixture_card import Mixture
from pipeline.errors import ConfigError
from pipeline.mixing.compose import compose
from pipeline.mixing.lengths import MeanLengths

def mixture(**sampling):
    value = {"tasks": {"a": {}, "b": {"weight": 2}, "c": {}}, "sampling": sampling}
    return check(Mixture, value, where="x.yaml")

lengths = MeanLengths({"a": 15, "b": 127, "c": 1023}, {"a": 9, "b": 9, "c": 9})
for sampling in (
    {"strategy": "by_digits", "rows": 56},
    {"strategy": "by_digits", "cap": 3, "rows": 56},
    {"strategy": "tokens", "by": "by_digits", "tokens": 560},
):
    drawn = compose(mixture(**sampling), lengths).tasks
    print({task: drawn[task].quota for task in drawn})
print(sorted(mixture(strategy="tokens", by="by_digits", tokens=9).strategies()))
for sampling in (
    {"strategy": "by_digits", "scale": 2, "rows": 9},
    {"strategy": "by_digits", "passes": 2},
    {"strategy": "equal", "cap": 2, "rows": 9},
):
    try:
        mixture(**sampling)
    except ConfigError as error:
        print(error)
"""


def test_a_strategy_is_one_file_and_one_entry(follow):
    copy = follow("Add a strategy")
    assert copy.new == ["pipeline/config/strategies/by_digits.py"]
    assert copy.changed == {"pipeline/config/strategies/registry.py": 2}
    assert copy.run(USE).splitlines() == [
        "{'a': 8, 'b': 28, 'c': 20}",
        "{'a': 14, 'b': 28, 'c': 14}",
        "{'a': 11, 'b': 31, 'c': 20}",
        "['by_digits', 'tokens']",
        "x.yaml: sampling: 'scale' goes with strategy 'proportional' or 'temperature'",
        "x.yaml: sampling: 'passes' does not go with strategy 'by_digits'; give 'rows' or 'epochs'",
        "x.yaml: sampling: 'cap' goes with strategy 'proportional' or 'temperature' or 'by_digits'",
    ]
