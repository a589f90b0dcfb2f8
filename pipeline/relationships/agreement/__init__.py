"""How well scores agree with measured gains: metrics, baselines, intervals."""
