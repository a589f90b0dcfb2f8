"""The views by name. Another view is a module here, an entry, and an entry in `contract.tokens`."""

from collections.abc import Mapping

from pipeline.views.choice import CHOICE
from pipeline.views.text import TEXT_VIEW
from pipeline.views.view import DataView

VIEWS: Mapping[str, DataView] = {"choice": CHOICE, "text": TEXT_VIEW}
