"""The templates that tests fork their programs from outlive clients that are killed at any moment."""

import json
import os
import socket
import subprocess

from tests.forked_programs import forked


def test_a_client_killed_before_it_hears_of_its_fork_takes_no_other_along(tmp_path) -> None:
    version = forked("tabsmith", "--version")
    template = version[5]
    order = json.dumps(
        {"folder": str(tmp_path), "environment": dict(os.environ), "program": "tabsmith", "arguments": []}
    )
    for sent in (b"", order[:20].encode(), order.encode() + b"\n"):
        for _ in range(5):
            client = socket.socket(socket.AF_UNIX)
            client.connect(template)
            if sent:
                with open(os.devnull, "r+b") as nothing:
                    socket.send_fds(client, [sent], [nothing.fileno()] * 3)
            client.close()
    assert subprocess.run(version, capture_output=True, text=True, check=True).stdout.startswith("tabsmith ")
