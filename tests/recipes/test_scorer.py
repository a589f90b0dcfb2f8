"""CONTRIBUTING's recipe for a scorer gives a scorer that mixtures can name."""

USE = """
import polars as pl
from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import Params
from pipeline.relationships.evidence import Evidence
from pipeline.relationships.rules import relationship_settings, scorer_modules
from pipeline.stages.relate import run_scorers

card = MixtureCard.model_validate({
    "name": "toy", "view": "text", "tasks": {"a": {}, "b": {}},
    "sampling": {"strategy": "equal", "epochs": 1.0},
    "trainings": {"compass": {"recipe": "all", "start": "base"}},
    "tailor": {"target": "a", "scorer": "word_overlap"},
})
params = Params(seed=1, data_dir="d", relate={"scorers": ["prior"]})
settings = relationship_settings(card, params, families={"a": "x", "b": "y"})
print(settings["features"].why_none)
relate = settings["relate"]
print(*scorer_modules(relate.relate.scorers))

def rows(text):
    return pl.LazyFrame({"context": [text], "question": [""], "content_hash": [b"0" * 16]})

evidence = Evidence(tasks=("a", "b"), examples={"a": rows("ice is cold"), "b": rows("ice is ice")})
matrix = run_scorers(relate, evidence)["word_overlap"]
print(matrix.column("a"), matrix.column("b"), matrix.directional, matrix.signed)
"""


def test_a_scorer_is_one_file_and_one_entry(follow):
    copy = follow("Add a scorer")
    assert copy.new == ["pipeline/relationships/scorers/word_overlap.py"]
    assert copy.changed == {"pipeline/relationships/registry.py": 2}
    assert copy.run(USE).splitlines() == [
        "the mixture is of the text view",
        "pipeline.relationships.scorers.prior pipeline.relationships.scorers.word_overlap",
        "{'b': 0.6667} {'a': 1.0} True False",
    ]
