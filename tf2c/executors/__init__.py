"""Executors: a network's exact integers on a CPU, as fast as they can be had.

    numpy        needs nothing but NumPy
    onnxruntime  ONNX Runtime's QLinearConv   (`pip install 'tf2c[fast]'`)
    openvino     OpenVINO's int8 kernels      (`pip install 'tf2c[fast]'`)

All give the same integers; see `executor.py` for why.
"""

from collections.abc import Callable

from xdsl.dialects.builtin import ModuleOp

from tf2c.errors import UserError
from tf2c.executors.executor import Engine, Executor, NumpyEngine

BATCH = 8
"""Images that are run at once: more gain little and take memory."""


def _onnxruntime() -> Engine:
    from tf2c.executors.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine()


def _openvino() -> Engine:
    from tf2c.executors.openvino import OpenVinoEngine

    return OpenVinoEngine()


ENGINES: dict[str, Callable[[], Engine]] = {
    "numpy": NumpyEngine,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}
"""By the name that `--executor` takes."""


def open_executor(name: str, module: ModuleOp, batch: int = BATCH, seed: int = 0) -> Executor:
    """Prepare an executor and test it against the interpreter.

    Args:
        name: one of `ENGINES`.
        module: IR of stage `int8` or `shift`, verified.
        batch: images that are run at once.
        seed: of the self-test's images.

    Raises:
        UserError: no such executor, or its library is not installed.
        ExecutorMismatchError: it computes other integers than the interpreter.
    """
    if name not in ENGINES:
        raise UserError(f"expected an executor of {', '.join(ENGINES)}, got `{name}`")
    try:
        engine = ENGINES[name]()
    except ImportError as error:
        raise UserError(
            f"expected the library of executor `{name}`, got no installation of it ({error})",
            hint="run `pip install 'tf2c[fast]'`",
        ) from error
    executor = Executor(module, engine, batch)
    executor.self_test(seed)
    return executor
