"""Prompts over frames: a compiled program where the template has one, Jinja for all else.

    expressions   a program of polars expressions over whole columns
    jinja         Jinja, row by row, in a limited process

Rows that a program is not sure of go to Jinja as well. They are counted.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, Literal

import polars as pl

from pipeline.errors import DataError
from pipeline.templates.prompt import RESERVED, Prompt
from pipeline.templates.reference import Mode, Rendered
from pipeline.templates.sandbox import Sandbox
from pipeline.templates.syntax import fields
from pipeline.templates.vector.compile import compile_program, parsed
from pipeline.templates.vector.program import BatchTooLargeError, Program, text_bytes
from pipeline.templates.vector.values import Shape, UnsupportedError, shape_of, shape_of_type

Tier = Literal["expressions", "jinja"]

BATCH_ROWS = 32_768
"""Rows of a batch: near full speed, and tens of megabytes."""
ALARM = 0.01
"""Share of rows that fall back beyond which a report is alarming."""
FREE_BYTES = 64 << 20
"""Text that a prompt may always make, in bytes."""
ROW_BYTES = 4 << 10
"""Text that a prompt may make for a row besides, in bytes."""
GROWTH = 4
"""How many times its template and the fields that it reads a prompt may make besides."""

SCHEMA = pl.Schema(
    {
        "input": pl.String(), "target": pl.String(), "parts": pl.UInt8(),
        "rest": pl.List(pl.String()), "options": pl.List(pl.String()), "error": pl.String(),
    }
)  # fmt: skip
"""What a rendered row holds.

`parts` counts the texts between separators: 0 = failed, see `error`; 1 = the whole template was skipped,
`target` is null; 2 as a rule; what is beyond stands in `rest`.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a prompt will be rendered.

    Attributes:
        tier: Who renders it, for rows of the schema that it was planned for.
        why: What keeps it from being compiled; empty where it is.
        fields: Columns that it names, whether or not the schema has them.
    """

    tier: Tier
    why: str
    fields: frozenset[str]


@dataclass(slots=True)
class Report:
    """What rendering took, summed over batches.

    Attributes:
        rows: Rendered rows.
        fallen: Rows that a compiled program left to Jinja.
        failed: Rows on which the template fails.
        worst: The highest share of fallen rows of a batch.
        troubles: Errors of the program itself, which sent whole batches to Jinja.
    """

    rows: int = 0
    fallen: int = 0
    failed: int = 0
    worst: float = 0.0
    troubles: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Share of rows that fell back, in [0, 1]."""
        return self.fallen / self.rows if self.rows else 0.0

    @property
    def alarming(self) -> bool:
        """Whether more than `ALARM` of all rows fell back."""
        return self.rate > ALARM

    def add(self, rows: int, fallen: int, failed: int) -> None:
        """Count a batch."""
        self.rows += rows
        self.fallen += fallen
        self.failed += failed
        self.worst = max(self.worst, fallen / rows if rows else 0.0)


