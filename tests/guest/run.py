#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs guest scenarios and prints a table. ./dev guest starts it with everything it needs.

A scenario is a folder with scenario.py: its docstring says what it proves; run(rig) does it, returns one line about what
was seen, and raises when a promise is broken. TIER ("default") and MACHINE ("stock") may be set; EXPECTED is a pattern of
kernel messages that belong to it.
"""

import argparse
import importlib.util
import json
import pathlib
import signal
import sys
import time
import traceback

from devices import MACHINES
from program import Failure
from rig import Rig

HERE = pathlib.Path(__file__).parent


class Scenario:
    def __init__(self, folder):
        spec = importlib.util.spec_from_file_location(f"scenario_{folder.name}", folder / "scenario.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.name, self.run = folder.name, module.run
        self.title = module.__doc__.strip().splitlines()[0]
        self.tier = getattr(module, "TIER", "default")
        self.machine = getattr(module, "MACHINE", "stock")
        self.expected = getattr(module, "EXPECTED", None)


def choose(names, everything):
    known = [Scenario(path.parent) for path in sorted(HERE.glob("*/scenario.py"))]
    unknown = set(names) - {scenario.name for scenario in known}
    if unknown:
        sys.exit(f"error: no scenario {', '.join(sorted(unknown))}; there are: {' '.join(s.name for s in known)}")
    chosen = [s for s in known if s.name in names or not names and (everything or s.tier == "default")]
    # Those of one machine in a row share its boot.
    return sorted(chosen, key=lambda s: (s.tier != "default", s.machine != "stock", s.machine, s.name))


def attempt(rig, scenario):
    """(what was seen or None, what went wrong)"""
    try:
        rig.begin(scenario.name)
        seen = scenario.run(rig)
        rig.end(scenario.expected)
        return seen, ""
    except Exception as problem:  # pylint: disable=broad-except
        why = str(problem) if isinstance(problem, Failure) else traceback.format_exc()
        if rig.running:
            tail = "\n".join(rig.running.serial.read_text(errors="replace").splitlines()[-10:])
            why += f"\nend of the console:\n{tail}"
        rig.end_programs()
        rig.drop_guest()
        return None, f"{why}\nall logs: {rig.folder} and {rig.logs}/guest-*"


def add_rig_arguments(parser):
    """What a Rig wants to know."""
    for name in ("home", "qemu", "stub", "pattern-tool", "logs"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--root", nargs=2, action="append", metavar=("NAME", "FOLDER"))
    parser.add_argument("--accel", default="tcg,thread=multi")
    parser.add_argument("--console", action="store_true")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_rig_arguments(parser)
    parser.add_argument("--log-json")
    parser.add_argument("--which-roots", action="store_true", help="only print the names of the roots it takes, and virgl if it takes that")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("names", nargs="*")
    settings = parser.parse_args()
    chosen = choose(settings.names, settings.all)
    if settings.which_roots:
        machines = [MACHINES[scenario.machine] for scenario in chosen]
        print(" ".join(sorted({machine.root for machine in machines})), *{"virgl" for m in machines if m.system_qemu})
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows, rig = [], Rig(settings)
    try:
        with open(settings.log_json, "w", encoding="utf-8") as log:
            for scenario in chosen:
                print(f"--> {scenario.name}: {scenario.title}", flush=True)
                started = time.monotonic()
                seen, why = attempt(rig, scenario)
                seconds, result = time.monotonic() - started, "FAIL" if why else "OK"
                rows.append((scenario.name, result, f"{seconds:.1f}", seen or "see above"))
                print(f"    {result} {seconds:.1f} s: {seen or why}", flush=True)
                json.dump({"name": f"guest-{scenario.name}", "result": result, "duration": seconds, "stdout": ""}, log)
                log.write("\n")
    finally:
        rig.close()
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    print()
    for name, result, seconds, seen in rows:
        print(f"{name:{widths[0]}}  {result:{widths[1]}}  {seconds:>{widths[2]}} s  {seen}")
    return 1 if any(row[1] == "FAIL" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
