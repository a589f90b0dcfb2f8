"""Rates to quotas to an order. Knows names, sizes and seeds; the order never sees text."""
