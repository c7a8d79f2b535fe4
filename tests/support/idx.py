"""Files of the IDX format, in which MNIST comes."""

import gzip
import struct


def write_idx(path, values, code):
    """Write an array under the type code of the format, compressed where the name ends in .gz."""
    data = (
        struct.pack(f">HBB{values.ndim}I", 0, code, values.ndim, *values.shape) + values.tobytes()
    )
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(data)
