"""Planted tasks: numbers and made-up words whose true relations are known and can be measured."""
