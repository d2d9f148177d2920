"""What is compared: ours, the usual way, and the limit. Each is built once in a process of its own and then timed."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np
import psutil
import torch
from benchmarks import naive
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fer_lib import data
from fer_lib.data import apply_rule
from fer_lib.data.batches import DeviceData, apply_augmentation, augmentation_plan, normalise
from fer_lib.models import build
from fer_lib.models.convolution import Conv2d
from fer_lib.training import RunConfig
from fer_lib.training.evaluate import evaluate
from fer_lib.training.graph import cuda_graph
from fer_lib.training.machine import arithmetic, prepare
from fer_lib.training.session import DeviceSession

Way = Literal["ours", "torch", "naive", "compiled", "skorch", "limit", "matmul"]
Work = Callable[[int], int]  # does so many steps (or batches), and says how many images that were
FORKS = multiprocessing.get_context("forkserver")  # its processes need not import torch again
FORKS.set_forkserver_preload(["benchmarks.contenders"])


@dataclass(frozen=True)
class Lane:
    """One contender: what it does, how, on how many threads and of how many images; `runs` at once on a GPU."""

    way: Way
    task: Literal["train", "evaluate", "load"]
    config: RunConfig
    device: str = "cpu"
    threads: int = 1
    runs: int = 1
    rows: int = 2_400


@dataclass(frozen=True)
class Timing:
    """What `steps` took: wall-clock seconds, CPU seconds of the process and its children, images."""

    wall: float
    cpu: float
    images: int


def make(lane: Lane) -> Work:
    """The work of a lane, ready to be timed."""
    ways = {"ours": _ours, "torch": _ours, "naive": _naive, "compiled": _naive, "skorch": _skorch, "limit": _limit,
            "matmul": _matmul}  # fmt: skip
    return ways[lane.way](lane)


def _rows(lane: Lane) -> tuple[data.FaceSet, data.Labels, np.ndarray]:
    faces = data.load(lane.config.dataset)
    return faces, apply_rule(faces, lane.config.label_rule), np.arange(lane.rows)


def _ours(lane: Lane) -> Work:
    device, config = torch.device(lane.device), lane.config
    prepare(device, threads=lane.threads)
    faces, labels, rows = _rows(lane)
    workspaces = [DeviceSession(device, slot=slot) for slot in range(lane.runs)]
    selections = [DeviceData.of(workspace.images(faces), labels, rows) for workspace in workspaces]
    order = selections[0].index
    plan = augmentation_plan(config.augment, lane.rows, seed=0, epoch=0)
    plan = None if plan is None else plan.to(device)
    if lane.task == "load":
        images = selections[0].images

        def load(steps: int) -> int:
            for step in range(steps):
                batch = slice(step * config.batch_size % (lane.rows - config.batch_size), None)
                rows, part = (None if x is None else x[batch][: config.batch_size] for x in (order, plan))
                normalise(apply_augmentation(images.index_select(0, rows), part))
            return steps * config.batch_size

        return load
    steps_of = [
        workspace.step(config, selection, labels, lambda model: None)
        for workspace, selection in zip(workspaces, selections, strict=True)
    ]
    if lane.way == "torch":
        for step in steps_of:
            without_forms(step.model)
    if lane.task == "evaluate":

        def look(steps: int) -> int:
            part = DeviceData.of(selections[0].images, labels, np.resize(rows, steps * config.batch_size))
            evaluate(steps_of[0].model, part, config, autocast=steps_of[0].autocast)
            return len(part)

        return look
    pool = ThreadPoolExecutor(lane.runs)

    def one(number: int, steps: int) -> None:
        chosen = (torch.arange(steps * config.batch_size) % lane.rows).to(device)
        with workspaces[number].stream():
            steps_of[number].epoch(
                order[chosen], None if plan is None else plan[chosen], dropout_seed=0, lr=lambda step: 1e-4
            )

    def train(steps: int) -> int:
        if lane.runs == 1:
            one(0, steps)
        else:
            list(pool.map(one, range(lane.runs), [steps] * lane.runs))
        return lane.runs * steps * config.batch_size

    return train


def _naive(lane: Lane) -> Work:
    device, config = torch.device(lane.device), lane.config
    torch.set_num_threads(lane.threads)
    faces, labels, rows = _rows(lane)
    if lane.task == "load":
        single = naive.PILFaces(faces, labels.hard, rows, augment=config.augment)

        def load(steps: int) -> int:
            for step in range(steps):
                torch.stack([single[(step * config.batch_size + i) % lane.rows][0] for i in range(config.batch_size)])
            return steps * config.batch_size

        return load
    model = build(config, classes=len(labels.classes)).to(device)
    without_forms(model)
    if lane.way == "compiled":
        torch._inductor.config.compile_threads = 1  # no processes beside it
        model.compile()
    optimizer = torch.optim.Adam(model.parameters(), config.lr)
    loaders: dict[int, Any] = {}

    def run(steps: int) -> int:
        if steps not in loaders:  # its workers stay
            train = lane.task == "train"
            chosen = np.resize(rows, steps * config.batch_size)
            source = naive.PILFaces(faces, labels.hard, chosen, augment=config.augment if train else "none")
            loaders[steps] = naive.loader(source, batch_size=config.batch_size, seed=0 if train else None)
        if lane.task == "train":
            naive.train_epoch(model, optimizer, loaders[steps], device=device)
        else:
            naive.accuracy(model, loaders[steps], device=device)
        return steps * config.batch_size

    return run


def _skorch(lane: Lane) -> Work:
    """The usual way's images, and skorch's own loop as it comes."""
    from skorch import NeuralNetClassifier

    torch.set_num_threads(lane.threads)
    config = lane.config
    faces, labels, rows = _rows(lane)
    model = build(config, classes=len(labels.classes))
    without_forms(model)
    net = NeuralNetClassifier(
        model, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=config.lr, batch_size=config.batch_size,
        train_split=None, iterator_train__shuffle=True, iterator_train__drop_last=True, iterator_train__num_workers=2,
        device=lane.device, verbose=0,
    ).initialize()  # fmt: skip

    def train(steps: int) -> int:
        chosen = np.resize(rows, steps * config.batch_size)
        net.partial_fit(naive.PILFaces(faces, labels.hard, chosen, augment=config.augment), y=None, epochs=1)
        return len(chosen)

    return train


def without_forms(model: nn.Module) -> None:
    """Gives `model` torch's own convolutions back."""
    for module in model.modules():
        if type(module) is Conv2d:
            module.__class__ = nn.Conv2d


