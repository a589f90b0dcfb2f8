"""Encoders, language models, heads and prefix embeddings, on top of torch and transformers."""
