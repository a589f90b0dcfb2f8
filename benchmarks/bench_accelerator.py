"""How much of an accelerator the trainer's own step uses: tokens/s and model FLOP utilisation.

The ceiling is measured, not read from a data sheet: the median speed of a large bfloat16 matrix product
on the same device in the same process. A step is `training.loop.one_step`: batch from the view, forward
in bfloat16 autocast, backward, gradients summed, clipped, AdamW in float32. Weights are random and
sequences full, so that nothing is padding; three models:

- `minilm`: 6 layers of width 384, the size of MiniLM-L6, sequences of 128 tokens
- `large`: 24 layers of width 1,024 and 128,100 words, the size of DeBERTa-v3-large, 256 tokens;
  attention as in BERT, since the disentangled one has no fused kernel
- `decoder`: 16 layers of width 2,048, 1.0 billion weights, a causal loss on every token of 2,048

FLOPs of the model: six for each weight of a matrix and token, and twelve for each layer, width and key
that a token attends to; half of the keys in the decoder, which sees none to its right. Embedding
look-ups, norms and what recomputing adds do not count. The formula is compared with torch's own counter
first.

Without an accelerator nothing is measured: `--tiny` runs all of it on the CPU in seconds, with models of
toy size, to see that it works; its figures mean nothing.

Usage: python -m benchmarks.bench_accelerator [--tiny] [--rounds 7] [--models minilm large decoder]
       [--compile] [--out FILE]
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch

from benchmarks.accelerator_models import CASES, Case, begun, counted_equal, flops_of_token, tiny
from benchmarks.harness import Bar, finish
from pipeline.training.loop import gradients, one_step

WARM_UP = 3


def seconds(act: Callable[[], object], device: torch.device) -> float:
    """Return how long something takes on the device, all of it."""
    wait(device)
    started = time.perf_counter()
    act()
    wait(device)
    return time.perf_counter() - started


def wait(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ceiling(device: torch.device, *, size: int, rounds: int) -> float:
    """Return the FLOPs a second of a bfloat16 product of two square matrices, the median of rounds."""
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(WARM_UP):
        left @ right
    times = [seconds(lambda: [left @ right for _ in range(10)], device) / 10 for _ in range(rounds)]
    return 2.0 * size**3 / median(times)


def measured(
    case: Case, device: torch.device, top: float, *, rounds: int, compiled: bool
) -> dict[str, float]:
    """Time whole steps, and the parts of one.

    Returns:
        Tokens a second, utilisation of the ceiling, milliseconds of a step and of its gradients, share
        of the step outside forward and backward, and gigabytes of the device's memory at most.
    """
    training = begun(case, device, compiled=compiled)
    for _ in range(WARM_UP):
        one_step(training)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    steps, passes = [], []
    for _ in range(rounds):
        steps.append(seconds(lambda: one_step(training), device))
        passes.append(seconds(lambda: gradients(training), device))
    training.batches.close()
    tokens = case.tokens * case.sequences * case.micro / median(steps)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return {
        "tokens_per_second": round(tokens, 1),
        "mfu": round(tokens * flops_of_token(case, masked_half=True) / top, 4),
        "step_ms": round(median(steps) * 1e3, 3),
        "gradients_ms": round(median(passes) * 1e3, 3),
        "outside_passes": round(1 - median(passes) / median(steps), 4),
        "memory_gb": round(peak / 1e9, 2),
        "weights_million": round(
            sum(p.numel() for p in training.view.parameters().values()) / 1e6, 1
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the named models and print what was found."""
    given = parsed(arguments)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if not given.tiny and not torch.cuda.is_available():
        print(
            "no accelerator is at hand: nothing was measured (--tiny tries the script on the CPU)"
        )
        finish("accelerator", {}, equal=True, packages=("torch", "transformers"))
    device = torch.device("cpu" if given.tiny else "cuda")
    torch.use_deterministic_algorithms(True)  # as a training does
    cases = [tiny(CASES[name]) if given.tiny else CASES[name] for name in given.models]
    equal = all(counted_equal(case) for case in cases)
    top = ceiling(device, size=256 if given.tiny else 8192, rounds=given.rounds)
    print(f"bfloat16 product: {top / 1e12:.3f} TFLOP/s on {named(device)}")
    found, bars = {}, dict[str, Bar]()
    for case in cases:
        figures = measured(case, device, top, rounds=given.rounds, compiled=given.compile)
        print(f"{case.name:8s}", ", ".join(f"{key} {value:,}" for key, value in figures.items()))
        found[case.name] = figures
        if case.bar is not None:
            bars[f"mfu_{case.name}"] = (figures["mfu"], case.bar, ">=")
    details = {"device": named(device), "ceiling_tflops": round(top / 1e12, 3), "models": found}
    finish(
        "accelerator",
        bars,
        equal=equal,
        out=given.out,
        details={**details, "tiny": given.tiny, "compiled": given.compile},
        packages=("torch", "transformers"),
    )


def named(device: torch.device) -> str:
    """Return the device's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench_accelerator")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", nargs="+", choices=sorted(CASES), default=list(CASES))
    parser.add_argument("--out", type=Path)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
