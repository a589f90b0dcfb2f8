"""All strategies: a new one is one import and one line."""

from pipeline.config.strategies.base import Fixing, Splitting, Strategy
from pipeline.config.strategies.by_size import Proportional, Temperature
from pipeline.config.strategies.by_tokens import SupervisedTokens, Tokens
from pipeline.config.strategies.by_weight import Equal, Weights
from pipeline.config.strategies.fixed_rows import Counts, Epochs
from pipeline.config.strategies.unimax import UniMax

_ALL: tuple[Strategy, ...] = (
    Proportional(),
    Temperature(),
    Equal(),
    Weights(),
    UniMax(),
    Counts(),
    Epochs(),
    Tokens(),
    SupervisedTokens(),
)

STRATEGIES = {strategy.name: strategy for strategy in _ALL}
"""By the name on a card."""
SPLITTING = {strategy.name: strategy for strategy in _ALL if isinstance(strategy, Splitting)}
"""Those that groups, phases and `by` may name."""
FIXING = {strategy.name: strategy for strategy in _ALL if isinstance(strategy, Fixing)}
"""Those that fix the rows of each task."""
