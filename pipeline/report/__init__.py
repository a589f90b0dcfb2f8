"""Figures and the one self-contained HTML page. Computes no result of its own."""
