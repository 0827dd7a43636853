"""Tables rounded to 256 levels: good for a picture, for nothing else."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 255
Floats = NDArray[np.float64]


def quantised(table: Floats) -> dict[str, Any]:
    """Return a table (rows, columns) as bytes in base64: 0 is its `min`, 255 its `max`."""
    least, most = float(table.min()), float(table.max())
    step = (most - least) / LEVELS
    levels = np.rint((table - least) / step) if step else np.zeros(table.shape)
    return {
        "rows": table.shape[0],
        "columns": table.shape[1],
        "min": least,
        "max": most,
        "data": base64.b64encode(levels.astype(np.uint8).tobytes()).decode(),
    }


def restored(packed: dict[str, Any]) -> Floats:
    """Return the table that `quantised` packed, to half a level."""
    levels = np.frombuffer(base64.b64decode(packed["data"]), dtype=np.uint8)
    shape = packed["rows"], packed["columns"]
    step = (packed["max"] - packed["min"]) / LEVELS
    table: Floats = packed["min"] + step * levels.reshape(shape).astype(np.float64)
    return table
