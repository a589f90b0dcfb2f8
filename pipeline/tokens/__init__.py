"""Tokenizers and token shards. Uses the tokenizers package; knows neither torch nor transformers."""
