import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from numba.core import caching
# what numba does where neither the package's folder nor the home can be written
caching.CacheImpl._locator_classes = []
from pipeline.mixing.order.jit import compiled

@compiled
def double(x):
    return 2 * x

print(double(21))
"""


def test_without_a_folder_to_write_to_functions_are_compiled_in_memory(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "42\n"


def test_a_small_mixture_is_ordered_without_loading_the_compiler():
    code = (
        "import sys; from pipeline.contract.order import Draw;"
        "from pipeline.mixing.order import epoch_rows, mixture_order;"
        "mixture_order([Draw(task='a', start=0, rows=500, quota=1200)], seed=1);"
        "epoch_rows('a', 500, 2, seed=1); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
