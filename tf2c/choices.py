"""What users choose about a network's arithmetic, and the passes that it comes to."""

from dataclasses import asdict, dataclass
from typing import Any

from xdsl.passes import ModulePass

from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.numerics import exponents
from tf2c.passes import STAGES, Stage
from tf2c.passes.compensation import MULTIPLIER_BITS
from tf2c.passes.dataflow.convert_shift_to_dataflow import ConvertShiftToDataflowPass
from tf2c.passes.graph.remove_lrn import RemoveLrnPass
from tf2c.passes.int8.choose_scales import METHODS, ChooseScalesPass
from tf2c.passes.int8.convert_graph_to_int8 import ConvertGraphToInt8Pass
from tf2c.passes.prepare.absorb_biases import AbsorbBiasesPass
from tf2c.passes.prepare.equalize_channels import RULES, EqualizeChannelsPass
from tf2c.passes.shift.choose_terms import ChooseTermsPass
from tf2c.passes.shift.learn_rounding import LearnRoundingPass
from tf2c.passes.shift.prove_accumulators import ProveAccumulatorsPass
from tf2c.passes.shift.round_weights_compensated import RoundWeightsCompensatedPass
from tf2c.passes.shift.round_weights_to_pow2 import RoundWeightsToPow2Pass

STAGE_NAMES = tuple(stage.name for stage in STAGES)
"""What `--to` takes."""

FLOAT_STAGES = STAGE_NAMES[: STAGE_NAMES.index("int8")]
"""Stages in which the network computes in floating point."""

DEFAULT_ENGINE = Engine()

MIXED = "mixed"

WEIGHT_FORMS = ("int8", "shift1", "shift2", MIXED)
"""Forms of weights: 8 bits, or the sum of one or two signed powers of two, or by layer."""

COMPENSATED = "compensated"

LEARNED = "learned"

NEAREST = "nearest"

ROUNDING = (COMPENSATED, LEARNED, NEAREST)
"""How weights are rounded: so that the others make up for each one's error, that and then moved
where blocks of layers come closer to float, or each by itself."""

SHARED = "shared"

CHANNELS = (SHARED, *RULES)
"""Whether the channels of a tensor have one step, or which rule gives each its own."""

DEFAULT_TERMS_PER_MAC = 1.3

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
    channels: str | None = None
    """By which rule channels get steps of their own, or `shared`; by default as the method says."""
    terms_per_mac: float = DEFAULT_TERMS_PER_MAC
    """Where weights are mixed: terms per multiplication that the network may have on average."""

    def __post_init__(self) -> None:
        """Refuse what does not exist."""
        for what, got, known in (
            ("weights", self.weights, WEIGHT_FORMS),
            ("scales", self.scales, METHODS),
            ("activations", self.activations, ACTIVATIONS),
            ("a method", self.method, ROUNDING),
            ("a rule for channels", self.channel_rule, CHANNELS),
            *(("layers to leave out", each, LEAVING_OUT) for each in self.leave_out),
        ):
            if got not in known:
                raise UserError(f"expected {what} of {', '.join(known)}, got `{got}`")

    @property
    def channel_rule(self) -> str:
        """`shared`, or a rule of `equalize-channels`."""
        if self.channels is not None:
            return self.channels
        return SHARED if self.method == NEAREST else RULES[0]

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
    is_int8 = choices.weights == "int8"
    rounding: list[type[ModulePass]] = [RoundWeightsCompensatedPass]
    is_compensated = choices.method != NEAREST
    if choices.method == LEARNED:
        rounding.append(LearnRoundingPass)
    # Multiplied, int8 weights need no multiplier that the engine has; and with one, the largest
    # weight of a shift form reaches as far as int8's with one shift less.
    legal = exponents.SMALLEST_SHIFT if is_compensated else exponents.ENGINE_SHIFT
    smallest = {"smallest_shift": 0 if is_int8 else legal}
    options: dict[type[ModulePass], dict[str, Any]] = {
        EqualizeChannelsPass: {
            "rule": choices.channel_rule,
            # What measures from the middle of a range halves the steps, and so the shifts.
            "smallest_shift": smallest["smallest_shift"] + 1,
        },
        ChooseScalesPass: {
            "method": choices.scales,
            "unsigned": choices.activations == "uint8",
            **smallest,
        },
        ConvertGraphToInt8Pass: smallest,
        ChooseTermsPass: {"terms_per_mac": choices.terms_per_mac},
        RoundWeightsCompensatedPass: {
            "weights": "shift1" if choices.weights == MIXED else choices.weights,
            "multiplier_bits": 1 if is_int8 else MULTIPLIER_BITS,
            **smallest,
        },
        LearnRoundingPass: {"weights": "int8" if is_int8 else "shift"},
        RoundWeightsToPow2Pass: {"terms": TERMS.get(choices.weights, 1)},
        ConvertShiftToDataflowPass: asdict(engine),
    }
    kinds: list[type[ModulePass]] = list(stage.passes)
    match stage.name:
        case "graph":
            kinds[:0] = [LEAVING_OUT[what] for what in choices.leave_out]
        case "prepare":
            if choices.activations == "uint8":
                kinds.remove(AbsorbBiasesPass)  # unsigned storage has no numbers left over
            if choices.channel_rule == SHARED:
                kinds = []
        case "int8" if is_int8:
            # Nothing rounds the weights again.
            kinds += rounding if is_compensated else []
            kinds.append(ProveAccumulatorsPass)
        case "shift":
            place = kinds.index(RoundWeightsCompensatedPass)
            kinds[place : place + 1] = rounding if is_compensated else [RoundWeightsToPow2Pass]
            if choices.weights == MIXED:
                kinds.insert(0, ChooseTermsPass)
        case _:
            pass
    return [kind(**options.get(kind, {})) for kind in kinds]
