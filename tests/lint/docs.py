#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documentation keeps up with the tree: docs.py SOURCE

Every relative link and anchor leads somewhere; a message that docs/troubleshooting.md quotes is one that the
sources contain; a `./dev` command that is mentioned exists; the man pages format without a complaint.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*?) *#*$", re.M)
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
problems = []


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def anchors(text):
    plain = (re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text))
    return set(plain)


def check_links(path):
    text = FENCE.sub("", read(path))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(target):
            problems.append(f"{path}: {link}: no such file")
        elif anchor and anchor not in anchors(read(target)):
            problems.append(f"{path}: {link}: no such heading")


def check_messages():
    """first column of the troubleshooting table, each `quoted` piece of it"""
    section = read("docs/troubleshooting.md").partition("\n## What it says")[2].partition("\n## ")[0]
    # String literals that stand side by side are one message.
    sources = "".join(read(path) for path in glob.glob("gst-vsockenc/*.[ch]") + glob.glob("protocol/*.c"))
    sources = re.sub(r'"\s*\n\s*"', "", sources).replace('\\"', '"')
    rows = re.findall(r"^\| *(`.*?`) *\|", section, re.M)
    if not rows:
        problems.append("docs/troubleshooting.md: there is no table of messages")
    for row in rows:
        for quoted in re.findall(r"`([^`]+)`", row):
            for piece in quoted.split("..."):
                if piece.strip() and piece.strip() not in sources:
                    problems.append(f"docs/troubleshooting.md: no source contains the message '{piece.strip()}'")


def check_commands(path):
    known = set(re.findall(r"^  (\w+) ", subprocess.check_output(["./dev"], text=True), re.M))
    for name in re.findall(r"\./dev (\w+)", read(path)):
        if name not in known:
            problems.append(f"{path}: ./dev {name}: no such command")


def check_man(path):
    if not shutil.which("groff"):
        print(f"{path}: not formatted, groff is not installed")
        return
    run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", path], capture_output=True, text=True, check=False)
    if run.stderr or run.returncode:
        problems.append(run.stderr.strip())


def main(source):
    os.chdir(source)
    pages = sorted(glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True))
    for page in pages:
        check_links(page)
        check_commands(page)
    check_messages()
    for page in sorted(glob.glob("docs/man/*.[178]")):
        check_man(page)
    print("\n".join(problems) or f"{len(pages)} pages")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
