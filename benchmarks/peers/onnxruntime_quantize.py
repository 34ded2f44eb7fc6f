"""ONNX Runtime's way to int8: `quantize_static`, beside which tf2c's compilation is timed.

python onnxruntime_quantize.py MODEL.onnx CALIBRATION.npy

Prints one JSON line: seconds of importing, of `quant_pre_process`, which its documentation asks
for first, and of `quantize_static` (QDQ, per channel, int8 weights, uint8 activations, min-max).
"""

import json
import logging
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx


def main() -> None:
    """Quantize once."""
    model, calibration = Path(sys.argv[1]), Path(sys.argv[2])
    started = time.perf_counter()
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    imported = time.perf_counter()
    logging.disable(logging.WARNING)
    graph = onnx.load(model, load_external_data=False).graph
    weights = {initializer.name for initializer in graph.initializer}
    (name,) = (entry.name for entry in graph.input if entry.name not in weights)

    class Reader(CalibrationDataReader):
        """One image at a time, as in ONNX Runtime's examples."""

        def __init__(self) -> None:
            self._images = iter(np.load(calibration))

        def get_next(self) -> dict[str, np.ndarray] | None:
            """Return the next image, or None."""
            image = next(self._images, None)
            return None if image is None else {name: image[None]}

    with tempfile.TemporaryDirectory() as folder:
        prepared, quantized = Path(folder, "prepared.onnx"), Path(folder, "quantized.onnx")
        begun = time.perf_counter()
        quant_pre_process(model, prepared)
        preprocessed = time.perf_counter()
        quantize_static(
            prepared,
            quantized,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        finished = time.perf_counter()
    seconds = {
        "import_seconds": imported - started,
        "pre_process_seconds": preprocessed - begun,
        "quantize_static_seconds": finished - preprocessed,
    }
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
