"""Figures from scores and labels, and baselines without a model."""
