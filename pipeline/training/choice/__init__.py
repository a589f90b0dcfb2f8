"""The choice view: every row is a question with choices."""
