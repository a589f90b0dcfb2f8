"""Every template of the public pool on synthetic rows of its schema: who renders it, is it right?

Compares, row by row and byte by byte, what `PromptRenderer` makes with the reference renderer, and the
reference with PromptSource's own `apply` where the checkout imports and no field of the row holds a `|`:
there the two differ on purpose (docs/prompts.md). Pool and schemas are not part of this repository:

    git clone https://github.com/bigscience-workshop/promptsource POOL
    git clone https://github.com/huggingface/datasets HUB; git -C HUB checkout 1b607635

Usage: python -m benchmarks.check_pool POOL [--schemas HUB/datasets] [--rows 40] [--seed 0] [--every 1]
       [--out FILE]
"""

import argparse
import copy
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.harness import Bar, finish
from benchmarks.pool_rows import Rows, constants
from benchmarks.pool_schemas import guessed_schema, known_schema
from benchmarks.promptsource_peer import draws, own_apply, promptsource
from pipeline.config.prompt_file import prompt_files, read_prompts
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Renderer, RenderError
from pipeline.templates.render import PromptRenderer
from pipeline.templates.vector.compile import parsed

Outcome = tuple[tuple[str, ...], tuple[str, ...] | None] | None
"""Parts and options of a row; None where it fails."""
MODE = Mode(seed=1)


@dataclass
class Case:
    """A template with its schema."""

    dataset: str
    prompt: Prompt
    schema: dict[str, Any]
    known: bool


def cases(pool: Path, schemas: Path | None) -> Iterator[Case]:
    """Yield the templates of a pool with their schemas, guessed where none is known."""
    for path in prompt_files(pool / "promptsource" / "templates"):
        file = read_prompts(path)
        schema = known_schema(schemas, file.dataset, file.subset) if schemas else None
        for prompt in file.prompts:
            trees = parsed(prompt, where=prompt.name)
            both = [tree for tree in (trees.main, trees.choices) if tree is not None]
            found = schema if schema is not None else guessed_schema(both)
            yield Case(file.name, prompt, found, schema is not None)


class Check:
    """Counts what was compared, and prints what differs."""

    def __init__(self, module: Any | None) -> None:
        self.module = module
        self.count: Counter[str] = Counter()
        self.why: Counter[str] = Counter()
        self.alarms: list[str] = []

    def differs(self, what: str, case: Case, ours: object, wanted: object) -> None:
        """Count a mismatch; print the first of them."""
        self.count[f"{what}: mismatches"] += 1
        if self.count[f"{what}: mismatches"] <= 5:
            print(f"MISMATCH {what}: {case.dataset}, {case.prompt.name}\n  ours   {str(ours)[:400]}\n"
                  f"  wanted {str(wanted)[:400]}")  # fmt: skip

    def template(self, case: Case, rows: int, seed: int) -> None:
        """Check one template, on clean and nasty rows."""
        texts = constants(case.prompt.jinja, case.prompt.answer_choices)
        reference = Renderer(case.prompt, MODE, where=case.prompt.name)
        with PromptRenderer(case.prompt, pl.Schema(case.schema), MODE) as renderer:
            self._tier(case, renderer)
            for nasty in (False, True):
                made = Rows(seed * 2 + nasty, nasty=nasty, texts=texts)
                self._frame(case, reference, renderer, made.frame(case.schema, rows), nasty)

    def _tier(self, case: Case, renderer: PromptRenderer) -> None:
        kind = "known" if case.known else "guessed"
        self.count[f"{kind}: {renderer.plan.tier}"] += 1
        if renderer.plan.why:
            self.why[renderer.plan.why] += 1

    def _frame(
        self,
        case: Case,
        reference: Renderer,
        renderer: PromptRenderer,
        frame: pl.DataFrame,
        nasty: bool,
    ) -> None:
        """Compare all ways to render one frame."""
        used = frame.select(
            name for name in frame.columns if name in renderer.plan.fields
        ) if renderer.plan.fields & set(frame.columns) else frame.select([])  # fmt: skip
        records = used.to_dicts() if used.width else [{} for _ in range(frame.height)]
        wanted = [_outcome(reference, row, key) for key, row in enumerate(records)]
        self.count["rows that fail"] += sum(outcome is None for outcome in wanted)
        if self.module is not None and not draws(case.prompt):
            self._promptsource(case, records, wanted)
        self._whole(case, renderer, frame, wanted, nasty)

    def _promptsource(
        self, case: Case, records: list[dict[str, Any]], wanted: list[Outcome]
    ) -> None:
        apply = own_apply(self.module, case.prompt)
        for row, want in zip(records, wanted, strict=True):
            if "|" in repr(row):
                self.count["promptsource: rows with pipes, not compared"] += 1
                continue
            try:
                made: tuple[str, ...] | None = tuple(apply(copy.deepcopy(row), False))
            except Exception:  # what PromptSource fails on, the reference must fail on
                made = None
            self.count["promptsource: rows"] += 1
            if _without_addresses(made) != _without_addresses(None if want is None else want[0]):
                self.differs("promptsource", case, want, made)

    def _whole(
        self,
        case: Case,
        renderer: PromptRenderer,
        frame: pl.DataFrame,
        wanted: list[Outcome],
        nasty: bool,
    ) -> None:
        before = renderer.report.fallen
        made = renderer.render(frame)
        fallen = renderer.report.fallen - before
        failing = sum(outcome is None for outcome in wanted)
        self.count[f"rendered, {_word(nasty)}"] += frame.height
        self.count[f"fell back needlessly, {_word(nasty)}"] += max(fallen - failing, 0)
        self.count["by expressions"] += (
            frame.height - fallen if renderer.plan.tier == "expressions" else 0
        )
        self.count["troubles"] += len(renderer.report.troubles)
        if (
            not nasty
            and renderer.plan.tier == "expressions"
            and fallen - failing > 0.01 * frame.height
        ):
            self.alarms.append(f"{case.dataset}, {case.prompt.name}")
        for row, want in zip(made.iter_rows(named=True), wanted, strict=True):
            ours = None
            if row["parts"]:
                parts = tuple(
                    part
                    for part in (row["input"], row["target"], *(row["rest"] or ()))
                    if part is not None
                )
                ours = (parts, None if row["options"] is None else tuple(row["options"]))
            if _without_addresses(ours) != _without_addresses(want):
                self.differs("whole", case, row, want)


