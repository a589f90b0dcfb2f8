"""Randomness belongs to a seed and to names, and to nothing else."""

import subprocess
import sys

import numpy as np

from pipeline.seeds import STEP, derive_rng, derive_seed, hashed


def test_seeds_are_golden():
    assert derive_seed(13, "order", "sums", 0) == 1160462007324507610
    assert derive_rng(13, "order").integers(0, 1000, 4).tolist() == [331, 68, 775, 1]


def test_numbers_and_their_text_are_the_same_name():
    assert derive_seed(1, "epoch", 2) == derive_seed(1, "epoch", "2")


def test_joined_names_do_not_collide():
    assert derive_seed(1, "ab", "c") != derive_seed(1, "a", "bc")


def test_another_process_with_another_hash_seed_draws_the_same():
    code = "from pipeline.seeds import derive_seed; print(derive_seed(5, 'a', 'b'))"
    draws = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": salt, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for salt in ("0", "1")
    }
    assert draws == {f"{derive_seed(5, 'a', 'b')}\n"}


def test_words_are_hashed_as_splitmix64_does():
    """The first numbers of the published generator, seeded with 0."""
    states = np.arange(1, 4, dtype=np.uint64) * STEP
    assert hashed(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
