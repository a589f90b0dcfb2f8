"""A small mixture up to its tokens, made by the real stages, and what the stages after them read."""

import json

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from pipeline.config.mixture_card import MixtureCard
from pipeline.config.params import RelateParams, TextParams, TokenizeParams
from pipeline.config.recipe import recipe, tailor_settings
from pipeline.config.settings import (
    MixSettings,
    PlanSettings,
    RelateSettings,
    TokenizeSettings,
)
from pipeline.contract.files import write_json
from pipeline.layout import Layout
from pipeline.rendering.prefix import prefixes
from pipeline.schema import EXAMPLE
from pipeline.seeds import derive_rng
from pipeline.stages import tokenize
from pipeline.tables import write_parquet
from pipeline.tokens import wordpiece
from pipeline.tokens.vocabulary import save
from pipeline.tokens.wordpiece import language_names
from tests.trainings import TRAININGS

SIZES = {"apples": 40, "pears": 25, "plums": 10, "stars": 60}
NAME = "fruit"


def curated_rows(task, rows, role):
    """Rows of two to four choices and of texts of different lengths."""
    count = pl.int_range(rows, eager=True)
    choices = [["red", "green", "blue", "a long colour"][: 2 + i % 3] for i in range(rows)]
    return pl.DataFrame(
        {
            "example_id": [f"{task}/{role}/{i}" for i in range(rows)],
            "task": task,
            "form": "multiple_choice",
            "context": [f"the {task} number {i}" + " and so on" * (i % 7) for i in range(rows)],
            "question": "which colour ?",
            "choices": choices,
            "label": (count % 2).cast(pl.Int32),
            "target": [choices[i][i % 2] for i in range(rows)],
            "labels": pl.Series([None] * rows, dtype=pl.List(pl.Int32)),
            "prefix": f"[task: {task}]",
            "content_hash": [f"{task}{role}{i}".encode()[-16:].rjust(16) for i in range(rows)],
        }
    )


def card(**keys):
    value = {
        "name": NAME,
        "tasks": {task: {} for task in SIZES},
        "sampling": {"strategy": "temperature", "temperature": 2.0, "epochs": 1.0},
        "trainings": TRAININGS,
        "tailor": {
            "target": "apples",
            "selection": "top_k",
            "k": 2,
            "epochs": 2.0,
            "max_epochs": 4.0,
        },
    }
    return MixtureCard.model_validate(value | keys)


class Mixture:
    """A mixture's folder, with the means to change what a stage is told."""

    def __init__(self, sizes):
        self.layout = Layout(NAME)
        self.sizes = sizes
        self.families = {task: "fruit" for task in sizes}

    def tell(self, mixture=None, *, seed=13):
        """Write the settings of all stages from plan on."""
        mixture = mixture or card()
        head = {"name": NAME, "seed": seed}
        parts = {
            f"plan/{training}": PlanSettings(
                **head, recipe=entry.recipe, batch=32, target=mixture.tailor.target
            )
            for training, entry in mixture.trainings.items()
        } | {
            "relate": RelateSettings(
                **head, tasks=tuple(self.sizes), families=self.families, relate=RelateParams()
            ),
            "tailor": tailor_settings(mixture, **head, families=self.families),
        }
        for stage, settings in parts.items():
            path = self.layout.settings(stage)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(settings.model_dump_json())
        write_json(recipe(mixture), self.layout.recipe("all"))

    def tokens(self):
        """Write curated rows and run the stage `tokenize` on them."""
        for task, rows in self.sizes.items():
            for role, count in (("train", rows), ("select", 3), ("report", 4)):
                write_parquet(
                    curated_rows(task, count, role), self.layout.curated(task, role), EXAMPLE
                )
        words = "the and so on number which colour ? red green blue a long 0 1 2 3 4 5 6 7 8 9"
        text = " ".join([words, *self.sizes])
        self.layout.tokenizer.mkdir(parents=True, exist_ok=True)
        known = prefixes(self.sizes)
        save(wordpiece.train([[text, text]], vocabulary=300), wordpiece.SPECIAL, known,
             self.layout.tokenizer)  # fmt: skip
        settings = TokenizeSettings(
            name=NAME, seed=0, tasks=tuple(self.sizes), tokenize=TokenizeParams(max_tokens=32),
            prefixes=known,
        )  # fmt: skip
        self.layout.settings("tokenize").parent.mkdir(parents=True, exist_ok=True)
        self.layout.settings("tokenize").write_text(settings.model_dump_json())
        mix = MixSettings(name=NAME, seed=13)
        self.layout.settings("mix").write_text(mix.model_dump_json())
        tokenize.main([NAME])

    def model(self):
        """Write the prefixes of a model that learnt pears like apples, and stars the other way."""
        rng = derive_rng(5, "model")
        base, skill, other = rng.standard_normal((3, 64)).astype(np.float32)
        learnt = {"apples": skill, "pears": skill + other / 4, "plums": other, "stars": -skill}
        final = np.array([base + learnt[task] for task in sorted(self.sizes)])
        folder = self.layout.model("compass")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {"initial": np.tile(base, (len(final), 1)), "final": final},
            folder / "prefixes.safetensors",
            metadata={"tasks": json.dumps(sorted(self.sizes))},
        )


