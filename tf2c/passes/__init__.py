"""The whole compiler on one page: stages in running order, each with its passes.

A stage's name is the name of its pass folder, of its tests' folder and of `--to`'s value. Before a
stage's passes run, the IR has the dialects of the stage before; after them, only its own: the
pipeline checks that, and what each pass promises about the network's results (`contract.py`).
"""

from typing import NamedTuple

from tf2c.passes.contract import CompilerPass
from tf2c.passes.dataflow.allocate_memory import AllocateMemoryPass
from tf2c.passes.dataflow.check_placement import CheckPlacementPass
from tf2c.passes.dataflow.choose_planes import ChoosePlanesPass
from tf2c.passes.dataflow.choose_splits import ChooseSplitsPass
from tf2c.passes.dataflow.convert_shift_to_dataflow import ConvertShiftToDataflowPass
from tf2c.passes.dataflow.fold_first_layer import FoldFirstLayerPass
from tf2c.passes.dataflow.fuse_branches import FuseBranchesPass
from tf2c.passes.dataflow.order_jobs import OrderJobsPass
from tf2c.passes.graph.drop_output_softmax import DropOutputSoftmaxPass
from tf2c.passes.graph.fold_batch_norm import FoldBatchNormPass
from tf2c.passes.graph.fold_padding import FoldPaddingPass
from tf2c.passes.graph.fuse_activation import FuseActivationPass
from tf2c.passes.graph.fuse_residual_add import FuseResidualAddPass
from tf2c.passes.graph.hoist_activations import HoistActivationsPass
from tf2c.passes.graph.insert_identity_convolutions import InsertIdentityConvolutionsPass
from tf2c.passes.graph.remove_identities import RemoveIdentitiesPass
from tf2c.passes.graph.remove_lrn import RemoveLrnPass
from tf2c.passes.int8.choose_scales import ChooseScalesPass
from tf2c.passes.int8.convert_graph_to_int8 import ConvertGraphToInt8Pass
from tf2c.passes.prepare.absorb_biases import AbsorbBiasesPass
from tf2c.passes.prepare.equalize_channels import EqualizeChannelsPass
from tf2c.passes.shift.choose_terms import ChooseTermsPass
from tf2c.passes.shift.convert_int8_to_shift import ConvertInt8ToShiftPass
from tf2c.passes.shift.learn_rounding import LearnRoundingPass
from tf2c.passes.shift.prove_accumulators import ProveAccumulatorsPass
from tf2c.passes.shift.round_weights_compensated import RoundWeightsCompensatedPass
from tf2c.passes.shift.round_weights_to_pow2 import RoundWeightsToPow2Pass


class Stage(NamedTuple):
    """A step between two levels of the IR."""

    name: str
    purpose: str
    legal_dialects: frozenset[str]
    """What may remain when the stage is done, beside `builtin` and `func`."""
    forbidden_ops: frozenset[str]
    """What of these may not remain, because the stage is there to lower it."""
    passes: tuple[type[CompilerPass], ...]
    """In running order."""


_NETWORK = frozenset({"graph", "layout"})
_MULTIPLYING = frozenset({"int8.conv", "int8.gemm"})

STAGES = (
    Stage(
        "graph",
        "simplify the network until only layers, poolings and what moves elements are left",
        _NETWORK,
        frozenset({"graph.batch_normalization", "graph.add", "graph.relu", "graph.clip"}),
        (
            DropOutputSoftmaxPass,
            RemoveIdentitiesPass,
            FoldPaddingPass,
            FoldBatchNormPass,
            # Before layers are looked for, because it brings activations closer to them.
            HoistActivationsPass,
            # Before identities are inserted, because those are for what finds no layer to join.
            FuseResidualAddPass,
            InsertIdentityConvolutionsPass,
            # Last, because an activated layer takes no residual any more.
            FuseActivationPass,
        ),
    ),
    Stage(
        "prepare",
        "let channels use the numbers that storage has, where weights can make up for it",
        _NETWORK,
        frozenset({"graph.batch_normalization", "graph.add", "graph.relu", "graph.clip"}),
        (EqualizeChannelsPass, AbsorbBiasesPass),
    ),
    Stage(
        "int8",
        "store activations and weights as int8 with power-of-two scales",
        frozenset({"int8", "layout"}),
        frozenset(),
        (ChooseScalesPass, ConvertGraphToInt8Pass),
    ),
    Stage(
        "shift",
        "make every weight a signed power of two; from here on everything is exact",
        frozenset({"int8", "shift", "layout"}),
        _MULTIPLYING,
        # The proof looks at the rounded weights, which are those that run.
        (RoundWeightsCompensatedPass, ProveAccumulatorsPass, ConvertInt8ToShiftPass),
    ),
    Stage(
        "dataflow",
        "lay the network out as jobs of an engine",
        frozenset({"int8", "shift", "layout", "dataflow"}),
        _MULTIPLYING
        | {"shift.conv", "shift.gemm", "int8.requantize", "int8.max_pool", "int8.average_pool"}
        | {"layout.concat", "layout.pad", "layout.slice", "layout.transpose"},
        (
            ConvertShiftToDataflowPass,
            FoldFirstLayerPass,
            FuseBranchesPass,
            # Behind what changes jobs.
            OrderJobsPass,
            ChoosePlanesPass,
            # Behind the planes, which say how fast is read and stored.
            ChooseSplitsPass,
            AllocateMemoryPass,
            CheckPlacementPass,
            # Again, of the jobs as they run: folded, joined, sums of two terms.
            ProveAccumulatorsPass,
        ),
    ),
)

ON_REQUEST: tuple[type[CompilerPass], ...] = (
    RemoveLrnPass,
    ChooseTermsPass,
    RoundWeightsToPow2Pass,
    LearnRoundingPass,
)
"""Passes that are in no stage, or take another's place: they run where the user asks for them."""

PASSES = {each.name: each for stage in STAGES for each in stage.passes} | {
    each.name: each for each in ON_REQUEST
}
"""Every pass by its name."""
