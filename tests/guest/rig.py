# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a scenario gets: a guest, and programs of the host beside it."""

import pathlib
import shutil
import time

from devices import MACHINES, OurDevices
from guest import Guest
from program import Program, require


class Rig:
    """What a scenario gets. Guests outlive it when the next one wants the same machine; programs do not."""

    def __init__(self, settings):
        self.roots = {name: pathlib.Path(path) for name, path in settings.root}
        self.home, self.qemu = settings.home, settings.qemu
        self.stub, self.pattern_tool = settings.stub, settings.pattern_tool
        self.logs = pathlib.Path(settings.logs)
        self.console, self.accel = settings.console, settings.accel
        self.name, self.folder, self.programs = None, None, []
        self.machine, self.running = None, None

    def begin(self, name):
        self.name, self.folder = name, self.logs / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def guest(self, machine="stock"):
        """A booted guest with these devices."""
        if self.running and self.machine != machine:
            self.drop_guest()
        if not self.running:
            started = time.monotonic()
            self.machine, self.running = machine, Guest(self, self.logs / f"guest-{machine}", MACHINES[machine])
            self.running.wait_for_ready()
            print(f"    guest '{machine}' is up after {time.monotonic() - started:.1f} s", flush=True)
        self.running.where = f"{self.home}/src/tests/guest/{self.name}"
        return self.running

    def start(self, *argv):
        """A program of the host, for the time of the scenario."""
        name = pathlib.Path(str(argv[0])).name
        program = Program(argv, self.folder / f"{name}-{len(self.programs)}.log")
        self.programs.append(program)
        return program

    def start_stream(self, *listen, options=()):
        """helix-host-stub stream: (program, the addresses it listens at). With our devices it serves the guest's vsock port
        5000 and its resources."""
        if isinstance(self.running.devices, OurDevices):
            folder = self.running.devices.dir
            listen = listen or (f"unix:{folder}/vsock_5000",)
            options = ("--resources", f"unix:{folder}/resources.sock", *options)
        words = [word for address in listen for word in ("--listen", address)]
        program = self.start(self.stub, "stream", *words, "--stats", "json", *options)
        return program, [program.wait_for_line(rf"(?:^listening on .*\n){{{n}}}listening on (.*)$")[1]
                         for n in range(len(listen))]

    def end(self, expected=None):
        """After a scenario that went well so far."""
        if self.running:
            self.running.stop_scripts()
            trouble = self.running.trouble(expected)
            require(not trouble, "the guest's kernel said:\n" + "\n".join(trouble))
        self.end_programs()

    def end_programs(self):
        for program in self.programs:
            program.kill()
        self.programs = []

    def drop_guest(self):
        if self.running:
            self.running.kill()
        self.machine, self.running = None, None

    def close(self):
        self.end_programs()
        self.drop_guest()
