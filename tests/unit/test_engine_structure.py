"""What is said of an engine is what its kernels are: ports, rows of tables, and what it lacks."""

import re

import pytest
from unit.mixed_network import lowered, mixed_network
from xdsl.dialects.builtin import ModuleOp

from tf2c import engine_structure
from tf2c.analysis.support import needed_of_engine, refused_on_engine
from tf2c.backends.opencl.render import render_engine
from tf2c.dialects import dataflow
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.engine_structure import CAPABILITIES, Capability

KERNEL = re.compile(r"^kernel void (\w+)\(([^)]*)\)", re.MULTILINE)
POINTER = re.compile(r"global (const )?(\w+) \*(restrict )?(\w+)")
STRUCT = re.compile(r"^typedef struct \{([^}]*)\} (\w+);", re.MULTILINE)


def test_kernels_have_the_ports_that_are_stated() -> None:
    engine = Engine(filter_vector=8, channel_vector=4)
    source = render_engine(engine, "test")
    rendered = {
        (pointer[3], kernel, pointer[0], pointer[1])
        for kernel, parameters in KERNEL.findall(source)
        for pointer in POINTER.findall(parameters)
        if kernel != "identity"
    }
    assert rendered == {
        (port.name, port.kernel, "" if port.writes else "const ", port.struct)
        for port in engine_structure.ports(engine)
    }


def test_kernels_write_through_the_ports_that_write() -> None:
    engine = Engine()
    source = render_engine(engine, "test")
    bodies = dict(re.findall(r"^kernel void (\w+)\(.*?\n(.*?)^}", source, re.MULTILINE | re.DOTALL))
    for port in engine_structure.ports(engine):
        place = rf"\*{port.name}|\b{port.name}\[[^;=]*\](\.\w+)?(\[\w+\])?"
        assigned = re.search(rf"({place}) = ", bodies[port.kernel])
        assert bool(assigned) == port.writes, port


def test_rows_of_tables_have_as_many_numbers_as_their_ports() -> None:
    engine = Engine()
    structs = {name: body for body, name in STRUCT.findall(render_engine(engine, "test"))}
    for port in engine_structure.ports(engine):
        if port.struct in ("job_t", "vector_t", "transfer_t"):
            assert structs[port.struct].count(";") == port.shape[0]


def shift_ops(terms: str = "shift2") -> ModuleOp:
    """Return the mixed network at stage `shift`."""
    return lowered(mixed_network(), terms, last="shift").module


@pytest.mark.parametrize("missing", sorted(CAPABILITIES - {Capability.RAW_RESULTS}))
def test_an_engine_that_lacks_something_refuses_the_layers_that_ask_for_it(missing: str) -> None:
    without = CAPABILITIES - {missing}
    asking = [op for op in shift_ops().walk() if missing in needed_of_engine(op)]
    assert asking
    for op in shift_ops().walk():
        refusal = refused_on_engine(op, without)
        assert (refusal is not None) == (missing in needed_of_engine(op))
        if refusal is not None:
            assert str(refusal).startswith(f"layer `{layer_name(op)}`: ")
            assert f"`{missing}`" in str(refusal)


def test_jobs_ask_for_what_the_layers_asked_for() -> None:
    module = lowered(mixed_network(), "shift2").module
    asked = {each for op in module.walk() if isinstance(op, dataflow.JobOp) for each in op.needs}
    assert asked == CAPABILITIES - {Capability.RAW_RESULTS}
