"""Stage `tokenizer`: train or load the tokenizer and add the task prefixes.

Reads:   data/NAME/settings/tokenizer.json, data/NAME/curated/<task>/train.parquet
Writes:  data/NAME/tokenizer/{tokenizer,tokenizer_config,special_tokens_map,prefixes}.json
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tqdm import tqdm

from pipeline.config.settings import TokenizerSettings
from pipeline.config.settings_file import read
from pipeline.contract.files import sha256
from pipeline.errors import ArtefactError
from pipeline.layout import Layout
from pipeline.modeling.folder import check_configs
from pipeline.publish import new_folder, stage_lock
from pipeline.rendering.prefix import prefixes
from pipeline.schema import EXAMPLE
from pipeline.sources.package import package_folder
from pipeline.tables import read_parquet
from pipeline.tokens import wordpiece
from pipeline.tokens.pretrained import download, max_positions, set_leading_space
from pipeline.tokens.sample import sample_texts
from pipeline.tokens.vocabulary import read_tokenizer, save, special_names
from pipeline.views.registry import VIEWS


def main(arguments: Sequence[str]) -> None:
    """Write the tokenizer folder of the mixture that DVC names."""
    (name,) = arguments
    layout = Layout(name)
    with stage_lock(layout.data, "tokenizer"):
        settings = read(TokenizerSettings, layout.settings("tokenizer"))
        view = VIEWS[settings.view]
        if settings.model.source == "small":
            tokenizer, positions = trained(layout, settings), None
            names = view.small_names(tokenizer)
        else:
            folder = model_folder(settings)
            tokenizer = loaded(folder, settings)
            names, positions = (
                special_names(tokenizer, folder, view.special),
                max_positions(folder),
            )
        with new_folder(layout.tokenizer) as folder:
            save(tokenizer, names, prefixes(settings.tasks), folder, max_positions=positions)


def trained(layout: Layout, settings: TokenizerSettings) -> Tokenizer:
    """Train on a sample of every task's train rows, but for tasks that are held out."""
    texts = []
    drawn = [task for task in settings.tasks if task not in settings.held_out]
    for task in tqdm(drawn, desc="sample texts", delay=2, leave=False):
        texts.append(sample_texts(read_parquet(layout.curated(task, "train"), EXAMPLE)))
    return wordpiece.train(texts, vocabulary=settings.model.vocabulary)


def loaded(folder: Path, settings: TokenizerSettings) -> Tokenizer:
    """Read a pretrained tokenizer; it must be the one that `resolve` saw.

    Raises:
        ArtefactError: It is missing, unreadable, or has changed since.
        TrainingError: A configuration file beside it names code of its own.
    """
    check_configs(folder)
    path = folder / "tokenizer.json"
    tokenizer = read_tokenizer(path)
    if settings.model_sha256 not in (None, sha256(path)):
        raise ArtefactError(
            "the file has changed since the settings were resolved",
            where=str(path),
            expected=f"SHA-256 {settings.model_sha256}",
            remedy="run `dvc repro`, which resolves anew",
        )
    set_leading_space(tokenizer, folder)
    return tokenizer


def model_folder(settings: TokenizerSettings) -> Path:
    """Return the folder of a pretrained model's tokenizer files; a hub model's are fetched."""
    source, revision = settings.model.source, settings.model.revision
    if source.startswith("package:"):
        package, _, folder = source.removeprefix("package:").partition("/")
        return package_folder(package, folder)
    if source.startswith((".", "/")):
        return Path(source)
    if revision is None:
        print(
            f"model.source '{source}' names no model.revision: it may change on the hub",
            file=sys.stderr,
        )
    return download(source, revision)
