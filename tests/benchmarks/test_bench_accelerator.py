"""The script that measures an accelerator, at toy size on the CPU."""

import json
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    from benchmarks import bench_accelerator

    yield bench_accelerator
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def test_all_of_it_runs_at_toy_size(bench, tmp_path, capsys):
    out = tmp_path / "accelerator.json"
    with pytest.raises(SystemExit) as ended:
        bench.main(["--tiny", "--rounds", "2", "--out", str(out)])
    assert ended.value.code == 0
    result = json.loads(out.read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == result
    assert (result["equal"], result["bars"]) == (True, {})
    assert result["details"]["tiny"]
    assert sorted(result["details"]["models"]) == ["decoder", "large", "minilm"]
    for figures in result["details"]["models"].values():
        assert figures["tokens_per_second"] > 0
        assert figures["mfu"] > 0


def test_the_formula_agrees_with_a_count_by_hand(bench):
    """Two weights of a multiply-add, three passes: 6 x weights, and attention on top."""
    case = bench.CASES["large"]
    weights = 24 * 12 * 1024**2
    attention = 24 * 12 * 1024 * 256
    assert bench.flops_of_token(case, masked_half=True) == 6 * weights + attention
    decoder = bench.CASES["decoder"]
    weights = 16 * (2 * 2048**2 + 2 * 2048 * 512 + 3 * 2048 * 8192) + 2048 * 32000
    attention = 16 * 12 * 2048 * 2048 / 2
    assert bench.flops_of_token(decoder, masked_half=True) == 6 * weights + attention


def test_without_an_accelerator_nothing_is_written(bench, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        bench.main(["--out", str(tmp_path / "accelerator.json")])
    assert ended.value.code == 0
    assert "no accelerator is at hand: nothing was measured" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
