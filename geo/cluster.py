"""Parts of a match are worked on by Dask's workers here, which may die; needs the extra `cluster`."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self

#: Parts given out ahead for each thread of the workers: none waits, few are held in memory.
_AHEAD: Final = 2


class Cluster:
    """An executor of `geo.matching.match_all` over the workers of a Dask scheduler.

    The scheduler keeps each part until its answer is there: a worker that dies costs time and nothing else.
    Workers load an index from the file it was saved to or loaded from, which they must see under the same
    path; an index that has no file travels whole with every part. Give each worker one thread: the compiled
    loops use the processors by themselves.

    Parameters
    ----------
    address : str
        As Dask writes it, ``tcp://host:8786``.
    wait_s : float
        How long the scheduler, and then the first worker, is waited for.

    Raises
    ------
    OSError
        Where the scheduler can't be reached; TimeoutError is one, where no worker comes.
    """

    def __init__(self, address: str, wait_s: float = 30.0) -> None:
        import distributed  # noqa: PLC0415 - an extra that few installations have

        untyped: Any = distributed
        self._client = untyped.Client(address, set_as_default=False, timeout=wait_s)
        try:
            self._client.wait_for_workers(1, timeout=wait_s)
        except BaseException:
            self._client.close()
            raise

    def map(self, fn: Callable[..., Any], /, *iterables: Iterable[Any]) -> Iterator[Any]:
        """Call the function for each part on some worker; give the results in the order of the parts."""
        waiting: deque[Any] = deque()
        for arguments in zip(*iterables, strict=True):
            waiting.append(self._client.submit(fn, *arguments, pure=False))
            if len(waiting) > self._room():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _room(self) -> int:
        threads: int = sum(self._client.nthreads().values())
        return _AHEAD * max(1, threads)

    def close(self) -> None:
        """Leave the scheduler; its workers stay."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
