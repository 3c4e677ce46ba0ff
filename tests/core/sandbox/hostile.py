"""Commands that try to get out of a sandbox, each bounded, and whether they were stopped.

`python -m tests.core.sandbox.hostile LEVEL ...` prints as JSON, by level, what each command that was not stopped did.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tabsmith.sandbox.policy import LEVELS, SandboxLevel, SandboxPolicy
from tabsmith.sandbox.runner import CommandResult, run_command
from tests.core.sandbox.world import World, world

STRICT: Final = SandboxPolicy(
    memory_mb=512,
    processes=100,
    open_files=256,
    file_mb=64,
    disk_mb=96,
    files=1_000,
    seconds=8.0,
    cpu_seconds=1.0,
    output_bytes=1_000_000,
)

_START: Final = """
print("ran", flush=True)
def breach(): open("breach", "w").close()
"""
_NEEDED: Final = {
    "libc.": "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n",
    **{f"{name}.": f"import {name}\n" for name in ("ctypes", "os", "signal", "socket", "subprocess", "time")},
}
"""What a command that says so needs; hundreds are started, and to import all of it takes half of each."""


class Hostile(NamedTuple):
    """A command: Python, in which names of the world stand in braces. It calls breach() when it got what it wanted;
    what it does to the world is seen there."""

    name: str
    python: str
    ended: tuple[str, ...] = ()
    """The ends one of which shows that it was stopped, where that is the point."""
    seconds: float = 8.0
    alone: bool = False
    """Does it fill what the commands of one user share, so that others beside it would be stopped by it?"""


_SPREAD: Final = """
def children(count, work):
    # They live as long as this process, and each says when it has done its work; returns how many did.
    alive, hold = os.pipe()
    done, tell = os.pipe()
    for number in range(count):
        if os.fork() == 0:
            os.close(hold)
            work()
            os.write(tell, b'x')
            os.read(alive, 1)
            os._exit(0)
    os.close(tell)
    said = 0
    while said < count and os.read(done, 1):
        said += 1
    return said
"""
_BOMB: Final = """
import select
alive, hold = os.pipe()
born, tell = os.pipe()
first = os.getpid()
for _ in range(10):
    try:
        if os.fork() == 0 and hold:
            hold = os.close(hold)
    except OSError:
        os._exit(0)
os.write(tell, b'x')
if os.getpid() != first:
    os.read(alive, 1)
    os._exit(0)
said = 0
while select.select([born], [], [], 1)[0]:
    said += len(os.read(born, 4096))
