"""What users choose about a network's arithmetic, and the passes that it comes to."""

from dataclasses import asdict, dataclass
from typing import Any

from xdsl.passes import ModulePass

from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.numerics import exponents
from tf2c.passes import STAGES, Stage
from tf2c.passes.dataflow.convert_shift_to_dataflow import ConvertShiftToDataflowPass
from tf2c.passes.graph.remove_lrn import RemoveLrnPass
from tf2c.passes.int8.choose_scales import METHODS, ChooseScalesPass
from tf2c.passes.int8.convert_graph_to_int8 import ConvertGraphToInt8Pass
from tf2c.passes.int8.equalize_channels import EqualizeChannelsPass
from tf2c.passes.shift.prove_accumulators import ProveAccumulatorsPass
from tf2c.passes.shift.round_weights_compensated import RoundWeightsCompensatedPass
from tf2c.passes.shift.round_weights_to_pow2 import RoundWeightsToPow2Pass

STAGE_NAMES = tuple(stage.name for stage in STAGES)
"""What `--to` takes."""

DEFAULT_ENGINE = Engine()

WEIGHT_FORMS = ("int8", "shift1", "shift2")
"""Forms of weights: 8 bits, or the sum of one or two signed powers of two."""

COMPENSATED = "compensated"

ROUNDING = ("nearest", COMPENSATED)
"""How weights are rounded: each by itself, or so that the others make up for its error."""

TERMS = {"shift1": 1, "shift2": 2}
"""Power-of-two terms per weight, by the form of weights."""

ACTIVATIONS = ("int8", "uint8")
"""What activations are stored as; `uint8` only where they are never negative."""

LEAVING_OUT: dict[str, type[ModulePass]] = {"lrn": RemoveLrnPass}
"""Passes that leave layers out on request, by what they leave out."""


@dataclass(frozen=True)
class Choices:
    """What the user chooses about a network's arithmetic.

    Raises:
        UserError: no such choice.
    """

    weights: str = "shift1"
    scales: str = METHODS[0]
    """How activation scales are chosen from the calibration images."""
    activations: str = ACTIVATIONS[0]
    leave_out: tuple[str, ...] = ()
    """Layers that exist in floating point only, to be left out."""
    method: str = ROUNDING[0]
    """How weights are rounded."""

    def __post_init__(self) -> None:
        """Refuse what does not exist."""
        for what, got, known in (
            ("weights", self.weights, WEIGHT_FORMS),
            ("scales", self.scales, METHODS),
            ("activations", self.activations, ACTIVATIONS),
            ("a method", self.method, ROUNDING),
            *(("layers to leave out", each, LEAVING_OUT) for each in self.leave_out),
        ):
            if got not in known:
                raise UserError(f"expected {what} of {', '.join(known)}, got `{got}`")

    def last_stage(self, to: str | None) -> str:
        """Return the stage to stop after: the one asked for, or the last that can be reached.

        Raises:
            UserError: it cannot be reached.
        """
        if to is not None and to not in STAGE_NAMES:
            raise UserError(f"expected a stage of {', '.join(STAGE_NAMES)}, got `{to}`")
        reachable = STAGE_NAMES[-1]
        why = ""
        if self.weights == "int8":
            reachable, why = "int8", "int8 weights are multiplied, not shifted"
        elif self.activations == "uint8":
            reachable, why = "shift", "the engine's lanes take signed numbers"
        if to is None:
            return reachable
        if STAGE_NAMES.index(to) > STAGE_NAMES.index(reachable):
            raise UserError(
                f"expected to stop at stage `{reachable}` or before, got `{to}`: {why}",
                hint=f"give `--to {reachable}`, or other weights and activations",
            )
        return to


DEFAULT_CHOICES = Choices()


def stage_passes(
    stage: Stage, engine: Engine, choices: Choices = DEFAULT_CHOICES
) -> list[ModulePass]:
    """Return the passes of a stage, with the options that choices and engine give them."""
    # Multiplied, int8 weights need no multiplier that the engine has.
    legal = {"smallest_shift": 0} if choices.weights == "int8" else {}
    if choices.weights != "int8" and choices.method == COMPENSATED:
        # With a multiplier, the largest weight reaches as far as int8's with one shift less.
        legal = {"smallest_shift": exponents.SMALLEST_SHIFT}
    options: dict[type[ModulePass], dict[str, Any]] = {
        ChooseScalesPass: {
            "method": choices.scales,
            "unsigned": choices.activations == "uint8",
            **legal,
        },
        ConvertGraphToInt8Pass: legal,
        RoundWeightsToPow2Pass: {"terms": TERMS.get(choices.weights, 1)},
        ConvertShiftToDataflowPass: asdict(engine),
    }
    passes: list[ModulePass] = [each(**options.get(each, {})) for each in stage.passes]
    is_int8 = choices.weights == "int8"
    if choices.method == COMPENSATED:
        compensated = RoundWeightsCompensatedPass(
            weights=choices.weights,
            multiplier=not is_int8,
            smallest_shift=0 if is_int8 else exponents.SMALLEST_SHIFT,
        )
        passes = [
            compensated if isinstance(each, RoundWeightsToPow2Pass) else each for each in passes
        ]
        if stage.name == "int8" and TERMS.get(choices.weights) == 2:
            # Channels that are scaled down make for small weights, of which uniform steps keep
            # little, and six octaves not all.
            passes.insert(0, EqualizeChannelsPass())
        if stage.name == "int8" and is_int8:
            passes.append(compensated)
    if stage.name == "int8" and is_int8:
        passes.append(ProveAccumulatorsPass())  # nothing rounds the weights again
    if stage is STAGES[0]:
        return [*(LEAVING_OUT[what]() for what in choices.leave_out), *passes]
    return passes
