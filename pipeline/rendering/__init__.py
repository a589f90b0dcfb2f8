"""Examples as the text that a model sees: prefix, options, views."""
