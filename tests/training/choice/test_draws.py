import numpy as np

from pipeline.training.choice.draws import uniforms

GOLDEN = [0.224019302109, 0.336662229945, 0.437522564234, 0.989122986318]


def test_draws_are_fixed_forever():
    draws = uniforms(7, np.array([0, 0, 1, 10**12]), np.array([0, 1, 0, 3]))
    assert np.round(draws, 12).tolist() == GOLDEN


def test_a_draw_does_not_depend_on_its_neighbours():
    first, second = np.meshgrid(np.arange(50), np.arange(20), indexing="ij")
    all_of_them = uniforms(3, first, second)
    assert all_of_them[17, 5] == uniforms(3, np.array([17]), np.array([5]))[0]
    assert (uniforms(3, first[::-1], second[::-1])[::-1] == all_of_them).all()


def test_draws_are_uniform_and_unrelated_between_counters_and_keys():
    first, second = np.meshgrid(np.arange(400), np.arange(100), indexing="ij")
    draws = uniforms(1, first, second)
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert abs(counts / draws.size - 0.05).max() < 0.005
    for other in (draws[1:].ravel(), draws[:, 1:].ravel(), uniforms(2, first, second).ravel()):
        shape = {39_900: draws[:-1], 39_600: draws[:, :-1], 40_000: draws}[other.size]
        assert abs(np.corrcoef(shape.ravel(), other)[0, 1]) < 0.02
