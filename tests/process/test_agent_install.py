#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` leaves in a staging root: programs, units, what units may do, manuals."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["BUILD_ROOT"]
MESON = os.environ["MESON"]
CTL = os.environ["HELIX_AGENT"]
AGENTD = os.environ["HELIX_AGENTD"]
DEADLINE_S = 60

# Of `systemd-analyze security`: 0 may do nothing, 10 everything.
EXPOSURE_MAX = {"helix-agentd.service": 1.5, "helix-applyd.service": 2.5}


class Unit(configparser.RawConfigParser):
    """The values of a unit file; a key that is there twice keeps the last one."""

    def __init__(self, path):
        super().__init__(strict=False, comment_prefixes=("#",), delimiters=("=",))
        self.optionxform = str
        self.read(path)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="stage-")
        cls.addClassCleanup(folder.cleanup)
        subprocess.run([MESON, "install", "-C", BUILD, "--no-rebuild", "--destdir", folder.name], check=True,
                       capture_output=True, timeout=DEADLINE_S)
        cls.stage = pathlib.Path(folder.name)

    def find(self, name):
        found = list(self.stage.rglob(name))
        self.assertEqual(len(found), 1, f"{name}: {found}")
        return found[0]

    def test_units_start_what_is_installed(self):
        for name in EXPOSURE_MAX:
            program = Unit(self.find(name))["Service"]["ExecStart"].split()[0]
            self.assertTrue(os.access(self.stage / program.lstrip("/"), os.X_OK), program)

    def test_everything_has_its_place(self):
        prefix = self.find("helix-agentd").parent.parent
        for path in ("lib/systemd/system/helix-applyd.socket", "lib/sysusers.d/helix-agent.conf",
                     "lib/tmpfiles.d/helix-agent.conf", "lib/udev/rules.d/70-helix-agent.rules"):
            self.assertTrue((prefix / path).is_file(), path)

    def test_shipped_profiles_are_installed(self):
        self.assertEqual(self.find("rt-audio.conf").parent.name, "profiles")

    def test_who_enables_the_agent_has_its_profiles_after_a_reboot(self):
        if not shutil.which("systemctl"):
            self.skipTest("no systemctl here (package systemd)")
        subprocess.run(["systemctl", "--quiet", f"--root={self.stage}", "enable", "helix-agentd.service"], check=True,
                       capture_output=True, timeout=DEADLINE_S)
        wants = self.stage / "etc/systemd/system"
        started = {link.relative_to(wants).as_posix() for link in wants.rglob("*.wants/*")}
        shutil.rmtree(wants)
        self.assertIn("multi-user.target.wants/helix-applyd.service", started)
        self.assertIn("sockets.target.wants/helix-applyd.socket", started)

    def test_users_of_units_are_made(self):
        made = {line.split()[1] for line in self.find("sysusers.d").joinpath("helix-agent.conf").read_text().splitlines()
                if line[:1] in "ug" and line}
        self.assertIn(Unit(self.find("helix-agentd.service"))["Service"]["User"], made)
        self.assertIn(Unit(self.find("helix-applyd.socket"))["Socket"]["SocketUser"], made)

    def test_the_agent_may_look_at_the_gpu(self):
        lines = self.find("sysusers.d").joinpath("helix-agent.conf").read_text().splitlines()
        self.assertIn(["m", "helix-agent", "render"], [line.split()[:3] for line in lines])
        self.assertIn("DeviceAllow=char-drm", self.find("helix-agentd.service").read_text())

    def test_an_encoder_over_tcp_has_a_drop_in(self):
        unit = self.find("helix-agentd.service").read_text()
        drop_in = self.find("encoder-tcp.conf").read_text()
        self.assertIn("encoder-tcp.conf", unit)
        for key in ("RestrictAddressFamilies=", "IPAddressAllow="):
            self.assertIn(f"\n{key}", drop_in)
        self.assertNotRegex(unit, r"(?m)^RestrictAddressFamilies=.*AF_INET")

    def test_the_applier_keeps_its_state_for_itself(self):
        applier = Unit(self.find("helix-applyd.service"))["Service"]
        self.assertEqual(applier["StateDirectoryMode"], "0700")
        self.assertNotIn("StateDirectory", Unit(self.find("helix-agentd.service"))["Service"])

    def test_manuals_name_every_command_and_key(self):
        usage = subprocess.run([CTL, "--help"], capture_output=True, text=True, check=True).stdout
        commands = [line.strip().split("  ")[0] for line in usage.splitlines() if line.startswith("  ")]
        config = subprocess.run([AGENTD, "--dump-conf"], capture_output=True, text=True, check=True).stdout
        keys = re.findall(r"^([a-z-]+)=", config, re.MULTILINE)
        self.assertGreater(min(len(commands), len(keys)), 12)
        for manual, words in (("helix-agent.1", commands), ("helix-agent.conf.5", keys)):
            text = re.sub(r"\\-", "-", self.find(manual).read_text())
            for word in words:
                self.assertIn(" ".join(part for part in word.split() if part.strip("[]").islower() and "|" not in part),
                              text)

    def test_manuals_are_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("no groff here")
        for manual in ("helix-agent.1", "helix-agentd.8", "helix-applyd.8", "helix-agent.conf.5"):
            done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", str(self.find(manual))],
                                  capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_units_may_do_little(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze here (package systemd)")
        for name, most in EXPOSURE_MAX.items():
            with self.subTest(unit=name):
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                                       str(self.find(name))], capture_output=True, text=True, timeout=DEADLINE_S,
                                      check=False)
                score = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
                if not score:
                    self.skipTest(f"systemd-analyze cannot score: {done.stderr.strip()}")
                self.assertLessEqual(float(score[1]), most)

    def test_systemd_understands_the_units(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze here (package systemd)")
        folder = self.stage / "verify"
        folder.mkdir()
        for name in (*EXPOSURE_MAX, "helix-applyd.socket"):
            text = self.find(name).read_text()
            (folder / name).write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, folder.iterdir())],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                              env=dict(os.environ, SYSTEMD_LOG_LEVEL="warning"))
        ours = [line for line in done.stderr.splitlines() if "helix" in line]
        shutil.rmtree(folder)
        self.assertEqual(ours, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
