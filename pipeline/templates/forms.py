"""The intermediate form of a template: what is computed, with nothing of Jinja's grammar left.

Expressions and statements are frozen dataclasses. Every operation is named by a string from the
allow-list
of `syntax`, so that a form can hold nothing that the list does not. Knows no renderer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: None, bool, int, float or str."""

    value: object


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: a field of the row, or one that the template set."""

    name: str


@dataclass(frozen=True, slots=True)
class Get:
    """`of.key` (dotted: methods hide fields) or `of[key]` (fields hide methods)."""

    of: "Expression"
    key: "Expression"
    dotted: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """`of[start:stop:step]`; None where a bound is not written."""

    of: "Expression"
    start: "Expression | None"
    stop: "Expression | None"
    step: "Expression | None"


@dataclass(frozen=True, slots=True)
class Unary:
    """`not`, `-` or `+` of a value."""

    operator: str
    of: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic (`+ - * / // %`), or `and` / `or`, which yield one of their operands."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Compare:
    """A chain of comparisons: `eq ne lt lteq gt gteq in notin`, each with its right side."""

    first: "Expression"
    rest: "tuple[tuple[str, Expression], ...]"


@dataclass(frozen=True, slots=True)
class Choose:
    """`then if test else other`; undefined where there is no `other`."""

    test: "Expression"
    then: "Expression"
    other: "Expression | None"


@dataclass(frozen=True, slots=True)
class Apply:
    """A filter, test, method or function on `args`; the first of them is the filtered or owning value.

    `site` numbers the places that draw at random, from 0 in the order of the source; -1 elsewhere.
    """

    kind: str
    name: str
    args: "tuple[Expression, ...]"
    named: "tuple[tuple[str, Expression], ...]" = ()
    site: int = -1


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list (mutable) or a tuple."""

    items: "tuple[Expression, ...]"
    mutable: bool


@dataclass(frozen=True, slots=True)
class Mapping:
    """A dictionary, written out."""

    pairs: "tuple[tuple[Expression, Expression], ...]"


@dataclass(frozen=True, slots=True)
class Joined:
    """`a ~ b ~ c`: the texts of all, one after the other."""

    items: "tuple[Expression, ...]"


Expression = (
    Literal
    | Name
    | Get
    | Slice
    | Unary
    | Binary
    | Compare
    | Choose
    | Apply
    | Sequence
    | Mapping
    | Joined
)


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text of the template."""

    text: str


@dataclass(frozen=True, slots=True)
class Out:
    """`{{ of }}`."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Assign:
    """`{% set a, b = value %}`; one name takes the value whole."""

    names: tuple[str, ...]
    value: Expression


@dataclass(frozen=True, slots=True)
class AssignIn:
    """`{% set owner.attribute = value %}`, the owner being a namespace."""

    owner: str
    attribute: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Branch:
    """`{% if %}`; `elif` is a branch in `other`."""

    test: Expression
    then: "tuple[Statement, ...]"
    other: "tuple[Statement, ...]"


@dataclass(frozen=True, slots=True)
class Loop:
    """`{% for a, b in source if test %}`; `empty` is its `else`."""

    names: tuple[str, ...]
    source: Expression
    test: Expression | None
    body: "tuple[Statement, ...]"
    empty: "tuple[Statement, ...]"


Statement = Text | Out | Assign | AssignIn | Branch | Loop
Body = tuple[Statement, ...]