class PromptRenderer:
    """One prompt over frames of one schema. Use it in a `with`, which ends its process.

    Args:
        prompt: The prompt.
        schema: Columns and types of the frames; a field that it lacks is undefined.
        mode: How to render; `strict` is Jinja's alone.
        where: The prompt's place for errors.

    Raises:
        ConfigError: The template is not allowed, see `syntax.parse`.
        DataError: The rows have a column of the name that prompts reserve.
    """

    def __init__(
        self, prompt: Prompt, schema: pl.Schema, mode: Mode | None = None, *, where: str = ""
    ) -> None:
        self.mode = mode or Mode()
        self.where = where or f"prompt '{prompt.name}'"
        if RESERVED in schema:
            raise DataError(
                f"the rows have a column '{RESERVED}', a name that prompts reserve",
                where=self.where,
            )
        self._parsed = parsed(prompt, where=self.where)
        named = fields(self._parsed.main)
        named |= fields(self._parsed.choices) if self._parsed.choices else set()
        self._fields = [name for name in schema.names() if name in named]
        self._programs: dict[object, Program | str] = {}
        self._lock = Lock()
        self._sandbox = Sandbox(prompt, self.mode, where=self.where)
        self._source = len(f"{prompt.jinja}{prompt.answer_choices or ''}".encode())
        self._room = FREE_BYTES
        self.report = Report()
        why = "undefined names are errors"
        if not self.mode.strict:
            made = self._program({name: shape_of_type(schema[name]) for name in self._fields})
            why = made if isinstance(made, str) else ""
        self.plan = Plan("jinja" if why else "expressions", why, frozenset(named))

    def __enter__(self) -> "PromptRenderer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sandbox.close()

    def render(self, frame: pl.DataFrame, first_key: int = 0) -> pl.DataFrame:
        """Render a frame.

        Args:
            frame: Rows of the schema.
            first_key: Number of its first row in its split, on which draws depend.

        Returns:
            As many rows, in columns of `SCHEMA`; never partly rendered.

        Raises:
            DataError: The prompt was stopped, see `sandbox`, or makes too much text.
        """
        parts = list(self.stream(frame, first_key))
        return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)

    def stream(
        self, frame: pl.DataFrame, first_key: int = 0, *, workers: int = 2
    ) -> Iterator[pl.DataFrame]:
        """Render a frame batch by batch, in order; see `render`.

        At most `workers + 1` batches are held at a time.
        """
        starts = range(0, frame.height, BATCH_ROWS)
        narrow = frame.select(self._fields) if self._fields else frame

        def one(start: int) -> pl.DataFrame:
            return self._batch(narrow.slice(start, BATCH_ROWS), first_key + start)

        if len(starts) < 2 or workers < 2:
            yield from map(one, starts)
            return
        with ThreadPoolExecutor(workers) as pool:
            pending = [pool.submit(one, start) for start in starts[:workers]]
            for start in [*starts[workers:], *[None] * len(pending)]:
                done = pending.pop(0).result()
                if start is not None:
                    pending.append(pool.submit(one, start))
                yield done

    def _batch(self, frame: pl.DataFrame, first_key: int) -> pl.DataFrame:
        per_row = ROW_BYTES + GROWTH * self._source
        read = sum(text_bytes(frame[name]) for name in self._fields)
        self._spend(-frame.height * per_row - GROWTH * read)
        compiled = self.plan.tier == "expressions"
        out = self.by_expressions(frame, first_key) if compiled else None
        if out is None:
            made = self._by_jinja(frame, range(first_key, first_key + frame.height))
            fallen = frame.height if compiled else 0
        else:
            made, fallen = self._mended(out, frame, first_key)
        with self._lock:
            self.report.add(frame.height, fallen, int((made["parts"] == 0).sum()))
        return made

    def _spend(self, size: int) -> None:
        """Count bytes of text that were made; negative ones are made room for."""
        with self._lock:
            self._room -= size
            spent = self._room < 0
        if spent:
            raise DataError(
                "the prompt was stopped: it makes too much text", where=self.where,
                expected=f"at most {FREE_BYTES >> 20} MB, {ROW_BYTES >> 10} KB a row and {GROWTH} times "
                "the text of the template and of the fields",
                remedy="look at the template for loops and repetitions",
            )  # fmt: skip

    def by_expressions(self, frame: pl.DataFrame, first_key: int) -> pl.DataFrame | None:
        """Return what the program makes of a batch, see `Program.run`; None where it has none."""
        program = self._program({name: shape_of(frame[name]) for name in self._fields})
        if isinstance(program, str):
            return None
        try:
            out = program.run(frame, first_key)
        except BatchTooLargeError:
            if frame.height == 1:
                return None
            half = frame.height // 2
            first = self.by_expressions(frame.slice(0, half), first_key)
            if first is None:
                return None
            second = self.by_expressions(frame.slice(half), first_key + half)
            return None if second is None else pl.concat([first, second])
        except UnsupportedError:
            return None
        except pl.exceptions.PolarsError as error:
            with self._lock:
                self.report.troubles.append(f"{type(error).__name__}: {error}"[:200])
            return None
        self._spend(text_bytes(out["input"]) + text_bytes(out["target"]))
        return out

    def _program(self, shapes: dict[str, Shape]) -> Program | str:
        """Return the program for batches of some shapes, or what keeps it from having one."""
        key = tuple(shapes.items())
        with self._lock:
            if key not in self._programs:
                try:
                    made = compile_program(self._parsed, shapes, seed=self.mode.seed)
                except (UnsupportedError, RecursionError) as error:
                    self._programs[key] = str(error)
                else:
                    self._programs[key] = made
            return self._programs[key]

    def _mended(
        self, out: pl.DataFrame, frame: pl.DataFrame, first_key: int
    ) -> tuple[pl.DataFrame, int]:
        """Bring a program's output into the schema, bad rows rendered by Jinja."""
        whole = out.select(
            "input", "target", "parts", pl.lit(None, dtype=SCHEMA["rest"]).alias("rest"),
            pl.col("options") if "options" in out.columns
            else pl.lit(None, dtype=SCHEMA["options"]).alias("options"),
            pl.lit(None, dtype=pl.String).alias("error"),
        )  # fmt: skip
        at = out["bad"].arg_true()
        if not len(at):
            return whole, 0
        rendered = self._by_jinja(frame[at], [first_key + i for i in at.to_list()])
        order = pl.int_range(0, whole.height, dtype=pl.UInt32, eager=True)
        order = order.scatter(
            at, pl.int_range(whole.height, whole.height + len(at), dtype=pl.UInt32, eager=True)
        )
        return pl.concat([whole, rendered])[order], len(at)

    def _by_jinja(self, frame: pl.DataFrame, keys: Sequence[int]) -> pl.DataFrame:
        rows = frame.select(self._fields).to_dicts() if self._fields else [{} for _ in keys]
        made = []
        with self._sandbox.lock:
            for value in self._sandbox.render(rows, keys):
                texts = () if isinstance(value, str) else (*value.parts, *(value.options or ()))
                self._spend(sum(len(text) for text in texts))
                made.append(_row(value))
        return pl.DataFrame(made, schema=SCHEMA, orient="row")


def _row(value: Rendered | str) -> tuple[Any, ...]:
    """Return a rendered row in columns of `SCHEMA`."""
    if isinstance(value, str):
        return (None, None, 0, None, None, value)
    first, *others = value.parts
    target = others[0] if others else None
    options = None if value.options is None else list(value.options)
    return (first, target, min(len(value.parts), 255), others[1:] or None, options, None)
