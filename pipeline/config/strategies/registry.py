"""All strategies: a new one is one import and one line."""

from pipeline.config.strategies.base import FixedStrategy, SplitStrategy, Strategy
from pipeline.config.strategies.by_size import Proportional, Temperature
from pipeline.config.strategies.by_tokens import SupervisedTokens, Tokens
from pipeline.config.strategies.by_weight import Equal, GivenWeights
from pipeline.config.strategies.fixed_rows import GivenCounts, GivenEpochs
from pipeline.config.strategies.unimax import UniMax

_ALL: tuple[Strategy, ...] = (
    Proportional(),
    Temperature(),
    Equal(),
    GivenWeights(),
    UniMax(),
    GivenCounts(),
    GivenEpochs(),
    Tokens(),
    SupervisedTokens(),
)

STRATEGIES = {strategy.name: strategy for strategy in _ALL}
"""By the name on a card."""
SPLIT_STRATEGIES = {
    strategy.name: strategy for strategy in _ALL if isinstance(strategy, SplitStrategy)
}
"""Those that groups, phases and `by` may name."""
FIXED_STRATEGIES = {
    strategy.name: strategy for strategy in _ALL if isinstance(strategy, FixedStrategy)
}
"""Those that fix the rows of each task."""
