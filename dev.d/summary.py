#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up test runs: summary.py EXIT-STATUS TESTLOG.json..., the logs as `meson test` writes them.

A suite that reports its cases ("100%: Checks: 12, Failures: 0, Errors: 0" of check, "Ran 12 tests in ..." of
Python's unittest, or TAP lines) counts by case, any other test counts as one. A test that fails in another way than by a case (a crash, a sanitizer's report, a
timeout) counts as one failure more. "SKIP: why" on a line of its own marks a case that ran nothing.
The last line printed is "N passed, N failed" or "N passed, N failed, N skipped".
"""
import json
import re
import sys

CHECKS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n+(?:OK|FAILED)(?: \((.*)\))?$", re.M)
TAP = re.compile(r"^(not )?ok\b(?!.*# *SKIP)", re.M | re.I)
SKIP = re.compile(r"^(?:SKIP: *|ok\b.*# *SKIP:? *|.* \.\.\. skipped )(.*)$", re.M)
GOOD, SKIPPED = ("OK", "EXPECTEDFAIL"), "SKIP"


def count(test):
    """(passed, failed, [reason of each skip]) of one line of the log"""
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    reasons = [why.strip() or "no reason given" for why in SKIP.findall(text)]
    if test["result"] == SKIPPED:
        return 0, 0, reasons[:1] or [(text.strip().splitlines() or ["no reason given"])[-1]]
    checks = CHECKS.findall(text)
    for total, rest in UNITTEST.findall(text):
        bad = dict(re.findall(r"(\w+)=(\d+)", rest))
        checks.append((total, bad.get("failures", 0), bad.get("errors", 0)))
    if checks:
        bad = sum(int(failures) + int(errors) for _, failures, errors in checks)
        good = sum(int(total) for total, _, _ in checks) - bad - len(reasons)
    else:
        lines = TAP.findall(text)
        bad, good = lines.count("not "), lines.count("")
        reasons = reasons if lines else []
        if not lines and test["result"] in GOOD:
            good = 1
    if test["result"] not in GOOD:
        bad = max(bad, 1)
    return max(good, 0), bad, reasons


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return []


def main(status, *paths):
    passed, failed, skipped = 0, 0, 0
    tests = [test for path in paths for test in read(path)]
    for test in tests:
        good, bad, reasons = count(test)
        passed, failed, skipped = passed + good, failed + bad, skipped + len(reasons)
        for why in reasons:
            print(f"skipped: {test['name']}: {why}")
        if bad:
            print(f"FAILED: {test['name']} ({test['result']}, {test['duration']:.1f} s)")
    if not tests:
        print("error: no test ran: is the name right?", file=sys.stderr)
    if not failed and (status or not tests):
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
