"""TF2's networks to `shift`, bit for bit as TF2's engine computes them.

    module, inputs, expected = from_golden(Path("resnet50.npz"))
    results = run_all(module, inputs)          # every layer's map, equal to `expected`

`build_module` takes a network in TF2's own terms, layer by layer (`Layer`): weight bytes, bias,
alpha and beta, pages of the feature cache, Q tables. `read_four_bit_file` reads weights,
`weight_bytes_of` makes bytes of their exponents and Q tables, `rewritten_weights` and
`rearranged_image` are the host's part in the first layer.
"""

from tf2c.frontends.tf2.first_layer import quantized_image, rearranged_image, rewritten_weights
from tf2c.frontends.tf2.four_bit_file import (
    FourBitLayer,
    read_four_bit_file,
    write_four_bit_file,
)
from tf2c.frontends.tf2.golden import from_golden
from tf2c.frontends.tf2.layer import Layer, Pooling
from tf2c.frontends.tf2.network import ScaleConflictError, build_module
from tf2c.numerics.weight_bytes import encode as weight_bytes_of

__all__ = [
    "FourBitLayer",
    "Layer",
    "Pooling",
    "ScaleConflictError",
    "build_module",
    "from_golden",
    "quantized_image",
    "read_four_bit_file",
    "rearranged_image",
    "rewritten_weights",
    "weight_bytes_of",
    "write_four_bit_file",
]
