"""Settings of all tests."""

import os
import sys

# as many tests run at once as there are processors, so each takes one thread unless it says more;
# threads of matrix products, which numpy and torch count when they are loaded, get in the way most
for name in ("SGDPHYS", "OPENBLAS_NUM", "OMP_NUM", "MKL_NUM"):
    os.environ.setdefault(f"{name}_THREADS", "1")

# tests and the package are compiled once, for other workers, processes and the next time; what
# tests make is not, where the user wants it so
is_bytecode_unwanted = sys.dont_write_bytecode
sys.dont_write_bytecode = False


def pytest_collection_finish():
    sys.dont_write_bytecode = is_bytecode_unwanted
