"""Entry point for stock xDSL: makes `xdsl-opt` know tf2c's dialects and passes."""

from xdsl.universe import Universe

from tf2c.dialects import DIALECTS
from tf2c.passes import PASSES

TF2C_UNIVERSE = Universe(
    all_dialects={dialect.name: lambda dialect=dialect: dialect for dialect in DIALECTS},
    all_passes={name: lambda each=each: each for name, each in PASSES.items()},
)
