"""`dataflow`: where everything lies and in which order it happens on an engine.

Comes from `shift` by `convert-shift-to-dataflow`; goes to `program.bin` and `weights.bin` by
`tf2c/backends/program.py`. The *engine* is what the FPGA was built for; the *program* is the
function's jobs in their order, each one row of the job table that the kernels read at run time.
Flattening moves no data and stays `layout.reshape`. It cannot say which card runs the program.
"""

from xdsl.ir import Dialect

from tf2c.dialects.dataflow.averages import AverageOp
from tf2c.dialects.dataflow.engine import EngineOp, engine_of
from tf2c.dialects.dataflow.jobs import JobOp, Requantization
from tf2c.dialects.dataflow.memory import (
    NO_POOLING,
    ONE_PLANE,
    ChannelsOp,
    ConcatOp,
    InputOp,
    LoadOp,
    StoreOp,
    cells,
    layout_of,
    place_of,
)
from tf2c.dialects.dataflow.structure import (
    BufferOp,
    CapabilityOp,
    ConnectOp,
    KernelOp,
    PortOp,
    structure,
)

__all__ = [
    "DATAFLOW",
    "NO_POOLING",
    "ONE_PLANE",
    "AverageOp",
    "BufferOp",
    "CapabilityOp",
    "ChannelsOp",
    "ConcatOp",
    "ConnectOp",
    "EngineOp",
    "InputOp",
    "JobOp",
    "KernelOp",
    "LoadOp",
    "PortOp",
    "Requantization",
    "StoreOp",
    "cells",
    "engine_of",
    "layout_of",
    "place_of",
    "structure",
]

DATAFLOW = Dialect(
    "dataflow",
    [
        EngineOp,
        CapabilityOp,
        KernelOp,
        ConnectOp,
        BufferOp,
        PortOp,
        InputOp,
        JobOp,
        AverageOp,
        StoreOp,
        LoadOp,
        ConcatOp,
        ChannelsOp,
    ],
    [],
)
