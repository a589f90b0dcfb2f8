"""Where artefacts come from: what they were built with, against what people have written now.

`causes` serves `taskloom why`, `recipes` serves `taskloom diff`. DVC and Git are called as programs.
"""
