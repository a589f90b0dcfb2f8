"""The text view: every row an input and the target that a language model learns to write."""