def _without_addresses(value: object) -> str:
    """A prompt of the pool prints a method, whose address differs from run to run of anything."""
    return re.sub(r" at 0x[0-9a-f]+", " at 0x", repr(value))


def _word(nasty: bool) -> str:
    return "nasty" if nasty else "clean"


def _outcome(reference: Renderer, row: dict[str, Any], key: int) -> Outcome:
    try:
        made = reference.render(row, key)
    except RenderError:
        return None
    return made.parts, made.options


def main() -> None:
    """Check the pool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pool", type=Path)
    parser.add_argument("--schemas", type=Path)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=1, help="check every n-th template")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    started = time.monotonic()
    check, crashes, total = Check(promptsource(options.pool)), 0, 0
    for i, case in enumerate(cases(options.pool, options.schemas)):
        if i % options.every:
            continue
        total += 1
        try:
            check.template(case, options.rows, options.seed * 100_000 + i)
        except Exception as error:  # a crash is a finding, and the next template is checked
            crashes += 1
            print(
                f"CRASH {case.dataset}, {case.prompt.name}: {type(error).__name__}: {str(error)[:300]}"
            )
    _finish(check, crashes, total, time.monotonic() - started, options)


def _finish(
    check: Check, crashes: int, total: int, seconds: float, options: argparse.Namespace
) -> None:
    count = check.count
    known = sum(number for name, number in count.items() if name.startswith("known: "))
    compiled = count["known: expressions"]
    wrong = sum(number for name, number in count.items() if name.endswith(": mismatches"))
    for why, number in check.why.most_common(30):
        print(f"  {number:4d} not compiled: {why}")
    for alarm in check.alarms[:20]:
        print(f"  ALARM: clean rows fall back: {alarm}")
    print(json.dumps(dict(sorted(count.items())), indent=2))
    bars: dict[str, Bar] = {
        "compiled": (compiled / max(known, 1), 0.95, ">="),
        "mismatches": (wrong, 0, "<="),
        "crashes": (crashes, 0, "<="),
        "needless fallback on clean rows": (
            count["fell back needlessly, clean"] / max(count["rendered, clean"], 1), 0.01, "<="),
    }  # fmt: skip
    finish(
        "prompt_pool", bars, equal=wrong == 0, out=options.out, packages=["jinja2"],
        details={
            "templates": total, "rows each": options.rows, "seed": options.seed,
            "seconds": round(seconds),
            "counts": dict(sorted(count.items())),
            "not compiled, and why": dict(check.why.most_common()),
            "alarms": check.alarms,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
