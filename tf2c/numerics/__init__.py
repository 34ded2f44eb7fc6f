"""Arithmetic without IR: pure functions on numpy arrays.

Every rounding, saturation and weight code of tf2c is defined in this package and nowhere else;
dialect verifiers, interpreters, the runtime's simulator and the tests of the OpenCL kernels all
refer to these functions by name.
"""