def _matmul(lane: Lane) -> Work:
    """The FLOPs of a step with torch's own convolutions, as products of 2048 × 2048 matrices: the CPU's limit."""
    torch.set_num_threads(lane.threads)
    model = build(lane.config, classes=7)
    without_forms(model)
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(2, 1, 48, 48)).sum().backward()
    dtype = torch.bfloat16 if arithmetic(lane.config, torch.device("cpu")) == "bf16" else torch.float32
    a, b = torch.rand(2, 2048, 2048).to(dtype)
    images = 2 * 2048**3 / (counter.get_total_flops() / 2)  # that one product is worth

    def multiply(steps: int) -> int:
        times = max(1, round(steps * lane.config.batch_size / images))
        for _ in range(times):
            torch.mm(a, b)
        return round(times * images)

    return multiply


def _limit(lane: Lane) -> Work:
    """Our step on one fixed batch: no gather, no augmentation, no statistics."""
    device, config = torch.device(lane.device), lane.config
    prepare(device, threads=lane.threads)
    faces, labels, rows = _rows(lane)
    workspace = DeviceSession(device, capture=None)
    everything = DeviceData.of(workspace.images(faces), labels, rows)
    step = workspace.step(config, everything, labels, lambda model: None)
    batch = everything.index[: config.batch_size]
    images, targets = normalise(everything.images[batch]), everything.targets[batch]

    def train_once() -> None:
        with step.autocast:
            loss = F.cross_entropy(step.model(images).float(), targets)
        step.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        step.optimizer.step()

    @torch.inference_mode()
    def look_once() -> None:
        with step.autocast:
            step.model(images)

    step.model.train(lane.task == "train")
    once = train_once if lane.task == "train" else look_once
    if device.type == "cuda" and lane.task == "train":
        with workspace.stream():
            once = cuda_graph(train_once, step.dropout)

    def run(steps: int) -> int:
        for _ in range(steps):
            once()
        return steps * config.batch_size

    return run


class Racer:
    """A lane in a process of its own, which is told when to run, and does not outlive its `with`."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._ours, theirs = FORKS.Pipe()
        self._process = FORKS.Process(target=_serve, args=(theirs, lane))
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Racer":
        return self

    def __exit__(self, *what: object) -> None:
        self._process.kill()
        self._process.join()

    def begin(self, steps: int) -> None:
        self._ours.send(steps)

    def result(self) -> Timing:
        try:
            return self._ours.recv()
        except EOFError:
            self._process.join()
            code, lane = self._process.exitcode, self._lane
            told = f"{lane.way}, {lane.config.model}: its process ended with {code}; -9 is often too little memory."
            raise SystemExit(told) from None

    def time(self, steps: int) -> Timing:
        self.begin(steps)
        return self.result()

    def finish(self) -> float:
        """Ends the process; its peak memory in MB, resident or on the GPU."""
        self._ours.send(0)
        peak = self._ours.recv()
        self._process.join()
        return peak


def _serve(parent: Connection, lane: Lane) -> None:
    work = make(lane)
    me = psutil.Process()
    peak = [0.0]
    threading.Thread(target=_watch_memory, args=(me, peak), daemon=True).start()
    while steps := parent.recv():
        cpu, wall = _cpu_seconds(me), time.perf_counter()
        images = work(steps)
        if lane.device != "cpu":
            torch.cuda.synchronize()
        parent.send(Timing(time.perf_counter() - wall, _cpu_seconds(me) - cpu, images))
    parent.send(torch.cuda.max_memory_allocated() / 1e6 if lane.device != "cpu" else peak[0])


def _cpu_seconds(me: psutil.Process) -> float:
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(part.user + part.system for part in times)


def _watch_memory(me: psutil.Process, peak: list[float]) -> None:
    while True:
        total = sum(process.memory_info().rss for process in (me, *me.children()))
        peak[0] = max(peak[0], total / 1e6)
        time.sleep(0.2)
