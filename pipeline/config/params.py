"""params.yaml: the seed, where data lies, and one section per stage that has settings.

These are plain values with ranges; a mixture card may override any of them under `params:`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.config.strict import Positive, Share, Strict

Count = Annotated[int, Field(gt=0)]
Size = Annotated[int, Field(ge=0)]


class CurateParams(Strict):
    """Roles, filters and the search for overlaps."""

    select_share: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    select_min: Count = 50
    select_max: Count = 1000
    overlap_min_words: Count = 4
    """Texts shorter than this are too common to count as the same."""
    remove_overlap: bool = True
    """Whether train rows found in another task's (or their own) evaluation rows are dropped."""
    near_similarity: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    """Share of word trigrams (Jaccard index) from which two texts are reported as nearly the same."""
    remove_near: bool = False
    """Whether `remove_overlap` takes nearly equal rows too; they are often merely alike."""


class TokenizeParams(Strict):
    """Rendering and tokenising."""

    max_tokens: Annotated[int, Field(ge=16, le=8192)] = 128
    """Longest sequence, special tokens included; the context is cut first, at its end."""


class ModelParams(Strict):
    """The encoder. A `small` one starts from random weights, with a tokenizer of its own."""

    source: str = "small"
    """`small`; a hub id; a local folder (`./path`); or `package:NAME/folder` inside a package."""
    revision: str | None = None
    """Commit of a hub model."""
    layers: Count = 2
    width: Count = 128
    heads: Count = 4
    vocabulary: Annotated[int, Field(ge=300)] = 4000
    dropout: Share = 0.1

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} does not divide width {self.width}")
        return self


class TrainParams(Strict):
    """The trainer. Nothing here depends on how many processes run it."""

    batch: Count = 32
    """Rows of a global batch: one optimiser step."""
    token_budget: Count = 8192
    """Most tokens, padding included, of one forward pass; shapes micro-batches only."""
    learning_rate: Positive = 5e-4
    warmup: Share = 0.06
    """Share of the steps over which the rate rises; it then falls linearly to 0."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    clip: Positive = 1.0
    mlm_weight: Annotated[float, Field(ge=0.0)] = 0.1
    """Lambda: weight of the masked-language-model loss; 0 turns it off."""
    mlm_probability: Share = 0.25
    mask_prefix: Literal["never", "like_any_token", "always"] = "like_any_token"
    max_options: Annotated[int, Field(ge=2)] | None = 8
    """Most choices of a row that one training step looks at (the gold one always); null is all."""
    prefix_init: Literal["shared", "random"] = "shared"
    """Whether all prefix embeddings start as one vector or each as its own."""
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: Count = 2
    """CPU threads of a process; part of the recipe, since sums depend on it."""
    log_every: Count = 10
    checkpoint_every: Count = 200


class RelateParams(Strict):
    """Task relationships."""

    centre: bool = True
    """Whether the mean prefix is subtracted before correlating."""


class EvaluateParams(Strict):
    """Evaluation on the `report` role."""

    bins: Count = 10
    """Bins of the expected calibration error."""
    token_budget: Count = 16384


class Params(Strict):
    """All of params.yaml."""

    seed: Size
    data_dir: str
    curate: CurateParams = CurateParams()
    tokenize: TokenizeParams = TokenizeParams()
    model: ModelParams = ModelParams()
    train: TrainParams = TrainParams()
    relate: RelateParams = RelateParams()
    evaluate: EvaluateParams = EvaluateParams()
