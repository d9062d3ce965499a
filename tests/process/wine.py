# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wine without a display: a prefix that is made once a machine, and a registry of its own for every test."""

import os
import pathlib
import shutil
import subprocess
import tempfile

DEADLINE_S = 300  # for one program; making the prefix takes about 10 s on an idle machine
REGISTRIES = "system.reg", "user.reg", "userdef.reg", ".update-timestamp"
SERVICES = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"


def missing():
    """Why there is no Wine here, or None."""
    return None if shutil.which("wine") and shutil.which("wineserver") else "wine is not installed"


def environment(prefix):
    kept = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return {**kept, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=",
            "LC_ALL": "C.UTF-8"}


def run(prefix, *words, folder=None, extra=None, fails=False):
    """The services that the first program starts keep its output open: a file, as a pipe would not end."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        done = subprocess.run(words, env={**environment(prefix), **(extra or {})}, cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False)
        output.seek(0)
        done.stdout = output.read()
    assert fails or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}"
    return done


def pattern():
    """The prefix that the others are made from: about 700 MB, in ~/.cache/helix-guest."""
    version = subprocess.run(["wine", "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "helix-guest"
    ready = cache / version
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True)
        new = pathlib.Path(tempfile.mkdtemp(prefix="wine-", dir=cache))
        try:
            run(new, "wineboot", "-i")
            run(new, "wineserver", "-w")
            new.rename(ready)
        except OSError:
            if not ready.exists():
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return ready


def make_prefix(prefix):
    """Shares the files of Windows with all others, has its own registry and Program Files."""
    source = pattern()
    drive = prefix / "drive_c"
    (drive / "Program Files").mkdir(parents=True)
    for name in REGISTRIES:
        shutil.copy(source / name, prefix)
    for name in "windows", "ProgramData", "users":
        (drive / name).symlink_to(source / "drive_c" / name)
    (prefix / "dosdevices").mkdir()
    (prefix / "dosdevices/c:").symlink_to("../drive_c")
    (prefix / "dosdevices/z:").symlink_to("/")


def read_export(text):
    """{(key, name): data} and {(key, None): ""} of what reg.exe exports."""
    found, key = {}, ""
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("["):
            key = line[1:-1]
            found[key, None] = ""
        elif "=" in line:
            name, _, data = line.partition("=")
            found[key, name] = data
    return found


def export_text(kind, text):
    """The same for a type by its number: 2 expands variables, 7 is a list."""
    return f"hex({kind}):" + text.encode("utf-16-le").hex(",")


def write_import(path, keys):
    lines = ["Windows Registry Editor Version 5.00"]
    for key, values in keys.items():
        lines += ["", f"[{key}]", *values]
    path.write_text("\n".join(lines) + "\n", "utf-16", newline="\r\n")
