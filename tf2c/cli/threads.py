"""How many CPU threads commands use."""

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def limited_threads(count: int | None) -> Generator[None]:
    """Limit the threads of matrix products for a while."""
    if count is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(count):
        yield
