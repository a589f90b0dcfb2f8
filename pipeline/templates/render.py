"""Prompts over frames: the best tier that a template has, and for odd rows the tiers below it.

    expressions   a program of polars expressions over whole columns
    python        generated Python over columns
    rows          Jinja, row by row, in a limited process

A row that a tier is not sure of goes to the next; the last one decides. What fell back is counted.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Literal

import polars as pl

from pipeline.errors import DataError
from pipeline.templates.lowered import lowered, names
from pipeline.templates.prompt import Prompt
from pipeline.templates.reference import RESERVED, Mode, Rendered
from pipeline.templates.rows import RowProgram
from pipeline.templates.sandbox import Sandbox
from pipeline.templates.table import SCHEMA, plain_columns, rendered_frame
from pipeline.templates.vector.compile import compile_program
from pipeline.templates.vector.program import BatchTooLargeError, Program
from pipeline.templates.vector.shapes import Facts, facts_of, facts_of_types
from pipeline.templates.vector.values import UnsupportedError

Tier = Literal["expressions", "python", "rows"]

BATCH_ROWS = 32_768
"""Rows of a batch: near full speed, and tens of megabytes."""
ALARM = 0.01
"""Share of rows that fall back beyond which a report is alarming."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a prompt will be rendered.

    Attributes:
        tier: The best one that it has, for rows of the schema that it was planned for.
        why: What keeps it from the tier above; empty for expressions.
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
        fallen: Rows that the plan's tier gave to a lower one.
        failed: Rows on which the template fails.
        worst: The highest share of fallen rows of a batch.
        troubles: Errors of the program itself, which sent whole batches to a lower tier.
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
        self.rows, self.fallen, self.failed = (
            self.rows + rows,
            self.fallen + fallen,
            self.failed + failed,
        )
        self.worst = max(self.worst, fallen / rows if rows else 0.0)


class PromptRenderer:
    """One prompt over frames of one schema. Use it in a `with`, which ends its process.

    Args:
        prompt: The prompt.
        schema: Columns and types of the frames; a field that it lacks is undefined.
        mode: How to render; `strict` has no tier but rows.
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
        self._lowered = lowered(prompt, self.mode, where=self.where)
        named = names(self._lowered.main) | names(self._lowered.choices or ())
        self._fields = [name for name in schema.names() if name in named]
        self._programs: dict[object, Program | None] = {}
        self._lock = Lock()
        self._sandbox = Sandbox(prompt, self.mode, where=self.where)
        self.report = Report()
        self.plan, self._rows = self._planned(schema, frozenset(named))

    def __enter__(self) -> "PromptRenderer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sandbox.close()

    def _planned(self, schema: pl.Schema, named: frozenset[str]) -> tuple[Plan, RowProgram | None]:
        if self.mode.strict:
            return Plan("rows", "undefined names are errors", named), None
        why, low = "", self._lowered
        try:
            known = facts_of_types({name: schema[name] for name in self._fields})
            compile_program(low, known, seed=self.mode.seed)
        except UnsupportedError as error:
            why = str(error)
        try:
            rows = RowProgram(
                low.main, low.choices, self._fields, seed=self.mode.seed, prompt_id=low.id
            )
        except (SyntaxError, RecursionError) as error:
            return Plan("rows" if why else "expressions", why or str(error), named), None
        return Plan("python" if why else "expressions", why, named), rows

    def render(self, frame: pl.DataFrame, first_key: int = 0) -> pl.DataFrame:
        """Render a frame.

        Args:
            frame: Rows of the schema.
            first_key: Number of its first row in its split, on which draws depend.

        Returns:
            As many rows, in columns of `SCHEMA`; never partly rendered.

        Raises:
            DataError: The prompt was stopped, see `sandbox`.
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
            return self.batch(narrow.slice(start, BATCH_ROWS), first_key + start)

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

    def batch(self, frame: pl.DataFrame, first_key: int) -> pl.DataFrame:
        """Render one batch, see `render`."""
        out = self._by_expressions(frame, first_key) if self.plan.tier == "expressions" else None
        if out is None:
            made, fallen = self._by_rows(frame, range(first_key, first_key + frame.height))
            fallen = frame.height if self.plan.tier == "expressions" else fallen
        else:
            made, fallen = self._mended(out, frame, first_key)
        with self._lock:
            self.report.add(frame.height, fallen, int((made["parts"] == 0).sum()))
        return made

    def _by_expressions(self, frame: pl.DataFrame, first_key: int) -> pl.DataFrame | None:
        program = self._program(facts_of(frame, frozenset(self._fields)))
        if program is None:
            return None
        try:
            return program.run(frame, first_key)
        except BatchTooLargeError:
            if frame.height == 1:
                return None
            half = frame.height // 2
            sides = (self._by_expressions(frame.slice(0, half), first_key),
                     self._by_expressions(frame.slice(half), first_key + half))  # fmt: skip
            known = [side for side in sides if side is not None]
            return pl.concat(known) if len(known) == len(sides) else None
        except pl.exceptions.PolarsError as error:
            with self._lock:
                self.report.troubles.append(f"{type(error).__name__}: {error}"[:200])
            return None

    def _program(self, facts: Facts) -> Program | None:
        with self._lock:
            if facts.key not in self._programs:
                try:
                    program = compile_program(self._lowered, facts, seed=self.mode.seed)
                except UnsupportedError:
                    program = None
                self._programs[facts.key] = program
            return self._programs[facts.key]

    def _mended(
        self, out: pl.DataFrame, frame: pl.DataFrame, first_key: int
    ) -> tuple[pl.DataFrame, int]:
        """Bring a program's output into the schema, bad rows rendered by the lower tiers."""
        whole = out.select(
            "input", "target", "parts", pl.lit(None, dtype=SCHEMA["rest"]).alias("rest"),
            pl.col("options") if "options" in out.columns
            else pl.lit(None, dtype=SCHEMA["options"]).alias("options"),
            pl.lit(None, dtype=pl.String).alias("error"),
        )  # fmt: skip
        bad = out["bad"]
        if not bad.any():
            return whole, 0
        at = bad.arg_true()
        rendered, _ = self._by_rows(frame.filter(bad), [first_key + i for i in at.to_list()])
        order = pl.int_range(0, whole.height, dtype=pl.UInt32, eager=True)
        order = order.scatter(
            at, pl.int_range(whole.height, whole.height + len(at), dtype=pl.UInt32, eager=True)
        )
        return pl.concat([whole, rendered])[order], len(at)

    def _by_rows(self, frame: pl.DataFrame, keys: range | list[int]) -> tuple[pl.DataFrame, int]:
        """Render by generated Python, and what it is not sure of in the limited process."""
        made: list[Rendered | str | None] = [None] * frame.height
        with self._lock:
            if self._rows is not None:
                made = list(self._rows.run(plain_columns(frame.select(self._fields)), keys))
            left = [i for i, value in enumerate(made) if value is None]
            if left:
                rows = (
                    frame.select(self._fields)[left].to_dicts()
                    if self._fields
                    else [{} for _ in left]
                )
                for i, value in zip(
                    left, self._sandbox.render(rows, [keys[i] for i in left]), strict=True
                ):
                    made[i] = value
        return rendered_frame(made), len(left)
