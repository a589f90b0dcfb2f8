"""Prompts: compiled programs against Jinja with cached templates, and against PromptSource's own `apply`.

Own prompts over made-up rows of real length: affine ones (fields, literals, options by label), nested
fields, branches, loops, draws. With a checkout of the public pool (see `check_pool`) also every template
of it, on
synthetic rows of its schema. Outputs are compared row by row first; looking at a batch for nulls
and pipes counts
as our time. Streaming renders ten million rows batch by batch in a process of its own and reads its peak
memory.

Usage: python -m benchmarks.bench_prompts [--pool POOL --schemas HUB/datasets] [--rounds 5] [--every 1]
       [--stream 10000000] [--out FILE]
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import polars as pl

from benchmarks.check_pool import cases
from benchmarks.harness import Bar, Contender, finish, ratio, rotate, show
from benchmarks.pool_rows import Rows, constants
from benchmarks.promptsource_peer import cached, draws, own_apply, promptsource
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import Mode, Renderer, RenderError
from pipeline.templates.render import BATCH_ROWS, PromptRenderer

ROWS, SLOW_ROWS, APPLY_ROWS = 400_000, 4_000, 200
POOL_ROWS, POOL_SLOW_ROWS = 4 * BATCH_ROWS, 200
LABELLED = "{{ answer_choices[label] }}"
OWN = [
    ("affine: fields", True,
     "Read this: {{context}}\nQuestion: {{question}}\nAnswer: ||| {{target}}", None),
    ("affine: options by label", True,
     "{{context}}\n\nDoes it follow that \"{{question}}\"? ||| " + LABELLED, "yes ||| maybe ||| no"),
    ("affine: options in the text", True,
     "{{context}} Is it {{answer_choices[0]}}, {{answer_choices[1]}} or {{answer_choices[2]}}? ||| "
     + LABELLED,
     "right ||| open ||| wrong"),
    ("branches", False,
     "{{context}} {% if label == 0 %}Yes{% elif label == 1 %}Maybe{% else %}No{% endif %}?"
     " ||| {{target}}",
     None),
    ("nested fields", False, "{{record.title}}: {{context}} ||| {{ record.answers[0] }}", None),
    ("options of the row", False, "{{question}}\n- {{ choices | join('\\n- ') }} ||| " + LABELLED,
     "{{ choices | join('|||') }}"),
    ("loop", False,
     "{{question}} {% for c in choices %}{{loop.index}}) {{c}}\n{% endfor %} ||| {{ choices[label] }}",
     None),
    ("draw", False,
     "{{ ['Read', 'Look at', 'See'] | choice }} {{context}} ||| {{ choices | choice }}", None),
]  # fmt: skip
"""Name, whether it is affine, template, answer choices."""


@dataclass
class Timed:
    """Rows a second of one template."""

    ours: float
    jinja: float
    apply: float | None


def made_up(rows: int) -> pl.DataFrame:
    """Return rows of real length."""
    rng = random.Random(0)
    words = [
        a + b
        for a in ("ba", "ko", "li", "mu", "ren", "tas", "né", "win")
        for b in ("do", "ter", "ish", "zu")
    ]

    def text(most: int) -> str:
        return " ".join(rng.choices(words, k=rng.randint(most // 3, most)))

    texts = [text(40) for _ in range(2_000)]
    short = [text(9) for _ in range(2_000)]
    picked = [rng.randrange(2_000) for _ in range(rows)]
    return pl.DataFrame(
        {
            "context": [texts[i] for i in picked], "question": [short[i] for i in picked],
            "target": [short[-i] for i in picked], "label": [i % 3 for i in picked],
            "choices": [[short[i], short[i - 1], short[i - 2]] for i in picked],
            "record": [{"title": short[i], "answers": [short[i - 3]]} for i in picked],
        }
    )  # fmt: skip


def equal(prompt: Prompt, frame: pl.DataFrame, module: Any | None) -> bool:
    """Whether a frame comes out as the reference, cached Jinja and PromptSource make it, row by row."""
    with PromptRenderer(prompt, frame.schema) as renderer:
        made = renderer.render(frame)
    reference, jinja = Renderer(prompt, Mode(), where=prompt.name), cached(prompt)
    apply = None if module is None or draws(prompt) else own_apply(module, prompt)
    for key, (row, ours) in enumerate(
        zip(frame.to_dicts(), made.iter_rows(named=True), strict=True)
    ):
        try:
            want = list(reference.render(row, key).parts)
        except RenderError:
            if ours["parts"]:
                return False
            continue
        got = [ours["input"], ours["target"], *(ours["rest"] or ())][: ours["parts"]]
        if got != want or (not draws(prompt) and jinja(row)[0] != want):
            return False
        if apply is not None and apply(row, False) != want:
            return False
    return True


def tried(
    function: Callable[[Mapping[str, Any]], object], rows: list[dict[str, Any]]
) -> Callable[[], None]:
    """Return a run of a row renderer over rows, on some of which the template may fail."""

    def run() -> None:
        for row in rows:
            try:
                function(row)
            except Exception:  # the template's own failure
                continue

    return run


def own_prompts(rounds: int, module: Any | None) -> tuple[dict[str, Bar], dict[str, Any], bool]:
    """Time the own prompts; return bars, speeds and whether all outputs were equal."""
    frame, affine, details, same = made_up(ROWS), [], {}, True
    over_jinja: list[float] = []
    over_apply: list[float] = []
    for name, is_affine, jinja, choices in OWN:
        prompt = Prompt("own", name, jinja, choices)
        same &= equal(prompt, frame.head(300), module)
        if not same:
            print(f"{name}: outputs differ")
            break
        speeds = rotate(list(contenders(prompt, frame, module)), rounds=rounds)
        show(name, speeds, "rows/s")
        details[name] = {contender: round(median(values)) for contender, values in speeds.items()}
        affine += [median(speeds["ours"])] if is_affine else []
        over_jinja.append(ratio(speeds, "ours", "jinja, cached"))
        if "PromptSource" in speeds:
            over_apply.append(ratio(speeds, "ours", "PromptSource"))
    bars: dict[str, Bar] = {}
    if affine and over_jinja:
        bars["affine rows/s, the slowest"] = (min(affine), 2e6, ">=")
        bars["own prompts over cached jinja, median"] = (median(over_jinja), 20, ">=")
    if over_apply:
        bars["own prompts over PromptSource's apply, median"] = (median(over_apply), 500, ">=")
    return bars, details, same


def contenders(prompt: Prompt, frame: pl.DataFrame, module: Any | None) -> Iterator[Contender]:
    """Yield ours and the peers, each over as many rows as it takes a while for."""
    renderer = PromptRenderer(prompt, frame.schema)

    def ours() -> None:
        for _ in renderer.stream(frame):
            pass

    yield Contender("ours", ours, frame.height)
    rows = frame.head(SLOW_ROWS).to_dicts()
    yield Contender("jinja, cached", tried(cached(prompt), rows), len(rows))
    if module is not None:
        apply, few = own_apply(module, prompt), rows[:APPLY_ROWS]
        yield Contender("PromptSource", tried(lambda row: apply(row, True), few), len(few))


def over_pool(
    options: argparse.Namespace, module: Any | None
) -> tuple[dict[str, Bar], dict[str, Any], bool]:
    """Time every template of the pool that has a program; see `own_prompts`."""
    timed: list[Timed] = []
    for i, case in enumerate(cases(options.pool, options.schemas)):
        if i % options.every or not case.known:
            continue
        texts = constants(case.prompt.jinja, case.prompt.answer_choices)
        frame = Rows(i, nasty=False, texts=texts).frame(case.schema, POOL_SLOW_ROWS)
        if not equal(case.prompt, frame.head(20), None):
            print(f"{case.dataset}, {case.prompt.name}: outputs differ")
            return {}, {}, False
        one = pool_template(case.prompt, frame, module)
        timed += [one] if one is not None else []
    ratios = [one.ours / one.jinja for one in timed]
    cuts = [round(cut, 1) for cut in quantiles(ratios, n=20)]
    bars: dict[str, Bar] = {"pool over cached jinja, median": (median(ratios), 50, ">=")}
    applied = [one.ours / one.apply for one in timed if one.apply]
    if applied:
        bars["pool over PromptSource's apply, median"] = (median(applied), 500, ">=")
    details = {
        "templates": len(timed), "rows/s, median": round(median(one.ours for one in timed)),
        "jinja rows/s, median": round(median(one.jinja for one in timed)),
        "over jinja at 5, 25, 50, 75, 95 %": [cuts[0], cuts[4], cuts[9], cuts[14], cuts[18]],
    }  # fmt: skip
    return bars, details, True


def pool_template(prompt: Prompt, frame: pl.DataFrame, module: Any | None) -> Timed | None:
    """Time one template: the best of a few runs of each, in turn; None where it has no program."""
    used_rows = frame.to_dicts()
    big = pl.concat([frame] * (POOL_ROWS // frame.height), rechunk=True)
    with PromptRenderer(prompt, frame.schema) as renderer:
        if renderer.plan.tier != "expressions":
            return None
        fields = [name for name in frame.columns if name in renderer.plan.fields] or frame.columns[
            :1
        ]
        big, used_rows = big.select(fields), frame.select(fields).to_dicts()

        def expressions() -> None:
            """The programs alone, batch by batch on two workers as `stream` runs them."""
            with ThreadPoolExecutor(2) as pool:
                starts = range(0, big.height, BATCH_ROWS)
                list(
                    pool.map(lambda i: renderer.by_expressions(big.slice(i, BATCH_ROWS), i), starts)
                )

        jinja = tried(cached(prompt), used_rows)
        runs: list[tuple[Callable[[], object], int]] = [
            (expressions, big.height),
            (jinja, len(used_rows)),
        ]
        if module is not None:
            apply = own_apply(module, prompt)
            few = used_rows[:20]
            runs.append((tried(lambda row: apply(row, True), few), len(few)))
        best = [0.0] * len(runs)
        for _ in range(3):
            for j, (run, rows) in enumerate(runs):
                started = time.perf_counter()
                run()
                best[j] = max(best[j], rows / (time.perf_counter() - started))
    return Timed(best[0], best[1], best[2] if len(best) > 2 else None)


def stream(rows: int) -> None:
    """Render many rows batch by batch; print how many, and the peak of the process's memory in MB."""
    base = made_up(BATCH_ROWS)
    prompt = Prompt("own", "stream", OWN[1][2], OWN[1][3])
    done = 0
    with PromptRenderer(prompt, base.schema) as renderer:
        while done < rows:
            for part in renderer.stream(base, done):
                done += part.height
    # `ru_maxrss` of a child starts at its parent's
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    print(f"{done} {peak // 1024}")


def streamed(rows: int) -> dict[str, float]:
    """Run `stream` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_prompts", "--only-stream", str(rows)]
    started = time.perf_counter()
    out = subprocess.run(
        command, check=True, capture_output=True, text=True, env=dict(os.environ)
    ).stdout
    done, peak = map(int, out.split())
    seconds = time.perf_counter() - started
    return {"rows": done, "peak MB": peak, "rows/s": round(done / seconds)}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--schemas", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="time every n-th template of the pool")
    parser.add_argument("--stream", type=int, default=10_000_000)
    parser.add_argument("--only-stream", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.only_stream:
        stream(options.only_stream)
        return
    module = promptsource(options.pool) if options.pool else None
    bars, details, same = own_prompts(options.rounds, module)
    if same and options.pool:
        more, pool, same = over_pool(options, module)
        bars, details = bars | more, details | {"pool": pool}
    if same:
        details["stream"] = streamed(options.stream)
        bars["peak memory of 10 M rows streamed, MB"] = (details["stream"]["peak MB"], 1000, "<=")
    finish("prompts", bars, equal=same, out=options.out, details=details, packages=["jinja2"])


if __name__ == "__main__":
    main()
