"""Strings that tokenizers disagree about. Knows no tokenizer."""

_SPACES = (
    " ",
    "  ",
    "   x",
    "x   ",
    "\t",
    "\n\n",
    "a\r\nb",
    " \n a",
    "a \xa0b",
    "a\u3000b",
    "a\u2028b",
    "a\u200bb",
    "\u200d",
    "\ufeff",
    "a\x00b",
    "\x07",
    "tab\tin\tit",
    "end ",
    "\n",
)
"""Runs, ends, and what else counts as a space or as nothing."""

_WORDS = (
    "don't DON'T don\u2019t I'll 'tis 's 'S",
    "1234567 12 3.14 1,000 \u0663\u0664\u0665 \xbd \u2168 x\xb2",
    "ALLCAPS CamelCase snake_case kebab-case",
    "a.b.c... ?!?! --- ___ ###",
    "http://a.b/c?d=e&f=g#h",
    '{"a": [1, 2]}',
    "\\n \\t \\",
    "<b>x</b> &amp; <!-- -->",
    "$5.00 10% @you #tag",
    "x" * 300,
    "ab" * 150,
    " " * 100 + "x",
    "!" * 70,
    "0000000000000000000000000000000000000000",
)
"""Contractions, numbers, punctuation, markup, long runs."""

_SCRIPTS = (
    "caf\xe9 cafe\u0301 na\xefve \xc5ngstr\xf6m \u212b \ufb01n \u01c6",
    "\u0130stanbul \u0131 \u1e9e \xdf STRASSE",
    "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002",
    "\u3053\u3093\u306b\u3061\u306f \uff76\uff80\uff76\uff85",
    "\u1112\u1161\u11ab \ud55c\uad6d\uc5b4",
    "\u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0629 \u0640",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u0937",
    "\u0e44\u0e17\u0e22\u0e44\u0e21\u0e48\u0e40\u0e27\u0e49\u0e19",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
    "\U00010348 \U0001d54f \U000e0041",
    "\ufffd \ufffc \ue000",
    "z\u0336\u0321a\u0337l\u0358g\u0315o\u0321",
    "\u2581a \u2581\u2581",
    "\u0120a \u010a",
)
"""Composed and decomposed letters, case pairs, scripts with and without spaces, emoji, private use."""

NASTY = ("", "a", *_SPACES, *_WORDS, *_SCRIPTS)
"""All of them, with the empty string."""
