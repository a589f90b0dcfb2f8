from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.levels import top_level
from pipeline.config.mixture_card import Mixture
from pipeline.mixing.groups import leaves, parts, whole_rows
from pipeline.mixing.quotas import decimal

SIZES = {"mnli": 9000, "rte": 1000, "squad": 400, "boolq": 100, "cola": 50}
GROUPS = {
    "nli": {"weight": 3.0, "strategy": "proportional", "tasks": ["mnli", "rte"]},
    "qa": {"weight": 1.0, "strategy": "equal", "tasks": ["squad", "boolq"]},
}


def mixture(*, groups, tasks=SIZES, strategy="equal", phases=(), **sampling):
    value = {
        "tasks": {task: {} for task in tasks} | sampling.pop("entries", {}),
        "sampling": {"strategy": strategy, "rows": 100} | sampling,
        "groups": groups,
        "phases": list(phases),
    }
    return Mixture.model_validate(value)


def shares(made, phase=None, sizes=SIZES, total=100):
    split = parts(top_level(made, phase), sizes, total=Fraction(total))
    return {task: leaf.share for task, leaf in leaves(split).items()}


def test_weights_at_each_level_multiply_out():
    # cola stands beside the groups, with weight 1: fifths
    assert shares(mixture(groups=GROUPS)) == {
        "mnli": Fraction(3, 5) * Fraction(9, 10),
        "rte": Fraction(3, 5) * Fraction(1, 10),
        "squad": Fraction(1, 5) * Fraction(1, 2),
        "boolq": Fraction(1, 5) * Fraction(1, 2),
        "cola": Fraction(1, 5),
    }


def test_a_group_counts_at_its_level_as_one_task_with_all_its_rows():
    groups = {"nli": {"strategy": "equal", "tasks": ["mnli", "rte"]}}
    made = mixture(groups=groups, strategy="proportional", cap=500)
    # nli 10,000 capped at 500, squad 400, boolq 100, cola 50
    assert shares(made) == {
        "mnli": Fraction(250, 1050),
        "rte": Fraction(250, 1050),
        "squad": Fraction(400, 1050),
        "boolq": Fraction(100, 1050),
        "cola": Fraction(50, 1050),
    }


def test_a_group_without_strategy_is_split_as_the_level_above_with_its_knobs():
    groups = {"nli": {"tasks": ["mnli", "rte"]}}
    made = mixture(groups=groups, strategy="proportional", cap=500)
    assert shares(made)["mnli"] == Fraction(500, 1050) * Fraction(1, 2)


def test_groups_nest():
    groups = {
        "all": {
            "weight": 4.0,
            "strategy": "weights",
            "tasks": ["cola"],
            "groups": {"qa": {"weight": 1.0, "strategy": "equal", "tasks": ["squad", "boolq"]}},
        }
    }
    entries = {"cola": {"weight": 3.0}}
    made = mixture(groups=groups, entries=entries)
    split = parts(top_level(made), SIZES, total=Fraction(60))
    got = leaves(split)
    assert got["squad"].share == Fraction(4, 6) * Fraction(1, 4) * Fraction(1, 2)
    assert (got["squad"].path, got["cola"].path, got["rte"].path) == ("all/qa", "all", "")


def test_unimax_inside_a_group_splits_the_group_s_part():
    groups = {"small": {"strategy": "unimax", "max_epochs": 1.0, "tasks": ["cola", "boolq"]}}
    made = mixture(groups=groups, tasks=["cola", "boolq", "mnli"], rows=240)
    # the group has 120 of 240 rows: cola all its 50, boolq the other 70
    assert shares(made, total=240)["cola"] == Fraction(50, 240)
    assert whole_rows(parts(top_level(made), SIZES, total=Fraction(240)), 240) == {
        "boolq": 70, "cola": 50, "mnli": 120,
    }  # fmt: skip


def test_a_phase_draws_from_what_it_names_with_its_own_weights():
    first = {"name": "first", "share": 0.5, "tasks": ["nli", "cola"], "weights": {"cola": 2.0}}
    made = mixture(groups=GROUPS, phases=[first, {"name": "rest"}])
    assert shares(made, made.phases[0]) == {
        "mnli": Fraction(3, 5) * Fraction(9, 10),
        "rte": Fraction(3, 5) * Fraction(1, 10),
        "cola": Fraction(2, 5),
    }
    assert shares(made, made.phases[1]) == shares(mixture(groups=GROUPS))


def test_a_phase_may_split_the_top_level_in_another_way():
    phase = {"name": "p", "strategy": "temperature", "temperature": 2.0}
    made = mixture(groups={}, tasks=["mnli", "boolq"], phases=[phase])
    assert float(shares(made, made.phases[0])["mnli"]) == 94.8683298051 / 104.8683298051


WEIGHTS = st.sampled_from([1e-9, 0.1, 1 / 3, 1.0, 2.5, 1000.0])


@st.composite
def nested(draw, depth=3):
    """Return groups and tasks with weights, as a tree of dictionaries."""
    tree = {}
    for i in range(draw(st.integers(1, 4))):
        inner = draw(nested(depth - 1)) if depth > 1 and draw(st.booleans()) else None
        tree[f"{'abcd'[i]}"] = (draw(WEIGHTS), inner)
    return tree


def written(tree, path=""):
    """Return the tasks and groups of a card, and each task's exact share by multiplying out."""
    whole = sum(decimal(weight) for weight, _ in tree.values())
    tasks, groups, exact = {}, {}, {}
    for name, (weight, inner) in tree.items():
        full = f"{path}{name}"
        if inner is None:
            tasks[full] = {"weight": weight}
            exact[full] = decimal(weight) / whole
        else:
            below, deeper, shares = written(inner, f"{full}x")
            here = [task for task in inner_tasks(inner, f"{full}x")]
            tasks |= below
            groups[f"g{full}"] = {"weight": weight, "tasks": here, "groups": deeper}
            exact |= {task: share * decimal(weight) / whole for task, share in shares.items()}
    return tasks, groups, exact


def inner_tasks(tree, path):
    return [f"{path}{name}" for name, (_, inner) in tree.items() if inner is None]


@given(nested(), st.integers(1, 10**6))
@settings(deadline=None, max_examples=60)
def test_tasks_and_groups_are_within_one_row_of_their_exact_shares(tree, total):
    tasks, groups, exact = written(tree)
    made = Mixture.model_validate(
        {"tasks": tasks, "groups": groups, "sampling": {"strategy": "weights", "rows": total}}
    )
    split = parts(top_level(made), dict.fromkeys(tasks, 1), total=Fraction(total))
    assert {task: leaf.share for task, leaf in leaves(split).items()} == exact
    rows = whole_rows(split, total)
    assert sum(rows.values()) == total
    assert all(abs(rows[task] - total * exact[task]) < 1 for task in tasks)
    for part in split:
        inside = [leaf.name for leaf in part.leaves()]
        assert abs(sum(rows[task] for task in inside) - total * part.share) < 1
