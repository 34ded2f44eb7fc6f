"""Second moments of what a layer's rows of weights see and of what they ought to make of it."""

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


class Moments:
    """Means and second moments of a layer's inputs and of the outputs that are wanted from them."""

    def __init__(self, outputs: int, inputs: int) -> None:
        """Start without samples of `outputs` rows and `inputs` columns."""
        self._count = 0
        self._images = 0
        self._inputs = np.zeros(inputs)
        self._outputs = np.zeros(outputs)
        self._input_products = np.zeros((inputs, inputs))
        self._cross_products = np.zeros((outputs, inputs))

    def add(
        self,
        inputs: npt.NDArray[np.float32],
        outputs: npt.NDArray[np.float32],
        images: int | None = None,
    ) -> None:
        """Count samples: inputs `[K, n]` and wanted outputs `[M, n]`.

        Args:
            inputs: what the layer sees.
            outputs: what it should make of that.
            images: from which the samples are; by default, each is from its own.
        """
        self._count += inputs.shape[1]
        self._images += inputs.shape[1] if images is None else images
        self._inputs += inputs.sum(axis=1, dtype=np.float64)
        self._outputs += outputs.sum(axis=1, dtype=np.float64)
        self._input_products += inputs @ inputs.T
        self._cross_products += outputs @ inputs.T

    @property
    def images(self) -> int:
        """From which the samples are: pixels of one image say much the same."""
        return self._images

    @property
    def input_means(self) -> Matrix:
        """`[K]`."""
        return self._inputs / self._count

    @property
    def output_means(self) -> Matrix:
        """`[M]`."""
        return self._outputs / self._count

    @property
    def covariance(self) -> Matrix:
        """Of the inputs, `[K, K]`."""
        return self._input_products / self._count - np.outer(self.input_means, self.input_means)

    @property
    def cross_covariance(self) -> Matrix:
        """Of outputs and inputs, `[M, K]`."""
        return self._cross_products / self._count - np.outer(self.output_means, self.input_means)
