"""Lists that a template changes, by `append` and `pop`.

A list that changes is made anew and gets its name again. That is right as long as no other name or value
holds the same list.
"""

from jinja2 import nodes

from pipeline.templates.syntax import MUTATING

_HOLDERS = (
    nodes.Assign, nodes.List, nodes.Tuple, nodes.Pair, nodes.And, nodes.Or, nodes.CondExpr,
    nodes.Filter, nodes.Call, nodes.Keyword,
)  # fmt: skip
"""What can hand a value on, or hold it."""


def _owner(node: nodes.Node) -> nodes.Name | None:
    """Return the name whose list a call changes; None for anything else."""
    called = node.node if isinstance(node, nodes.Call) else None
    if isinstance(called, nodes.Getattr) and called.attr in MUTATING:
        return called.node if isinstance(called.node, nodes.Name) else None
    return None


def changed(tree: nodes.Node) -> set[str]:
    """Return the names of lists that a part of a template changes."""
    return {owner.name for call in tree.find_all(nodes.Call) if (owner := _owner(call))}


def read(tree: nodes.Node) -> set[str]:
    """Return the names that a part of a template reads other than to change their lists."""
    owners = {id(_owner(call)) for call in tree.find_all(nodes.Call)}
    names = tree.find_all(nodes.Name)
    return {name.name for name in names if name.ctx == "load" and id(name) not in owners}


def aliased(tree: nodes.Template) -> bool:
    """Whether a list that the template changes may be held twice, or is not written out."""
    names = changed(tree)

    def meant(node: nodes.Node | None) -> bool:
        return isinstance(node, nodes.Name) and node.name in names

    made = {id(a.target) for a in tree.find_all(nodes.Assign) if isinstance(a.node, nodes.List)}
    return any(
        meant(name) and name.ctx == "store" and id(name) not in made
        for name in tree.find_all(nodes.Name)
    ) or any(
        meant(held)
        for node in tree.find_all(_HOLDERS)
        if not isinstance(node, nodes.Call) or _owner(node)
        if not isinstance(node, nodes.Filter) or node.name in ("d", "default")
        for held in node.iter_child_nodes(exclude=("test", "target"))
    )
