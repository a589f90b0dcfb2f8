"""What a person sees of a training: a bar on a terminal, a line now and then in a log."""

import os
import sys
from typing import Any

from tqdm import tqdm

from pipeline.training.launch import TERMINAL


class _Lines(tqdm):  # type: ignore[misc]
    """Prints whole lines in place of a bar: one after ten seconds, then one a minute."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Print where the training is; at the end the bar itself adds the newline."""
        self.fp.write(f"{self}" if self.disable else f"{self}\n")
        self.mininterval = 60.0


def progress_bar(*, first: bool, steps: int, done: int) -> Any:
    """Return a `tqdm` bar: none but on the first rank; lines where there is no terminal.

    Args:
        first: Whether this is the first rank.
        steps: Of the whole run.
        done: Steps that an earlier process did.
    """
    common = {
        "total": steps,
        "initial": done,
        "desc": "train",
        "unit": "step",
        "disable": not first,
    }
    if sys.stderr.isatty() or os.environ.get(TERMINAL):
        return tqdm(**common, delay=2, leave=False)
    line = "{desc}: step {n_fmt} of {total_fmt}{postfix}, {elapsed} so far, {remaining} left"
    return _Lines(**common, delay=10, mininterval=10, miniters=1, leave=True, bar_format=line)


def show_figures(bar: Any, *, loss: float, tokens: float, padding: float) -> None:
    """Put figures behind the bar, without drawing it.

    Args:
        bar: From `progress_bar`.
        loss: Of the newest line of the log.
        tokens: That this process's training has read since the bar began, over all ranks.
        padding: Share of the cells that were padding, in [0, 1].
    """
    speed = tokens / max(1e-9, bar.format_dict["elapsed"])
    bar.set_postfix_str(
        f"loss {loss:.4f}, {speed:,.0f} tokens/s, padding {padding:.1%}", refresh=False
    )
