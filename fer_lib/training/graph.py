"""A training step as a CUDA graph.

A step of ResNet50 on 48-pixel faces is some 900 kernel launches for a few milliseconds of work: a GPU waits for its
CPU. Captured once and replayed, the step costs one launch.
"""

import contextlib
import gc
import threading
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn

from fer_lib.errors import Fatal

WARM_UPS = 3  # steps before a capture, in which libraries allocate and choose their algorithms
CAPTURE_LOCK = (
    threading.Lock()
)  # nothing that waits for the device, or draws from the process's generator, while one captures

Body = Callable[[], None]
Capture = Callable[[Body, torch.Generator], Body]


class CaptureFailed(Fatal):
    """A step could not be captured. Allocator and generators are unusable afterwards, for every run of this process."""


def cuda_graph(body: Body, generator: torch.Generator) -> Body:
    """Captures `body` on the current stream after warming it up there; calling the result replays it.

    Args:
        body: draws from no generator of the device but `generator`.

    Raises:
        CaptureFailed: it does what a graph cannot hold, such as waiting for the device; or the stream is the default.
    """
    for _ in range(WARM_UPS):
        body()
    gc.collect()  # what is garbage may hold a graph, whose end waits for the device
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    try:
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"):
            body()
    except RuntimeError as error:
        cause: BaseException = error  # the end of a capture that is broken raises again, and says nothing
        while cause.__context__ is not None:
            cause = cause.__context__
        raise CaptureFailed(
            f"The training step could not be captured as a CUDA graph: {str(cause).splitlines()[0].rstrip('.')}.\n"
            "This process can train no more. If memory was short, take fewer --jobs; FER_MODE=eager needs no graphs."
        ) from error
    return graph.replay


@contextlib.contextmanager
def uncounted(models: Iterable[nn.Module]) -> Iterator[None]:
    """Batch normalisation does not count its batches meanwhile: a kernel a layer, for a number that nobody reads."""
    layers = [layer for model in models for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    counts = [layer.num_batches_tracked for layer in layers]
    for layer in layers:
        layer.num_batches_tracked = None
    try:
        yield
    finally:
        for layer, count in zip(layers, counts, strict=True):
            layer.num_batches_tracked = count
