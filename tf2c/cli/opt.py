"""`tf2c-opt`: xDSL's driver with tf2c's dialects, passes and checks.

Reads textual IR (blobs from `weights/` beside the file) or an .onnx model, runs a pipeline, prints
IR on stdout or into a file (blobs beside it). Everything else goes to stderr.
"""

import argparse
import sys
from pathlib import Path
from typing import IO, NoReturn

from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.passes import ModulePass
from xdsl.passes import PassPipeline as UpstreamPipeline
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination
from xdsl.transforms.dead_code_elimination import DeadCodeElimination
from xdsl.xdsl_opt_main import xDSLOptMain

from tf2c.cli import diagnostics
from tf2c.context import CompilerContext
from tf2c.dialects import DIALECTS
from tf2c.dialects.blob import SIDECAR_FOLDER, saved_blobs
from tf2c.errors import UserError
from tf2c.ir_files import print_module, refusing_bad_text, verify_module
from tf2c.passes import ON_REQUEST, PASSES, STAGES
from tf2c.passes.pipeline import PassPipeline, PassReport, parse_passes

UPSTREAM_PASSES: tuple[type[ModulePass], ...] = (
    CanonicalizePass,
    CommonSubexpressionElimination,
    DeadCodeElimination,
)
"""xDSL's passes that make sense on a network."""


def pass_help() -> str:
    """Return the passes by stage, each with its contract and what it does."""
    headed = [(f"passes of stage {stage.name}: {stage.purpose}", stage.passes) for stage in STAGES]
    headed.append(("passes on request", ON_REQUEST))
    lines: list[str] = []
    for heading, passes in headed:
        lines.append(heading)
        for each in passes:
            summary = (sys.modules[each.__module__].__doc__ or "").splitlines()[0]
            lines.append(f"  {each.name:<30}{each.contract:<13}{summary}")
    lines.append("passes of xDSL")
    lines += [f"  {each.name}" for each in UPSTREAM_PASSES]
    return "\n".join(lines)


class _Parser(argparse.ArgumentParser):
    """Refuses in our way: argparse would exit with the code that means our own bug."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message, hint="see `tf2c-opt --help`")


class Tf2cOpt(xDSLOptMain):
    """The driver."""

    def __init__(self, args: list[str] | None = None) -> None:
        """Parse the command line."""
        super().__init__("Run passes of tf2c on IR.", args)

    def register_all_dialects(self) -> None:
        """Know only what a network is made of: loading all of upstream takes long."""
        self.ctx = CompilerContext()
        for dialect in (Builtin, Func, *DIALECTS):
            self.ctx.register_dialect(dialect.name, lambda dialect=dialect: dialect)

    def register_all_frontends(self) -> None:
        """Read ONNX models beside IR."""
        super().register_all_frontends()

        def load(stream: IO[bytes]) -> ModuleOp:
            from tf2c.frontends.onnx import load_onnx

            return load_onnx(Path(self.args.input_file))

        self.available_frontends["onnx"] = load

    def register_all_passes(self) -> None:
        """Know our passes and a few of upstream's."""
        for each in (*PASSES.values(), *UPSTREAM_PASSES):
            self.register_pass(each.name, lambda each=each: each)

    def register_all_targets(self) -> None:
        """Print IR only; `tf2c compile` emits everything else."""
        from xdsl.targets.mlir import MLIRTarget

        self.available_targets["mlir"] = lambda: MLIRTarget

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        """Add ours, and list the passes where they can be read."""
        # Upstream makes the parser itself; only its class says how it refuses.
        arg_parser.__class__ = _Parser
        super().register_all_arguments(arg_parser)
        for action in arg_parser._actions:  # pyright: ignore[reportPrivateUsage]
            if action.dest == "passes":
                action.help = 'pipeline such as `fold-batch-norm,choose-scales{images="x.npy"}`'
                action.metavar = "PIPELINE"
        arg_parser.formatter_class = argparse.RawDescriptionHelpFormatter
        arg_parser.epilog = pass_help()
        arg_parser.add_argument(
            "--check", action="store_true", help="check what every pass promises, on seeded images"
        )
        arg_parser.add_argument("--seed", type=int, default=0, help="of the check's images")
        arg_parser.add_argument(
            "--print-after", action="store_true", help="print the IR after every pass on stderr"
        )
        arg_parser.add_argument(
            "--time", action="store_true", help="print the time of every pass on stderr"
        )

    def setup_pipeline(self) -> None:
        """Read the pipeline with our errors; upstream's field stays unused."""
        self.pipeline = UpstreamPipeline(())
        self._our_pipeline = PassPipeline(parse_passes(self.args.passes, self.available_passes))

    def run(self) -> None:
        """Run, with the blobs beside the input at hand."""
        if self.args.input_file is not None:
            assert isinstance(self.ctx, CompilerContext)
            self.ctx.weights_folder = Path(self.args.input_file).parent / SIDECAR_FOLDER
        super().run()

    def prepare_input(self) -> tuple[list[tuple[IO[bytes], int]], str]:
        """Open the input; a file of another kind is the user's mistake."""
        try:
            return super().prepare_input()
        except ValueError as error:
            readable = ", ".join(f".{extension}" for extension in self.available_frontends)
            raise UserError(
                f"{self.get_input_name()}: expected a file that ends in {readable}"
            ) from error

    def parse_chunk(
        self, chunk: IO[bytes], file_extension: str, start_offset: int = 0
    ) -> ModuleOp | None:
        """Parse and verify a part of the input."""
        if self.args.verify_diagnostics or self.args.parsing_diagnostics:
            module = super().parse_chunk(chunk, file_extension, start_offset)
            if module is not None:
                module.verify()
            return module
        with refusing_bad_text(self.get_input_name()):
            module = super().parse_chunk(chunk, file_extension, start_offset)
        if module is not None and not self.args.disable_verify:
            verify_module(module, self.get_input_name())
        return module

    def apply_passes(self, prog: ModuleOp) -> None:
        """Run the pipeline, reporting on stderr."""
        assert isinstance(self.ctx, CompilerContext)
        self._our_pipeline.run(
            prog,
            context=self.ctx,
            check=self.args.check,
            seed=self.args.seed,
            observer=self._observe,
        )

    def output_resulting_program(self, prog: ModuleOp) -> str:
        """Print the IR, and write its blobs beside the output file."""
        if self.args.output_file is not None:
            folder = Path(self.args.output_file).parent / SIDECAR_FOLDER
            for name, contents in saved_blobs(prog):
                folder.mkdir(exist_ok=True)
                (folder / name).write_bytes(contents)
        return super().output_resulting_program(prog)

    def _observe(self, report: PassReport, module: ModuleOp) -> None:
        if self.args.print_after:
            print(f"// after {report.name}\n{print_module(module)}", file=sys.stderr)
        if self.args.time:
            print(f"{report.name}: {1000 * report.seconds:.1f} ms", file=sys.stderr)
        if report.finding is not None:
            print(f"{report.name}: {report.finding}", file=sys.stderr)


def main() -> None:
    """Run `tf2c-opt` and exit: 0 ok, 1 the user's input, 2 our bug."""
    sys.exit(diagnostics.guarded(_run))


def _run() -> None:
    """Run, turning what upstream raises about the user's input into one line."""
    try:
        Tf2cOpt().run()
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
