"""Run passes, verify after each, and check that each keeps its contract."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError, VerifyException

from tf2c.context import CompilerContext
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.passes import PASSES, Stage
from tf2c.passes.check import ContractChecker, check_images

LEGAL_EVERYWHERE = frozenset({"builtin", "func"})


@dataclass(frozen=True)
class PassReport:
    """What happened in one pass."""

    name: str
    seconds: float
    finding: str | None
    """What the check of its contract found; None without a check."""


PassObserver = Callable[[PassReport, ModuleOp], None]
"""Told about every pass that has run, with the module as it left it."""


def parse_passes(
    spec: str, available: Mapping[str, Callable[[], type[ModulePass]]] | None = None
) -> tuple[ModulePass, ...]:
    """Read a pipeline such as `fold-batch-norm,choose-scales{images="calib.npy"}`.

    Args:
        spec: passes by name, each with options in braces.
        available: passes to know beside tf2c's.

    Raises:
        UserError: not a pipeline, or an unknown pass or option.
    """
    known = dict(available or {}) | {name: lambda each=each: each for name, each in PASSES.items()}
    try:
        entries = list(parse_pipeline(spec))
    except ArgSpecParseError as error:
        raise UserError(f"expected a pipeline such as `a,b{{option=1}}`, got `{spec}`") from error
    passes: list[ModulePass] = []
    for entry in entries:
        if entry.name not in known:
            raise UserError(
                f"expected a pass, got `{entry.name}`",
                hint=f"passes are {', '.join(sorted(known))}",
            )
        try:
            passes.append(known[entry.name]().from_spec(entry))
        except (ValueError, TypeError) as error:
            raise UserError(f"pass `{entry.name}`: {error}") from error
    return tuple(passes)


class PassPipeline:
    """A sequence of passes.

    Example:
        `PassPipeline("fold-batch-norm,fuse-activation").run(module, check=True)`
    """

    def __init__(self, passes: str | Sequence[ModulePass]) -> None:
        """Take a textual pipeline, or passes.

        Raises:
            UserError: an unknown pass or option in the text.
        """
        self.passes = parse_passes(passes) if isinstance(passes, str) else tuple(passes)

    def __str__(self) -> str:
        """Return the textual form, which parses back to the same passes."""
        return ",".join(str(each.spec()) for each in self.passes)

    def run(
        self,
        module: ModuleOp,
        *,
        context: CompilerContext | None = None,
        check: bool = False,
        seed: int = 0,
        observer: PassObserver | None = None,
    ) -> list[PassReport]:
        """Apply the passes in place, verifying the module after each.

        Args:
            module: verified IR.
            context: calibration images and the like; an empty one by default.
            check: run the network before and after each pass, on seeded images, and compare.
            seed: of those images.
            observer: told about every pass.

        Returns:
            a report per pass.

        Raises:
            UserError: a pass refuses the module.
            ContractError: with `check`, a pass broke its contract: a bug of tf2c.
            VerifyException: a pass left invalid IR: a bug of tf2c.
        """
        context = context or CompilerContext()
        checker = None
        if check:
            images = check_images(module, context.calibration, seed)
            checker = ContractChecker(module, images, seed)
        reports: list[PassReport] = []
        for each in self.passes:
            started = time.perf_counter()
            each.apply(context, module)
            seconds = time.perf_counter() - started
            try:
                module.verify()
            except VerifyException as error:
                error.add_note(f"after pass `{each.name}`")
                raise
            finding = checker.check(each, module) if checker is not None else None
            reports.append(PassReport(each.name, seconds, finding))
            if observer is not None:
                observer(reports[-1], module)
        return reports


def expect_legal(module: ModuleOp, stage: Stage) -> None:
    """Raise unless only what a stage leaves remains in a module.

    Raises:
        UserError: another op is left, named by its layer.
    """
    for op in module.walk():
        dialect = op.name.split(".")[0]
        is_legal = dialect in stage.legal_dialects | LEGAL_EVERYWHERE
        if not is_legal or op.name in stage.forbidden_ops:
            raise UserError(
                f"layer `{layer_name(op)}`: `{op.name}` is left after stage `{stage.name}`",
                hint=f"legal there are {', '.join(sorted(stage.legal_dialects))}",
            )
