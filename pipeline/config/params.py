"""params.yaml: the seed, where data lies, and one section per stage that has settings.

These are plain values with ranges; a mixture card may override any of them under `params:`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

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
    """Longest sequence, special tokens included; the context is cut first, then choices, at the front."""
    long_rows: Literal["truncate", "drop", "error", "split"] = "truncate"
    """What becomes of rows that are longer: cut; left out; refused; or the context split into windows,
    each a row of its own with the same label. `drop` and `split` hold for train rows: rows for
    evaluation are truncated, so that every model answers the same rows."""
    truncate: Literal["context_end", "context_start", "context_middle"] = "context_end"
    """Which part of a context that does not fit is lost."""
    split_overlap: Size = 32
    """Tokens that two windows of a split context share, at most half a window."""


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
    layout: Literal["ragged", "shared_context", "padded", "compassmtl"] = "ragged"
    """How choices are laid out. `ragged`: a sequence for each choice, no fillers. `shared_context`: the
    context once for all choices of a row, which do not see one another; faster, and another model.
    `padded` (fillers up to the batch's largest number of choices) and `compass` (four choices, `N/A`
    endings, all padded to `max_tokens`, as CompassMTL) are there to compare with."""
    readout: Literal["own_cls", "last_sep"] = "last_sep"
    """`shared_context` only: whether a choice is scored at a [CLS] of its own or at its last [SEP]."""
    learning_rate: Positive = 5e-4
    warmup: Share = 0.06
    """Share of the steps over which the rate rises; it then falls linearly to 0."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    clip: Positive = 1.0
    mlm_weight: Annotated[float, Field(ge=0.0)] = 0.1
    """Lambda: weight of the masked-language-model loss; 0 turns it off."""
    mlm_pass: Literal["second", "same"] = "second"  # noqa: S105 - a pass over the rows
    """Whether stems are masked in a pass of their own, as in CompassMTL, or in the sequences that the
    choices are scored in: cheaper, but the choices are then learned from masked text."""
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
    keep_last: Count = 2
    """Checkpoints that stay while a training runs."""
    best: bool = False
    """Whether the result is the model that did best on the `select` rows (macro accuracy; the earliest
    of equals) instead of the last. The last is the default: the learning rate ends at 0, so it is the
    settled one, and the best of many looks at few rows flatters itself."""
    select_every: Count | None = None
    """Steps between two looks at the `select` rows; null: at the end only, or, with `best`, with every
    checkpoint."""
    gradient_checkpointing: bool = False
    """Whether activations are computed again in the backward pass: less memory, a slower step."""
    compile: bool = False
    """Whether `torch.compile` is used; worth it on GPUs only."""


class TextParams(Strict):
    """The text view: what a language model reads and writes. Counts for mixtures of that view only."""

    model: Literal["causal", "seq2seq"] = "causal"
    """Kind of model: a decoder, or an encoder with a decoder. A `small` one is Llama-like, or T5-like."""
    cut: Literal["input_start", "input_end"] = "input_start"
    """Which end of an input that does not fit is lost. A causal model has `tokenize.max_tokens` for
    prefix, input and target together; a seq2seq model has them for input and target each."""
    target_tokens: Annotated[int, Field(ge=1)] = 48
    """A target is never cut below this. Longer ones lose their end where the input, cut to a quarter of
    `tokenize.max_tokens`, leaves them no room."""
    pack_tokens: Annotated[int, Field(ge=16)] | None = 512
    """Rows of a causal model are packed into lines of this many tokens, at least `tokenize.max_tokens`;
    rows of a line do not see each other, and `train.batch` counts lines. Null does not pack: then, and
    for a seq2seq model, `train.batch` counts rows."""
    pack_window: Count = 16384
    """Positions of the order that are packed together: what stands further apart never changes places."""
    attention: Literal["mask", "flex"] = "mask"
    """How a causal model keeps packed rows apart: a dense mask, or PyTorch's flex attention (GPU)."""
    prefix: bool = True
    """Whether the task's prefix token stands in front of every input. T0 has none; a model that is to
    answer tasks that it never saw is better off without."""
    field_tokens: Count | None = None
    """Fields of an example or a record are cut to so many tokens before they are put into a prompt, so
    that its own words and the answer stay whole. Null: rows are cut as wholes only."""
    eval_prompts: Count | None = None
    """Most prompts that a row for evaluation is seen through, the first that the mixture names. Null:
    all."""
    score: Literal["sum", "mean"] = "sum"
    """What ranks the options of a row: the sum of the log-probabilities of an option's tokens (T0), or
    their mean. The end of the text counts as a token of each option. Both are reported."""


class RelateParams(Strict):
    """Task relationships."""

    scorers: tuple[str, ...] = ("prefix", "text", "prior")
    """What scores all pairs; docs/relationships.md lists them. The default ones train nothing and need no
    features. `tailor.scorer` is run beside them."""
    stack: tuple[str, ...] = ()
    """Scorers whose equal-weight sum is written as one more, `stack`; none by default."""
    seeds: Count = 3
    """Small trainings of each kind that a scorer may do."""
    centre: bool = True
    """Whether the mean prefix is subtracted before correlating."""
    feature_rows: Count = 300
    """Most rows of a task and role that features are made of, drawn by the task's name."""
    state_rows: Count = 64
    """Most train rows of a task that its prefix is read in front of, for `prefix_state`."""

    @field_validator("scorers")
    @classmethod
    def _named_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError("one scorer at least, and none twice")
        return value

    @model_validator(mode="after")
    def _stack_is_scored(self) -> Self:
        missing = [name for name in self.stack if name not in self.scorers]
        if missing:
            raise ValueError(f"stack: '{missing[0]}' is not among scorers")
        return self


class EvaluateParams(Strict):
    """Evaluation on the `report` role."""

    bins: Count = 10
    """Bins of the expected calibration error."""
    token_budget: Count = 16384


class Params(Strict):
    """All of params.yaml."""

    seed: Size
    data_dir: str
    prompts_dir: str = "mixtures/prompts"
    """Where the prompts of a mixture's `pool:` lie, if not beside the cards: `promptsource/templates` of
    a checkout of the public pool."""
    curate: CurateParams = CurateParams()
    tokenize: TokenizeParams = TokenizeParams()
    model: ModelParams = ModelParams()
    train: TrainParams = TrainParams()
    text: TextParams = TextParams()
    relate: RelateParams = RelateParams()
    evaluate: EvaluateParams = EvaluateParams()
