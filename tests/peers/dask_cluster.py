"""Dask's own LocalCluster in a process of its own: worker processes and a scheduler on the loopback.

The process forks nothing and is forked by nobody, so its threads are its own business. It says one line of JSON when all
workers are there, and ends with its stdin.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

WORKERS: Final = 2
START_SECONDS: Final = 120.0
HELD: Final = b"held\n"


class LocalDaskCluster(msgspec.Struct):
    """A cluster that runs: where its scheduler listens, and the processes of its workers, each of one thread."""

    address: str
    workers: tuple[int, ...]
    process: Any

    def hold(self, until: Path) -> None:
        """Keep all workers busy until there is a file at `until`: whatever else they are to do waits behind that."""
        self.process.stdin.write(f"{until}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == HELD

    def end(self) -> None:
        """End the cluster, workers included."""
        with self.process:  # which closes its stdin, and waits
            pass

    def kill(self) -> None:
        """End the scheduler as a machine does that loses its power; the workers end when they miss it."""
        self.process.kill()
        self.end()


def start_cluster() -> LocalDaskCluster:
    """Start a cluster with workers that can import tabsmith and these tests."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.peers.dask_cluster"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    said = json.loads(process.stdout.readline())
    return LocalDaskCluster(said["address"], tuple(said["workers"]), process)


def _serve() -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0
        ) as cluster,
        Client(cluster, timeout=START_SECONDS) as client,
    ):
        client.wait_for_workers(WORKERS, timeout=START_SECONDS)
        workers = list(client.run(os.getpid).values())
        print(json.dumps({"address": cluster.scheduler_address, "workers": workers}), flush=True)
        held = []
        for line in sys.stdin:
            addresses = client.scheduler_info(n_workers=-1)["workers"]
            held += [client.submit(_wait_for, line.strip(), workers=[each], pure=False) for each in addresses]
            print(HELD.decode(), end="", flush=True)


def _wait_for(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.01)


if __name__ == "__main__":
    _serve()
