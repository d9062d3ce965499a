# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the host that subscribes to a scanout and reads the numbers off its pictures. docs/protocol.md, 3.2 and 3.7"""

import socket
import struct
import subprocess
import threading

from program import require

HEADER = struct.Struct("<4sBBHI")
FRAME_RESPONSE, SUBSCRIBE, SUBSCRIBE_RESP = 0x02, 0x30, 0x31
RESPONSE_HEAD = 24  # bytes in front of the blobs
ANSWER_S = 20
DECODE_S = 60


class Subscriber:
    """Collects what comes until it is told to end."""

    def __init__(self, path, scanout):
        self.scanout, self.units = scanout, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_S)
        self.socket.connect(path)
        self.socket.sendall(HEADER.pack(b"HXFR", SUBSCRIBE, 0, scanout, 4) + struct.pack("<I", scanout))
        kind, payload = self.receive()
        require((kind, payload) == (SUBSCRIBE_RESP, struct.pack("<2I", scanout, 1)), f"not subscribed: {kind} {payload}")
        self.socket.settimeout(None)
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def receive(self):
        _, kind, _, _, size = HEADER.unpack(self.read(HEADER.size))
        return kind, self.read(size)

    def collect(self):
        try:
            while True:
                kind, payload = self.receive()
                if kind == FRAME_RESPONSE:
                    self.units.append(access_unit(payload))
        except (EOFError, OSError):
            pass

    def end(self, folder, pattern_tool):
        """The numbers in the pictures that came, in order; None for one that cannot be read."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.socket.close()
        stream = folder / "scanout.h264"
        stream.write_bytes(b"".join(self.units))
        done = subprocess.run([pattern_tool, "read", stream, "avdec_h264"], check=True, timeout=DECODE_S, text=True,
                              stdout=subprocess.PIPE)
        rows = [line.split() for line in done.stdout.splitlines()]
        return [int(row[1]) if len(row) == 3 else None for row in rows]


def access_unit(payload):
    """The blobs of a FRAME_RESPONSE in one."""
    (count,) = struct.unpack_from("<I", payload, RESPONSE_HEAD - 4)
    position, unit = RESPONSE_HEAD, b""
    for _ in range(count):
        (size,) = struct.unpack_from("<I", payload, position)
        unit += payload[position + 4:position + 4 + size]
        position += 4 + size
    return unit
