#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The batch files for Windows, in Wine: what apply.cmd changes, rollback.cmd puts back. Wine is not Windows 11:
it has no powercfg.exe, its PowerShell does nothing and its reg.exe loads no hives; programs of that name stand in for
the first two."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import wine

CTL = os.environ["HELIX_AGENT"]
SOURCE = os.environ["WINDOWS_PROFILES"]
RECORD = pathlib.Path("drive_c/Program Files/helix-agent/cmd")
USER_KEY = r"HKCU\Software\Helix"
KEY = r"HKLM\SOFTWARE\Helix"
CONTROL = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control"
PLAN = "381b4222-f694-41f0-9685-ff5bb260df2e"
HIGH_PERFORMANCE = "8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c"
PROFILES = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
LOADED, ABSENT, GONE = (f"S-1-5-21-1-2-3-{n}" for n in (1001, 1002, 1003))
EXPORTED = (r"HKLM\SYSTEM\CurrentControlSet", "HKEY_USERS", r"HKLM\SOFTWARE\Helix", r"HKLM\SOFTWARE\helix-agent-scratch",
            r"HKLM\SOFTWARE\Classes\helix-link", r"HKLM\SOFTWARE\Classes\.helix")

PROFILE = rf"""[main]
[service:HelixAuto]
start=disabled
[service:HelixDelayed]
start=disabled
[service:HelixDemand]
start=automatic
[service:NotThere]
start=disabled
[registry:HKCU\Software\Helix]
Number=dword:0
Text=sz:after
Bytes=binary:0102ff
Many=dword:4294967295
Gone=absent
New=sz:two words
[registry:HKCU\Software\Helix New\Key]
Value=dword:1
Other=dword:2
[registry:HKCR\helix-link]
@=sz:URL:helix-link
URL Protocol=sz:
[registry:HKCR\helix-link\shell\open\command]
@=sz:systray.exe
[registry:HKCR\.helix]
@=sz:mine
[power:plan]
scheme={HIGH_PERFORMANCE}
[power:hibernation]
enabled=no
"""
FEW = r"""[main]
[service:HelixDelayed]
start=disabled
[registry:HKLM\SOFTWARE\Helix]
Number=dword:0
Text=sz:after
New=sz:two words
[registry:HKLM\SOFTWARE\Helix\New\Key]
Value=dword:1
"""
RISKY = r"""[main]
[registry:HKLM\SOFTWARE\Helix]
Low=dword:1
[registry:HKLM\SYSTEM\CurrentControlSet\Control\DeviceGuard]
EnableVirtualizationBasedSecurity=dword:0
risk=high
guard=vbs
"""
NUMBER, TEXT = '"Number"=dword:00000007', '"Text"=' + wine.export_text(2, "%TEMP%\\a b & c^d\0")
# One user runs the script, one is logged on, and the hive of one was left loaded by a run that was interrupted.
BEFORE = {
    r"HKEY_CURRENT_USER\Software\Helix": (
        NUMBER, TEXT, '"Bytes"="was text"', '"Many"=' + wine.export_text(7, "one\0two three\0\0"), '"Gone"=hex:9e,1e',
        '"Other"="not ours"'),
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Helix": (NUMBER, TEXT),
    rf"HKEY_USERS\{LOADED}\Software\Helix": (NUMBER,),
    rf"HKEY_USERS\{LOADED}_Classes\Software\Helix": (NUMBER,),
    rf"HKEY_USERS\helix-{ABSENT}\Software\Helix": (NUMBER,),
    r"HKEY_USERS\S-1-5-19\Software\Helix": (NUMBER,),
    rf"{CONTROL}\Power": ('"HibernateEnabled"=dword:00000001',),
    rf"{CONTROL}\Power\User\PowerSchemes": (f'"ActivePowerScheme"="{PLAN}"',),
    rf"{wine.SERVICES}\HelixDelayed": ('"DelayedAutostart"=dword:00000001',),
    rf"{PROFILES}\{ABSENT}": ('"ProfileImagePath"=' + wine.export_text(2, "%SystemDrive%\\absent\0"),),
    rf"{PROFILES}\{GONE}": (r'"ProfileImagePath"="c:\\gone"',),
    r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\.helix": ('@="theirs"',),
}
POWERCFG = rf"""@echo off
if "%1"=="/setactive" reg add {CONTROL}\Power\User\PowerSchemes /v ActivePowerScheme /d %2 /f >nul
if "%1 %2"=="/hibernate off" reg add {CONTROL}\Power /v HibernateEnabled /t REG_DWORD /d 0 /f >nul
if "%1 %2"=="/hibernate on" reg add {CONTROL}\Power /v HibernateEnabled /t REG_DWORD /d 1 /f >nul
"""
POWERSHELL = "@exit %HELIX_TEST_VBS%\n"


