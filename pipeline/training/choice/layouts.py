"""The layouts by their names in run.json, and whether an encoder can read them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.contract.choice import Special
from pipeline.contract.files import REMEDY
from pipeline.errors import ArtefactError, TrainingError
from pipeline.modeling.blocks import keeps_choices_apart
from pipeline.modeling.model import ChoiceModel
from pipeline.training.choice.compassmtl_layout import CompassMTLLayout, ending_tokens
from pipeline.training.choice.exact_layouts import PaddedLayout, RaggedLayout
from pipeline.training.choice.lines import ChoiceLayout
from pipeline.training.choice.shared_context import Readout, SharedContextLayout
from pipeline.training.run import TrainSettings

LAYOUTS: dict[str, type[ChoiceLayout]] = {
    "ragged": RaggedLayout,
    "shared_context": SharedContextLayout,
    "padded": PaddedLayout,
    "compassmtl": CompassMTLLayout,
}


def training_layout(train: TrainSettings, *, tokenizer: Path, max_tokens: int) -> ChoiceLayout:
    """Return the layout that a run trains in.

    Args:
        train: Names it.
        tokenizer: Folder with `tokenizer.json`; `compass` takes the ids of `N/A` from it.
        max_tokens: Longest sequence of the shards.

    Raises:
        ArtefactError: The tokenizer cannot be read, where it is asked.
    """
    match train.layout:
        case "compassmtl":
            return CompassMTLLayout(ending_tokens(tokenizer), max_tokens)
        case "padded":
            return PaddedLayout()
        case _:
            return scoring_layout(train.layout, train.readout)


def scoring_layout(layout: str, readout: Readout) -> ChoiceLayout:
    """Return the layout that a trained model is scored in.

    Fillers change no other score, and neither does padding, so that models of `padded` and `compass` are
    scored in the ragged layout: all choices of a row, and nothing but them.
    """
    return SharedContextLayout(readout) if layout == "shared_context" else RaggedLayout()


def recorded_layout(train: Mapping[str, Any], *, where: str) -> ChoiceLayout:
    """Return the layout that a trained model is scored in, from the `train` of its run.json.

    Raises:
        ArtefactError: run.json does not name it.
    """
    try:
        return scoring_layout(train["layout"], train["readout"])
    except KeyError as error:
        raise ArtefactError(f"train lacks {error}", where=where, remedy=REMEDY) from None


def check_readable(model: ChoiceModel, train: TrainSettings, special: Special) -> None:
    """Check that the encoder can read the layout.

    Raises:
        TrainingError: It cannot keep the choices of the shared-context layout apart.
    """
    if train.layout == "shared_context" and not keeps_choices_apart(
        model, special.cls, special.sep
    ):
        raise TrainingError(
            f"the encoder ({model.encoder.config.model_type}) cannot read train.layout shared_context: "
            "behind a block mask, a choice changes with the choices beside it",
            where="train.layout",
            expected="an encoder with absolute positions and 4-D attention masks, such as BERT",
            remedy="set train.layout to ragged",
        )
