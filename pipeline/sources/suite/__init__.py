"""The embedded suite: real-language tasks made from small fact tables that ship in the package.

Knows recipes, fact tables and wordings; which of them make a task is the card's business.
"""

from pipeline.sources.suite.generate import read_suite

__all__ = ["read_suite"]
