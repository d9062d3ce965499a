#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every C file that the build compiles is free of what .clang-tidy asks for: clang-tidy.py SOURCE BUILD

A file that was clean stays so until it, a header it includes, its compiler command, .clang-tidy or the tool changes.
The build folder remembers a hash of all these, so that a second run takes seconds.
"""
import concurrent.futures
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys

TIDY = "clang-tidy"
# The commands are those of gcc: clang does not know all of its warnings.
EXTRA = ["--quiet", "--extra-arg=-Wno-unknown-warning-option"]
DROP, DROP_WITH_VALUE = {"-MD", "-c"}, {"-MQ", "-MF", "-o"}


def commands(source, build):
    """{file: its entry of compile_commands.json}, of files in the source folder"""
    found = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as database:
        for entry in json.load(database):
            path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
            if path.startswith(source + "/") and not path.startswith(build + "/"):
                found.setdefault(path, entry)
    return found


def headers(entry):
    """what the file includes from outside /usr/include, itself too"""
    words, kept = iter(shlex.split(entry["command"])), []
    for word in words:
        if word in DROP_WITH_VALUE:
            next(words)
        elif word not in DROP:
            kept.append(word)
    run = subprocess.run(kept + ["-MM"], cwd=entry["directory"], capture_output=True, text=True, check=False)
    return run.stdout.replace("\\\n", " ").split()[1:]


def fingerprint(entry, settings):
    digest = hashlib.sha256(settings + entry["command"].encode())
    for name in headers(entry):
        with open(os.path.join(entry["directory"], name), "rb") as header:
            digest.update(header.read())
    return digest.hexdigest()


def check(path, entry, settings, stamp):
    """None when the file was clean already, else (clean, output)"""
    mark = fingerprint(entry, settings)
    if os.path.exists(stamp) and open(stamp, encoding="ascii").read() == mark:
        return None
    run = subprocess.run([TIDY, *EXTRA, "-p", entry["directory"], path], capture_output=True, text=True, check=False)
    if run.returncode == 0:
        with open(stamp, "w", encoding="ascii") as out:
            out.write(mark)
    return run.returncode == 0, run.stdout + (run.stderr if run.returncode else "")


def main(source, build):
    if not shutil.which(TIDY):
        print(f"SKIP: {TIDY} is not installed")
        return 77
    source, build = os.path.realpath(source), os.path.realpath(build)
    os.chdir(source)
    settings = b"".join(open(name, "rb").read() for name in (".clang-tidy", "tests/.clang-tidy"))
    settings += subprocess.run([TIDY, "--version"], capture_output=True, check=False).stdout
    stamps = os.path.join(build, "lint-clang-tidy")
    os.makedirs(stamps, exist_ok=True)
    findings, looked_at, files = [], 0, commands(source, build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for path, entry in sorted(files.items()):
            name = os.path.relpath(path, source)
            stamp = os.path.join(stamps, name.replace("/", "_"))
            jobs[pool.submit(check, path, entry, settings, stamp)] = name
        for job in concurrent.futures.as_completed(jobs):
            if job.result() is None:
                continue
            looked_at += 1
            good, output = job.result()
            print(f"{jobs[job]}: {'clean' if good else 'NOT clean'}", flush=True)
            if not good:
                findings.append(output)
    # Last, where who shows the end of a long log sees them.
    print(*findings, f"{len(files)} files, {looked_at} of them new or changed", sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
