"""Settings of all tests."""

import os

# as many tests run at once as there are processors, so each takes one thread unless it says more
os.environ.setdefault("SGDPHYS_THREADS", "1")
