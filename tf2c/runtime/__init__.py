"""Running programs on devices: needs an artifact, numpy and a driver, never the compiler."""
