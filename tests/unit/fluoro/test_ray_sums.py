"""The projector's compiled loops sum up the same in the process that compiled them and in those that load them."""

import os
import subprocess
import sys

# 500 rays through random tissue, three kinds of marked voxels on the way: what all three loops sum up, as bytes.
SUMS = """
import hashlib
import numpy as np
from planner.fluoro.ray_sums import cast_few, cast_many, cast_tissue

drawn = np.random.default_rng(5)
shape = np.array([24, 31, 40])
tissue = drawn.integers(0, 3000, shape.prod()).astype(np.uint16)
marked = drawn.integers(0, 4, shape.prod()).astype(np.uint8)
knees = np.array([1000.0, 1500.0], np.float32)
shares = np.array([[1e-3, -5e-4, -5e-4], [0.0, 5e-4, 1e-3]], np.float32)
source = np.array([12.0, -300.0, 20.0])
ends = np.stack([drawn.uniform(-4, 28, 500), np.full(500, 340.0), drawn.uniform(-4, 44, 500)], axis=1)
edges = np.diag([1.0, 0.5, 0.7])
sums = np.zeros((2, 500), np.float32)
cast_tissue(tissue, shape, knees, shares, source, ends, edges, 0, 500, sums)
few, many = np.zeros((3, 500), np.float32), np.zeros((3, 500), np.float32)
cast_few(marked, shape, source, ends, edges, few)
cast_many(marked, shape, source, ends, edges, many)
assert sums.any() and few.any() and (few == many).all()
print(hashlib.sha256(b"".join(part.tobytes() for part in (sums, few, many))).hexdigest())
"""


def test_a_first_run_and_the_next_sum_up_the_same_to_the_last_digit(tmp_path):
    own = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", SUMS], env=own, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert list(tmp_path.rglob("*.nbi")), "the first one kept what it compiled"
    assert len(first.strip()) == 64 and first == second
