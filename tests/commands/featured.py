"""A mixture up to its features, made by real stages and a real small encoder, once for all tests."""

import polars as pl

from pipeline.config.settings import FeatureSettings
from pipeline.curation.overlap import TABLE
from pipeline.stages import features
from pipeline.tables import write_frame
from tests.stages.conftest import NAME, SIZES, Mixture
from tests.stages.test_features import encoder

TASKS = tuple(sorted(SIZES))


def build():
    """Make the mixture in the current folder, and return it."""
    made = Mixture(SIZES)
    made.tokens()
    made.tell()
    encoder(made.layout.model("compass"), made.layout.tokenizer)
    settings = FeatureSettings(
        name=NAME, seed=13, tasks=TASKS, source="small", rows=20, threads=1
    )  # fmt: skip
    made.layout.settings("features").write_text(settings.model_dump_json())
    features.main([NAME])
    made.layout.curation.mkdir(parents=True, exist_ok=True)
    write_frame(pl.DataFrame(schema=TABLE), made.layout.curation / "overlap.parquet")
    return made
