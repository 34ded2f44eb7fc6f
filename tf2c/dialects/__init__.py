"""The table of dialects, from the network to the engine."""

from tf2c.dialects.blob import TF2C
from tf2c.dialects.dataflow import DATAFLOW
from tf2c.dialects.graph import GRAPH
from tf2c.dialects.int8 import INT8
from tf2c.dialects.layout import LAYOUT
from tf2c.dialects.shift import SHIFT

DIALECTS = (TF2C, GRAPH, LAYOUT, INT8, SHIFT, DATAFLOW)
