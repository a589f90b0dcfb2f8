"""The tailored mixture card: the target and its complements with exact counts. Touches no file."""

from collections.abc import Mapping
from typing import Any

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.settings import TailorSettings
from pipeline.errors import ConfigError
from pipeline.layout import NAME_PATTERN
from pipeline.tailoring.budget import RowBudget

STRATEGY = "counts"
"""The sampling strategy of every tailored mixture."""
SUFFIX = "_tailored"
_LONGEST = 64


def tailored_card(base: TailorSettings, rows: RowBudget) -> MixtureCard:
    """Return the card of the tailored mixture, complete and valid by itself.

    Args:
        base: What it takes over from the base mixture.
        rows: Rows of the target and of each complement; a complement of 0 rows is left out.

    Raises:
        ConfigError: The name of the base mixture is too long to be extended.
    """
    name = f"{base.name}{SUFFIX}"
    if len(name) > _LONGEST:
        raise ConfigError(
            f"name: '{base.name}' is too long to be extended to '{name}'",
            expected=f"at most {_LONGEST - len(SUFFIX)} characters ({NAME_PATTERN})",
            remedy="give the mixture a shorter name",
        )
    target = base.tailor.target
    counts = {target: rows.target} | {task: n for task, n in rows.complements.items() if n}
    tasks = {
        task: base.tasks[task].model_copy(update={"count": counts[task]}) for task in sorted(counts)
    }
    value = base.card | {
        "name": name,
        "description": f"{target} with what complements it, out of mixture '{base.name}'.",
        "tasks": {task: entry.model_dump(exclude_none=True) for task, entry in tasks.items()},
        "tailor": base.tailor.model_dump(),
        "sampling": {"strategy": STRATEGY, "order": base.order},
    }
    return MixtureCard.model_validate(value)


def as_mapping(card: MixtureCard) -> dict[str, Any]:
    """Return a card as a person would write it: what is silent, or at its default, is left out."""
    value = card.model_dump(mode="json", exclude_none=True)
    for key in ("limits", "params", "description", "groups", "phases"):
        if not value.get(key):
            value.pop(key, None)
    for key in ("sampling", "tasks"):
        value[key] = card.model_dump(mode="json", exclude_defaults=True)[key]
    if card.same_content == MixtureCard.model_fields["same_content"].default:
        value.pop("same_content")
    first = [key for key in ("name", "description") if key in value]
    return {key: value[key] for key in (*first, *(key for key in value if key not in first))}


def comment(card: MixtureCard, rows: RowBudget, *, source: Mapping[str, str]) -> str:
    """Return the lines that stand above the card: what it is, and how it came about.

    Args:
        card: The tailored card.
        rows: Its rows.
        source: Facts to name, by what they are: mixture, scorer.
    """
    facts = ", ".join(f"{key} {value}" for key, value in source.items())
    taken = sum(1 for count in rows.complements.values() if count)
    return (
        f"Made by the stage `tailor` ({facts}); why.json says why.\n"
        f"{taken} complement{'' if taken == 1 else 's'} with {rows.placed} of {rows.asked} rows "
        f"asked for, beside {rows.target} of '{card.tailor.target}'.\n"
        "Not to be edited here: `taskloom adopt` copies it into mixtures/."
    )
