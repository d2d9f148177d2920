"""A real Slurm of two nodes with one core each, both on this machine, for as long as a test needs it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
SchedulerParameters=sched_interval=2,bf_interval=2
UnkillableStepTimeout=10
MpiDefault=none
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] CPUs=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Its daemons, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        first = _free_ports()
        for name in ("state", "n1", "n2"):
            (folder / name).mkdir()
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        conf = folder / "slurm.conf"
        conf.write_text(CONF.format(folder=folder, host=socket.gethostname(), ports=range(first, first + 3)))
        self.environment = {**os.environ, "SLURM_CONF": str(conf)}
        munge = ["--force", "--key-file=key", "--socket=munge.socket", "--pid-file=munged.pid", "--seed-file=seed"]
        self._start("munged", *munge, "--log-file=munged.log")
        self.start_controller()
        for node in ("n1", "n2"):
            self._start("slurmd", "-N", node)
        wait_until(lambda: self.call("sinfo", "--noheader", "--format=%t").split() == ["idle"], within=30)

    def _start(self, daemon: str, *words: str) -> None:
        absolute = [word.replace("=", f"={self.folder}/", 1) if "=" in word else word for word in words]
        subprocess.run(
            [f"/usr/sbin/{daemon}", *absolute], env=self.environment, check=True, capture_output=True, timeout=30
        )

    def start_controller(self) -> None:
        """Starts slurmctld; it finds the state that an earlier one left."""
        self._start("slurmctld")

    def stop_controller(self) -> None:
        """Ends slurmctld; nodes and jobs go on."""
        self._end("slurmctld")

    def call(self, *words: str) -> str:
        """What one of Slurm's commands prints."""
        return subprocess.run(words, env=self.environment, check=True, capture_output=True, text=True).stdout

    def _end(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pid = int((self.folder / f"{name}.pid").read_text())
            os.kill(pid, signal.SIGTERM)
            try:
                wait_until(lambda: not Path(f"/proc/{pid}").exists(), within=20)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Ends all jobs and daemons."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.call("scancel", "--signal=KILL", "--full", "--user=root")
        for name in ("n1", "n2", "slurmctld", "munged"):
            self._end(name)


def wait_until(true: Callable[[], bool], *, within: float) -> None:
    """Raises `TimeoutError` unless `true` is so before `within` seconds are over."""
    ends = time.monotonic() + within
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError(f"not so after {within} s")
        time.sleep(0.1)


def _free_ports() -> int:
    """The first of three ports in a row that nobody listens on."""
    for first in range(16_817 + os.getpid() % 1000 * 3, 60_000, 3):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + 3):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports")


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A Slurm in `folder`; skips the test, and says why, where none can be started."""
    missing = [name for name in ("slurmctld", "slurmd", "munged") if shutil.which(name, path="/usr/sbin") is None]
    if missing:
        pytest.skip(f"no Slurm: {', '.join(missing)} not in /usr/sbin (apt-get install slurm-wlm munge)")
    if os.getuid() != 0:
        pytest.skip("Slurm's daemons are started as root only")
    with contextlib.ExitStack() as stack:
        try:
            started = Slurm(folder)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", b"") or b"").decode()
            pytest.skip(f"Slurm does not start here: {error} {said}")
        stack.callback(started.end)
        yield started
