# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's side of the guest agent: its dialect, through the vsock device of the host stub."""

import json
import socket

from program import require

PORT = 5001
DEADLINE_S = 120


class AgentClient:
    """A connection to helix-agentd in a guest with OurDevices; the guest sees CID 2."""

    def __init__(self, guest, port=PORT):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(guest.devices.dir / "vsock"))
        self.socket.sendall(b"CONNECT %d\n" % port)
        self.file = self.socket.makefile("rb")
        line = self.file.readline()
        require(line.startswith(b"OK "), f"nobody listens at vsock port {port} of the guest: {line}")

    def send(self, command, arguments):
        request = {"execute": command, "id": command}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def reply(self):
        line = self.file.readline()
        require(line, "the agent hung up")
        return json.loads(line)

    def ask(self, command, **arguments):
        """The whole reply."""
        self.send(command, arguments)
        reply = self.reply()
        require(reply.get("id") == command, f"the reply to something else than {command}: {reply}")
        return reply

    def value(self, command, **arguments):
        reply = self.ask(command, **arguments)
        require("return" in reply, f"{command} {arguments}: {reply}")
        return reply["return"]

    def refused(self, wanted, command, **arguments):
        """It must be, with an error of this class."""
        reply = self.ask(command, **arguments)
        require(reply.get("error", {}).get("class") == wanted, f"{command} was not refused with {wanted}: {reply}")

    def probe(self, name):
        """What a probe says when it is asked now."""
        found = self.value("helix-health", probes=[name], refresh=True)["probes"]
        require([probe["id"] for probe in found] == [name], f"asked for {name}: {found}")
        return found[0]

    def close(self):
        self.file.close()
        self.socket.close()
