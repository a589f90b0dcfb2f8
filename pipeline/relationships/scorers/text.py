"""The cheap directional baseline: how well a source's texts cover a target's, by hashed TF-IDF.

Score of source s for target t: the mean over texts x of t of the largest cosine between x and a text of
s. A scorer that does not beat it has found topic, not transfer. Words are hashed by XXH64 into signed
buckets; vectors are rounded to integers small enough that every dot product is exact in float32, so
that results do not depend on threads or libraries. It sees no label.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import xxhash
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.relationships.evidence import Evidence
from pipeline.relationships.proxy.training import TrainingBudget
from pipeline.relationships.scorer import Scorer
from pipeline.relationships.scores import ScoreMatrix, as_rows

BUCKETS = 1024
_MOST_ROWS, _FEWEST_ROWS, _ALL_ROWS = 96, 16, 6144
_LENGTH = 2047
"""Length of a rounded vector: dot products stay below 2**24, the integers that float32 holds."""
_TWIN = 0.95
"""Cosine from which on two texts count as near duplicates."""
_WORD = r"\w+"


@dataclass(frozen=True, kw_only=True)
class TextSimilarity(Scorer):
    """Mean largest cosine of a target's texts to a source's.

    Attributes:
        buckets: Width of the hashed vectors.
    """

    buckets: int = BUCKETS

    name = "text"
    needs = frozenset({"texts"})

    def fit(self, evidence: Evidence, budget: TrainingBudget, *, seed: int) -> ScoreMatrix:
        """Score all pairs; see `Scorer.fit`. Draws nothing, whatever the seed."""
        texts = texts_of(evidence)
        vectors = hashed_tfidf(texts, buckets=self.buckets)
        values_TT, se_TT, twins = coverage(vectors)
        return self.matrix_of(
            evidence,
            values_TT,
            seed=seed,
            se_ST=se_TT,
            cost={"rows": float(sum(map(len, texts.values())))},
            warnings=tuple(
                f"{twin['share']:.0%} of the texts of '{twin['target']}' are nearly in "
                f"'{twin['source']}'"
                for twin in twins
            ),
            extras={
                "centroid": as_rows(centroid_cosines(vectors)),
                "near_duplicates": twins,
                "rows": {task: len(text) for task, text in texts.items()},
            },
        )


def texts_of(evidence: Evidence) -> dict[str, pl.Series]:
    """Return a sample of each task's texts: 96 at most, fewer where tasks are many; see `sample`."""
    rows = max(_FEWEST_ROWS, min(_MOST_ROWS, _ALL_ROWS // max(len(evidence.tasks), 1)))
    return {task: sample(evidence.examples[task], rows=rows) for task in evidence.tasks}


def sample(examples: pl.LazyFrame, *, rows: int) -> pl.Series:
    """Return the texts of a task's rows with the smallest content hashes.

    So the sample does not depend on the sequence of rows. Choices are left out: class names, the same
    in every row, would drown the rest.
    """
    text = pl.concat_str("context", "question", separator=" ")
    smallest = examples.select("content_hash", text=text).sort("content_hash", "text").head(rows)
    return smallest.collect()["text"]


def hashed_tfidf(texts: Mapping[str, pl.Series], *, buckets: int) -> dict[str, NDArray[np.float32]]:
    """Return the texts of each task as rows of integers of Euclidean length near 2047.

    A word weighs (1 + ln count) * (1 + ln((1 + D) / (1 + d))), where d of all D texts hold it; each
    task may add the same number of texts to D. A text without words is a row of zeros.
    """
    words = _weighed_words(pl.concat(list(texts.values())) if texts else pl.Series([]))
    signed = words["hash"].to_numpy()
    bucket = (signed % np.uint64(buckets)).astype(np.int64)
    weight = words["weight"].to_numpy() * np.where(signed >> np.uint64(63), 1.0, -1.0)
    dense = np.zeros((sum(map(len, texts.values())), buckets), dtype=np.float64)
    np.add.at(dense, (words["text"].to_numpy(), bucket), weight)
    norm = np.linalg.norm(dense, axis=1, keepdims=True)
    whole = np.rint(dense / np.where(norm > 0, norm, 1.0) * _LENGTH).astype(np.float32)
    pieces = np.split(whole, np.cumsum([len(text) for text in texts.values()])[:-1])
    return dict(zip(texts, pieces, strict=True))


def counted_words(texts: pl.Series) -> pl.DataFrame:
    """Return `text` (its index), `word` and `count` of each word of each text, sorted by both.

    Words are runs of letters, digits and underscores, in lower case.
    """
    return (
        pl.DataFrame({"word": texts.cast(pl.String)})
        .with_row_index("text")
        .with_columns(pl.col("word").str.to_lowercase().str.extract_all(_WORD))
        .explode("word", empty_as_null=False)
        .group_by("text", "word")
        .len("count")
        .sort("text", "word")
    )


def _weighed_words(texts: pl.Series) -> pl.DataFrame:
    """Return `text` (its index), `hash` and `weight` of each word of each text."""
    words = counted_words(texts)
    holders = words.group_by("word").len("holders")
    hashes = [xxhash.xxh64_intdigest(word.encode()) for word in holders["word"]]
    holders = holders.with_columns(pl.Series("hash", hashes, dtype=pl.UInt64))
    idf = 1 + ((1 + len(texts)) / (1 + pl.col("holders"))).log()
    return words.join(holders, on="word", how="left", maintain_order="left").select(
        "text", "hash", weight=(1 + pl.col("count").log()) * idf
    )


def coverage(
    vectors: Mapping[str, NDArray[np.float32]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[dict[str, Any]]]:
    """Return how well each task's texts cover each other task's.

    Returns:
        Values and standard errors, source x target, NaN where one of them has no words; and the pairs
        in which more than 1 % of the target's texts have a near duplicate in the source.
    """
    tasks = list(vectors)
    inverse = {task: _inverse_norms(vectors[task]) for task in tasks}
    everything = np.concatenate(list(vectors.values()))
    ends = np.cumsum([len(vectors[task]) for task in tasks])[:-1]
    values_TT = np.full((len(tasks), len(tasks)), np.nan)
    se_TT, twins = values_TT.copy(), []
    for s, source in enumerate(tqdm(tasks, desc="compare texts", delay=2, leave=False)):
        if not vectors[source].any():
            continue
        # integers below 2**24 in all partial sums: exact, whatever the order of addition
        nearest = (everything @ vectors[source].T * inverse[source]).max(axis=1)
        for t, (target, part) in enumerate(zip(tasks, np.split(nearest, ends), strict=True)):
            if s == t or not vectors[target].any():
                continue
            cosine = part.astype(np.float64) * inverse[target]
            values_TT[s, t] = cosine.mean()
            se_TT[s, t] = cosine.std(ddof=1) / np.sqrt(len(part)) if len(part) > 1 else np.nan
            share = float((cosine > _TWIN).mean())
            if share > 0.01:
                twins.append({"source": source, "target": target, "share": round(share, 4)})
    return values_TT, se_TT, twins


def _inverse_norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norm = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1))
    return np.where(norm > 0, 1 / np.where(norm > 0, norm, 1.0), 0.0).astype(np.float32)


def centroid_cosines(vectors: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return the cosines of the tasks' mean texts, T x T; NaN on the diagonal and without texts."""
    sums_TD = np.array([piece.sum(axis=0, dtype=np.float64) for piece in vectors.values()])
    norm_T = np.linalg.norm(sums_TD, axis=1)
    unit_TD = sums_TD / np.where(norm_T > 0, norm_T, 1.0)[:, None]
    values_TT: NDArray[np.float64] = unit_TD @ unit_TD.T
    values_TT[norm_T == 0, :] = values_TT[:, norm_T == 0] = np.nan
    np.fill_diagonal(values_TT, np.nan)
    return values_TT
