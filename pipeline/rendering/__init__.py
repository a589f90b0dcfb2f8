"""Examples to the text that a model sees: prefix, options, views. Knows no tokenizer."""