class TextMixture(Mixture):
    """The same tasks in the text view; the plums are free text."""

    def tokens(self, *, train=None, edit=None, prompts=None, **params):
        """Write curated rows and run the stage `tokenize` on them.

        Args:
            train: Edits the train rows.
            edit: Edits all rows; it is told their role.
            prompts: Of each task that has any.
            **params: Of `tokenize`; under `text` those of the text view.
        """
        for task, rows in self.sizes.items():
            for role, count in (("train", rows), ("select", 3), ("report", 4)):
                frame = curated_rows(task, count, role)
                if task == "plums":
                    frame = frame.with_columns(
                        form=pl.lit("text_to_text"), label=pl.lit(None, pl.Int32),
                        choices=pl.lit([], pl.List(pl.String)),
                    )  # fmt: skip
                frame = train(frame) if train and role == "train" else frame
                frame = edit(frame, role) if edit else frame
                write_parquet(frame, self.layout.curated(task, role), EXAMPLE)
        words = "the and so on number which colour ? options answer : | red green blue a long"
        text = " ".join([words, *map(str, range(10)), *self.sizes])
        tokenizer = wordpiece.train([[text, text]], vocabulary=300)
        names, known = language_names(tokenizer), prefixes(self.sizes)
        self.layout.tokenizer.mkdir(parents=True, exist_ok=True)
        save(tokenizer, names, known, self.layout.tokenizer)
        text_params = {"target_tokens": 8} | params.pop("text", {})
        settings = TokenizeSettings(
            name=NAME, seed=0, tasks=tuple(self.sizes), prefixes=known,
            tokenize=TokenizeParams(**({"max_tokens": 48} | params)),
            view="text", text=TextParams(**text_params), prompts=prompts or {},
        )  # fmt: skip
        self.layout.settings("tokenize").parent.mkdir(parents=True, exist_ok=True)
        self.layout.settings("tokenize").write_text(settings.model_dump_json())
        tokenize.main([NAME])

    def tell_packs(self, *, batch=4, **text):
        """Write the settings of the packs."""
        told = TextParams(**({"pack_tokens": 96, "pack_window": 60} | text))
        settings = MixSettings(name=NAME, seed=13, batch=batch, text=told)
        self.layout.settings("mix").write_text(settings.model_dump_json())


@pytest.fixture
def text_mixture(tmp_path, monkeypatch):
    """Four tasks in the text view, to be given tokens, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return TextMixture(SIZES)


@pytest.fixture
def mixture(tmp_path, monkeypatch):
    """Four tasks with tokens, settings and a compass model, in the current folder."""
    monkeypatch.chdir(tmp_path)
    made = Mixture(SIZES)
    made.tokens()
    made.tell()
    made.model()
    return made
