#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The batch files for Windows, in Wine: what apply.cmd changes, rollback.cmd puts back. Wine is not Windows 11."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

CTL = os.environ["HELIX_AGENT"]
SOURCE = os.environ["WINDOWS_PROFILES"]
DEADLINE_S = 150
KEY = r"HKCU\Software\Helix"

PROFILE = r"""[main]
[service:HelixAuto]
start=disabled
[service:HelixDelayed]
start=disabled
[service:HelixDemand]
start=disabled
[service:NotThere]
start=disabled
[registry:HKCU\Software\Helix]
Number=dword:0
Text=sz:after
Bytes=binary:0102ff
Gone=absent
New=sz:two words
[registry:HKCU\Software\Helix New\Key]
Value=dword:1
Other=dword:2
"""
BEFORE = [("Number", "REG_DWORD", "7"), ("Text", "REG_EXPAND_SZ", "%TEMP%\\a b & c^d"), ("Bytes", "REG_SZ", "was text"),
          ("Gone", "REG_BINARY", "9e1e")]
# Wine's sc.exe has no config; this does to the registry what that does.
SC_CONFIG = r"""@echo off
set KEY="HKLM\SYSTEM\CurrentControlSet\Services\%~1"
set N=
if "%3"=="auto" set N=2
if "%3"=="delayed-auto" set N=2
if "%3"=="demand" set N=3
if "%3"=="disabled" set N=4
if "%N%"=="" exit /b 1
reg add %KEY% /v Start /t REG_DWORD /d %N% /f >nul
if "%3"=="disabled" reg delete %KEY% /v DelayedAutostart /f >nul 2>&1
if "%3"=="delayed-auto" reg add %KEY% /v DelayedAutostart /t REG_DWORD /d 1 /f >nul
exit /b 0
"""


@unittest.skipUnless(shutil.which("wine"), "wine is not installed: the batch files are not run")
class BatchFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.environment = {**os.environ, "WINEPREFIX": str(cls.folder / "prefix"), "WINEDEBUG": "-all",
                           "WINEDLLOVERRIDES": "mscoree,mshtml=", "HOME": folder.name, "LC_ALL": "C.UTF-8"}
        cls.environment.pop("DISPLAY", None)
        cls.addClassCleanup(subprocess.run, ["wineserver", "-k"], env=cls.environment, check=False)
        cls.wine("wineboot", "-i")

    @classmethod
    def wine(cls, *words, fails=False):
        run = subprocess.run(["wine", *words], env=cls.environment, cwd=cls.folder, capture_output=True, text=True,
                             errors="replace", timeout=DEADLINE_S, check=False)
        if not fails:
            assert run.returncode == 0, f"{words}: {run.returncode}\n{run.stdout}\n{run.stderr}"
        return run

    def render(self):
        source = self.folder / "source"
        shutil.copytree(SOURCE, source)
        (source / "t.conf").write_text(PROFILE)
        subprocess.run([CTL, "profile", "render", "--target", "windows", "--source", source, "--output",
                        self.folder / "out", "t"], check=True, stdout=subprocess.DEVNULL)
        (self.folder / "out/sc-config.cmd").write_text(SC_CONFIG, newline="\r\n")
        for name in "apply.cmd", "rollback.cmd":
            script = self.folder / "out" / name
            text = script.read_bytes()
            self.assertEqual(text.count(b"sc config "), 1)
            script.write_bytes(text.replace(b"sc config ", b"call out\\sc-config.cmd "))

    def state(self):
        queries = [("reg", "query", KEY, "/s"), ("reg", "query", r"HKCU\Software\Helix New", "/s")]
        queries += [("reg", "query", rf"HKLM\SYSTEM\CurrentControlSet\Services\{name}")
                    for name in ("HelixAuto", "HelixDelayed", "HelixDemand")]
        return [sorted(self.wine(*query, fails=True).stdout.split("\n")) for query in queries]

    def test_rollback_puts_back_what_apply_found(self):
        self.render()
        for name, start in ("HelixAuto", "auto"), ("HelixDelayed", "auto"), ("HelixDemand", "demand"):
            self.wine("sc", "create", name, "binPath=", r"C:\windows\none.exe", "start=", start)
        self.wine("reg", "add", r"HKLM\SYSTEM\CurrentControlSet\Services\HelixDelayed", "/v", "DelayedAutostart", "/t",
                  "REG_DWORD", "/d", "1", "/f")
        for name, kind, data in BEFORE:
            self.wine("reg", "add", KEY, "/v", name, "/t", kind, "/d", data, "/f")
        self.wine("reg", "add", r"HKCU\Software\Helix New", "/f")
        before = self.state()
        self.wine("cmd", "/c", r"out\apply.cmd")
        after = self.state()
        text = "\n".join("\n".join(lines) for lines in after)
        for wanted in r"0x0", "after", "0102FF", "two words", r"Helix New\Key":
            self.assertIn(wanted, text)
        self.assertNotIn("Gone", text)
        self.assertEqual(len(re.findall(r"Start +REG_DWORD +0x4", text)), 3, text)
        self.assertNotEqual(self.wine("cmd", "/c", r"out\apply.cmd", fails=True).returncode, 0)
        self.wine("cmd", "/c", r"out\rollback.cmd")
        self.assertEqual(self.state(), before)
        self.assertNotEqual(self.wine("cmd", "/c", r"out\rollback.cmd", fails=True).returncode, 0)


if __name__ == "__main__":
    unittest.main()
