"""The artefacts that trainings are tested with."""

import importlib.util
from pathlib import Path

_PATH = Path(__file__).parents[1] / "training" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("contract_artefacts", _PATH)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

shared_folders, folders = _MODULE.shared_folders, _MODULE.folders
shared_text_folders, text_folders = _MODULE.shared_text_folders, _MODULE.text_folders
shared_pair_folders = _MODULE.shared_pair_folders
