"""`python -m benchmarks [NAME ...]`: run all benchmarks, or those named, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run them; return 1 if one misses a bar."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(
            f"error: no benchmark named '{unknown[0]}'; known: {', '.join(known)}", file=sys.stderr
        )
        return 2
    codes = []
    for name in names or known:
        out = HERE / "results" / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.bench_{name}", "--out", str(out)]
        print(f"\n== {name}", flush=True)
        codes.append(subprocess.run(command, check=False, cwd=HERE.parent).returncode)
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
