"""Settings of all tests."""

import os

# as many tests run at once as there are processors, so each takes one thread unless it says more;
# threads of matrix products, which numpy and torch count when they are loaded, get in the way most
for name in ("SGDPHYS", "OPENBLAS_NUM", "OMP_NUM", "MKL_NUM"):
    os.environ.setdefault(f"{name}_THREADS", "1")