@unittest.skipIf(wine.missing(), wine.missing())
class BatchFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.prefix = cls.folder / "prefix"
        wine.make_prefix(cls.prefix)
        cls.addClassCleanup(wine.run, cls.prefix, "wineserver", "-w", fails=True)
        cls.addClassCleanup(wine.run, cls.prefix, "wineserver", "-k", fails=True)
        wine.run(cls.prefix, "wineserver", "-p")
        cls.prefix.joinpath("drive_c/absent").mkdir()
        cls.prefix.joinpath("drive_c/absent/NTUSER.DAT").touch()
        cls.write("powercfg.cmd", POWERCFG)
        cls.write("powershell.cmd", POWERSHELL)
        cls.write("state.cmd", "@echo off\n" + "".join(f"reg export {key} {number}.reg /y >nul 2>&1\n"
                                                       for number, key in enumerate(EXPORTED)))
        for name, start in ("HelixAuto", "auto"), ("HelixDelayed", "auto"), ("HelixDemand", "demand"):
            wine.run(cls.prefix, "wine", "sc", "create", name, "binPath=", r"c:\windows\none.exe", "start=", start)
        wine.write_import(cls.folder / "before", BEFORE)
        wine.run(cls.prefix, "wine", "reg", "import", "before", folder=cls.folder)

    def setUp(self):
        self.addCleanup(shutil.rmtree, self.prefix / RECORD.parent, ignore_errors=True)
        self.render(FEW)
        self.before = self.state()

    @classmethod
    def write(cls, name, text):
        (cls.folder / name).write_text(text, newline="\r\n")

    def render(self, profile):
        source = self.folder / "source"
        shutil.copytree(SOURCE, source, dirs_exist_ok=True)
        (source / "t.conf").write_text(profile)
        subprocess.run([CTL, "profile", "render", "--target", "windows", "--source", source, "--output", self.folder,
                        "t"], check=True, stdout=subprocess.DEVNULL)

    def batch(self, *words, fails=False, vbs=0):
        return wine.run(self.prefix, "wine", "cmd", "/c", *words, folder=self.folder, fails=fails,
                        extra={"HELIX_TEST_VBS": str(vbs)})

    def state(self):
        for path in self.folder.glob("*.reg"):
            path.unlink()
        self.batch("state.cmd", fails=True)
        return {item: data for path in self.folder.glob("*.reg")
                for item, data in wine.read_export(path.read_text("utf-16")).items()}

    def assert_as_before(self):
        now = self.state()
        changed = [(item, self.before.get(item), now.get(item)) for item in sorted({*self.before, *now}, key=str)
                   if self.before.get(item) != now.get(item)]
        self.assertEqual(changed, [])

    def interrupted(self, script, label, identity):
        """Ends the script as if it were killed, where the setting gets to the label."""
        text = (self.folder / script).read_bytes()
        mark = f"\r\n:{label}\r\n".encode()
        self.assertEqual(text.count(mark), 1, label)
        stop = f'if "%FILE:~-16%"=="{identity}" exit 9\r\n'.encode()
        (self.folder / "killed.cmd").write_bytes(text.replace(mark, mark + stop))
        self.assertEqual(self.batch("killed.cmd", fails=True).returncode, 9)

    def identities(self):
        return re.findall(r"^call :entry (\w+) ", (self.folder / "apply.cmd").read_text(), re.M)

    def add(self, key, name, kind, data):
        wine.run(self.prefix, "wine", "reg", "add", key, "/v", name, "/t", kind, "/d", data, "/f")

    def query(self, key, name):
        return wine.run(self.prefix, "wine", "reg", "query", key, "/v", name, fails=True).stdout

    def test_rollback_puts_back_exactly_what_apply_found(self):
        self.render(PROFILE)
        self.batch("apply.cmd")
        now = self.state()
        helix = rf"HKEY_USERS\{LOADED}\Software\Helix"
        wanted = {(helix, '"Number"'): "dword:00000000", (helix, '"Many"'): "dword:ffffffff",
                  (helix, '"Bytes"'): "hex:01,02,ff", (helix, '"Text"'): '"after"',
                  (helix + r" New\Key", '"Other"'): "dword:00000002",
                  (rf"HKEY_USERS\helix-{ABSENT}\Software\Helix", '"Number"'): "dword:00000000",
                  (rf"HKEY_USERS\{LOADED}_Classes\Software\Helix", '"Number"'): "dword:00000007",
                  (r"HKEY_USERS\S-1-5-19\Software\Helix", '"Number"'): "dword:00000007",
                  (r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\helix-link\shell\open\command", "@"): '"systray.exe"',
                  (r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\.helix", "@"): '"mine"'}
        for item, data in wanted.items():
            self.assertEqual(now.get(item), data, item)
        self.assertNotIn("Gone", self.query(USER_KEY, "Gone"))
        self.assertIn("0xffffffff", self.query(USER_KEY, "Many"))
        self.assertIn(HIGH_PERFORMANCE, self.query(rf"{CONTROL}\Power\User\PowerSchemes", "ActivePowerScheme"))
        self.assertIn("0x0", self.query(rf"{CONTROL}\Power", "HibernateEnabled"))
        for name, start in ("HelixAuto", 4), ("HelixDelayed", 4), ("HelixDemand", 3):
            self.assertIn(f"0x{start}", self.query(rf"{wine.SERVICES}\{name}", "Start"), name)
        self.batch("rollback.cmd")
        self.assert_as_before()
        self.assertFalse((self.prefix / RECORD.parent).exists())
        self.assertIn("recorded nothing", self.batch("rollback.cmd", fails=True).stdout)

    def test_the_first_originals_win(self):
        self.batch("apply.cmd")
        records = {path.name: path.read_bytes() for path in (self.prefix / RECORD).iterdir()}
        self.batch("apply.cmd")
        self.assertEqual({path.name: path.read_bytes() for path in (self.prefix / RECORD).iterdir()}, records)
        # What sc.exe of Windows does with a service that no longer starts.
        wine.run(self.prefix, "wine", "reg", "delete", rf"{wine.SERVICES}\HelixDelayed", "/v", "DelayedAutostart", "/f")
        self.batch("rollback.cmd")
        self.assert_as_before()

    def test_what_somebody_else_changed_is_left_and_reported(self):
        self.batch("apply.cmd")
        self.add(KEY, "Number", "REG_DWORD", "9")
        wine.run(self.prefix, "wine", "reg", "delete", KEY, "/v", "New", "/f")  # as it was: nothing to report
        for script in "apply.cmd", "rollback.cmd", "rollback.cmd":
            done = self.batch(script, fails=True)
            self.assertEqual((done.returncode, done.stdout.count("changed by somebody")), (1, 1), done.stdout)
            self.assertIn("0x9", self.query(KEY, "Number"))
        self.batch("rollback.cmd", "/force")
        self.assert_as_before()

    def test_an_interrupted_apply_is_taken_back(self):
        service, number, text, new, key = self.identities()
        for label, identity in (("entry_record", number), ("record_done", text), ("entry_apply", new), ("change", key),
                                ("change", service)):
            with self.subTest(label):
                self.interrupted("apply.cmd", label, identity)
                done = self.batch("rollback.cmd", fails="record" in label)
                self.assertEqual("recorded nothing" in done.stdout, "record" in label)
                self.assert_as_before()

    def test_an_interrupted_rollback_goes_on(self):
        service, number, text, _, key = self.identities()
        self.batch("apply.cmd")
        for label, identity in (("prune_this", key), ("change", text), ("back", number), ("change", service)):
            self.interrupted("rollback.cmd", label, identity)
        self.batch("rollback.cmd")
        self.assert_as_before()

    def test_an_original_that_cannot_be_put_back_stops_it_before_it_begins(self):
        self.add(KEY, "Text", "REG_SZ", '"a" b')
        self.addCleanup(self.add, KEY, "Text", "REG_SZ", "before")
        self.before = self.state()
        done = self.batch("apply.cmd", fails=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("use apply.ps1", done.stdout)
        self.assert_as_before()
        self.assertFalse((self.prefix / RECORD.parent).exists())

    def test_high_risk_is_asked_for_and_guarded(self):
        self.render(RISKY)
        guard = rf"{CONTROL}\DeviceGuard"
        for words, locked, vbs, changed in ((("apply.cmd",), 0, 2, False), (("apply.cmd", "/high"), 0, 1, False),
                                            (("apply.cmd", "/high"), 1, 2, None), (("apply.cmd", "/high"), 0, 2, True)):
            with self.subTest(words=words, locked=locked, vbs=vbs):
                self.add(guard, "Locked", "REG_DWORD", str(locked))
                self.before = self.state()
                done = self.batch(*words, fails=changed is None, vbs=vbs)
                self.assertEqual("0x0" in self.query(guard, "EnableVirtualizationBasedSecurity"), changed is True)
                self.assertEqual("0x1" in self.query(r"HKLM\SOFTWARE\Helix", "Low"), changed is not None)
                self.assertEqual(done.returncode, int(changed is None), done.stdout)
                self.batch("rollback.cmd", fails=changed is None)
                self.assert_as_before()


if __name__ == "__main__":
    unittest.main()