"""
"""Every process of it lives until the first one has counted how many there are at once."""

HOSTILE: Final = (
    Hostile("write outside", "open('{target}', 'w').write('changed')"),
    Hostile("new file outside", "open('{outside}/new', 'w').write('new')"),
    Hostile("write through a symlink", "os.symlink('{target}', 'link'); open('link', 'w').write('changed')"),
    Hostile(
        "write through a symlinked folder", "os.symlink('{outside}', 'there'); open('there/new', 'w').write('new')"
    ),
    Hostile("write by climbing up", "open('../outside/target', 'w').write('changed')"),
    Hostile("write through a hard link", "os.link('{target}', 'link'); open('link', 'w').write('changed')"),
    Hostile("rename over a file outside", "open('x', 'w').write('changed'); os.rename('x', '{target}')"),
    Hostile("cut a file outside short", "os.truncate('{target}', 3)"),
    Hostile("delete outside", "os.unlink('{spare}')"),
    Hostile("chmod outside", "os.chmod('{target}', 0o777)"),
    Hostile("plant a start-up command", "open('{profile}', 'a').write('evil')"),
    Hostile("read a key", "open('{key}').read() == '{secret}' and breach()"),
    Hostile("list the home", "'.ssh' in os.listdir('{home}') and breach()"),
    Hostile("read a key from the environment", "'STAND_IN_API_KEY' in os.environ and breach()"),
    Hostile("read another's environment", "'{secret}' in open('/proc/{bystander.pid}/environ').read() and breach()"),
    Hostile("connect to loopback", "socket.create_connection(('127.0.0.1', {tcp_port}), 2)"),
    Hostile("send a datagram", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp_port}))"),
    Hostile("connect to an abstract socket", "socket.socket(socket.AF_UNIX).connect(chr(0) + '{tag}')"),
    Hostile("kill a process", "os.kill({bystander.pid}, signal.SIGKILL)"),
    Hostile("stop a process", "os.kill({bystander.pid}, signal.SIGSTOP)"),
    Hostile("connect to a socket by its path", "socket.socket(socket.AF_UNIX).connect('{near}')"),
    Hostile("limit another process", "__import__('resource').prlimit({bystander.pid}, 7, (1, 1)); breach()"),
    Hostile("slow another process", "os.setpriority(os.PRIO_PROCESS, {bystander.pid}, 19); breach()"),
    Hostile("slow all processes of the user", "os.setpriority(os.PRIO_USER, 0, 19); breach()", alone=True),
    Hostile("pin another process", "os.sched_setaffinity({bystander.pid}, [0]); breach()"),
    Hostile(
        "reschedule another process",
        "os.sched_setscheduler({bystander.pid}, os.SCHED_BATCH, os.sched_param(0)); breach()",
    ),
    Hostile("keep another process from the disk", "libc.syscall(251, 1, {bystander.pid}, 3 << 13) == 0 and breach()"),
    Hostile("share System V memory", "libc.shmget({key_number}, 4096, 0o600) >= 0 and breach()"),
    Hostile(
        "call what nobody has looked at",
        "libc.syscall(467, -1, b'', 0, 0) == -1 and ctypes.get_errno() != 38 and breach()",
    ),
    Hostile(
        "make files without end",
        "for n in range(3000): open(f'file{{n}}', 'w').close()\ntime.sleep(5); breach()",
        ("files",),
        alone=True,
    ),
    Hostile("trace a process", "libc.ptrace(0x4206, {bystander.pid}, 0, 0) == 0 and breach()"),
    Hostile(
        "start 300 processes", _SPREAD + "if children(300, lambda: None) == 300: time.sleep(5); breach()", alone=True
    ),
    Hostile(
        "fork bomb of 1,000",
        _BOMB + "if said > 300: time.sleep(5); breach()",
        alone=True,
    ),
    Hostile("take 2 GB", "held = [bytearray(b'x' * (1 << 24)) for _ in range(128)]; breach()", alone=True),
    Hostile(
        "take 2 GB in ten processes",
        _SPREAD + "if children(10, lambda: globals().update(held=b'x' * (200 << 20))) == 10: time.sleep(5); breach()",
        alone=True,
    ),
    Hostile(
        "print endlessly",
        "for _ in range(50): os.write(1, b'y' * (1 << 20))\nbreach()",
    ),
    Hostile(
        "fill the disk",
        "for n in range(40): open(f'file{{n}}', 'wb').write(b'x' * (8 << 20))\ntime.sleep(5); breach()",
        alone=True,
    ),
    Hostile("one huge file", "os.ftruncate(os.open('big', os.O_RDWR | os.O_CREAT), 200 << 20); breach()"),
    Hostile("open many files", "held = [open('/dev/null') for _ in range(1000)]; breach()"),
    Hostile(
        "mount",
        "os.mkdir('m'); libc.unshare(0x10020000)\nlibc.mount(b'x', b'm', b'tmpfs', 0, None) == 0 and breach()",
    ),
    Hostile(
        "become another",
        "if os.getuid() == 0: os.chmod('.', 0o777); os.setuid(1); breach()\n"
        "with subprocess.Popen(['/bin/su', '-c', 'true'], stdin=-1, stdout=-3, stderr=-3) as su:\n"
        "    for _ in range(30):\n"
        "        time.sleep(0.01)\n"
        "        lines = open(f'/proc/{{su.pid}}/status').read().splitlines()\n"
        "        if [x.split()[2] for x in lines if x.startswith('Uid')] == ['0']: breach()\n"
        "    su.kill()",
    ),
    Hostile(
        "change a kernel setting", "p = '/proc/sys/kernel/printk'; s = open(p).read(); open(p, 'w').write(s); breach()"
    ),
    Hostile("daemon", "subprocess.Popen(['sleep', '{lasting}'], start_new_session=True)"),
    Hostile(
        "double fork without a trace",
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.closerange(0, 3); os.execve('/bin/sleep', ['sleep', '{lasting}'], {{}})\n    os._exit(0)\n"
        "time.sleep(0.2)",
    ),
    Hostile("write to shared memory", "open('/dev/shm/{tag}', 'w').write('x')"),
    Hostile("stay for ever", "time.sleep(20); breach()", ("timeout",), 1.0),
    Hostile("stop itself", "os.kill(os.getpid(), signal.SIGSTOP); breach()", ("timeout",), 1.0),
    Hostile("ignore the end", "signal.signal(15, signal.SIG_IGN)\ntime.sleep(20); breach()", ("timeout",), 1.0),
    Hostile("burn the processor", "os.fork()\nwhile time.process_time() < 3: pass\nbreach()", ("cpu",), 60.0),
    Hostile(
        "stop its watcher",
        "subprocess.Popen(['sleep', '{lasting}'])\nos.kill(os.getppid(), signal.SIGSTOP); time.sleep(20); breach()",
        ("timeout", "exit"),
        1.0,
    ),
    Hostile(
        "kill its watcher",
        "subprocess.Popen(['sleep', '{lasting}'])\nos.kill(os.getppid(), signal.SIGKILL); time.sleep(0.2)",
    ),
    Hostile(
        "forge its report",
        "for n in range(3, 200):\n    try: os.write(n, b'{{}}')\n    except OSError: pass\n    else: breach()",
    ),
)


async def attempt(hostile: Hostile, level: SandboxLevel, base: Path) -> str:
    """What the command did that it should not have, empty when it was stopped."""
    with world(base) as around:
        imports = [line for word, line in _NEEDED.items() if word in hostile.python]
        script = "".join(imports) + _START + _filled(hostile.python, around)
        policy = msgspec.structs.replace(STRICT, seconds=hostile.seconds)
        outcome = await run_command((sys.executable, "-I", "-S", "-c", script), around.work, policy, level)
        assert outcome.output.bytes, f"{hostile.name} did not run at {level}: {outcome}"
        return "; ".join([*around.breaches(), *_reached(hostile, around, outcome)])


NAMES: Final = frozenset(hostile.name for hostile in HOSTILE)


async def leaks(level: SandboxLevel, names: frozenset[str] = NAMES) -> dict[str, str]:
    """What every one of these commands that was not stopped did."""
    few = asyncio.Semaphore(3)

    async def one(hostile: Hostile) -> tuple[str, str]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base:
            async with few:
                return hostile.name, await attempt(hostile, level, Path(base).resolve())

    found = await asyncio.gather(*(one(each) for each in HOSTILE if not each.alone and each.name in names))
    found += [await one(each) for each in HOSTILE if each.alone and each.name in names]
    return {name: leak for name, leak in found if leak}


def _reached(hostile: Hostile, around: World, outcome: CommandResult) -> list[str]:
    reached = ["got what it wanted"] if (around.work / "breach").exists() else []
    if hostile.ended and outcome.ended not in hostile.ended:
        reached.append(f"ended by {outcome.ended}")
    return reached


def _filled(python: str, around: World) -> str:
    return python.format(**vars(around), tcp_port=around.tcp.getsockname()[1], udp_port=around.udp.getsockname()[1])


def main(levels: list[str]) -> None:
    """Print what got through, by level."""
    os.environ["STAND_IN_API_KEY"] = "stand-in"
    print(json.dumps({level: asyncio.run(leaks(level)) for level in LEVELS if level in levels}))


if __name__ == "__main__":
    main(sys.argv[1:])
