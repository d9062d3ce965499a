# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host asks the guest's agent over AF_VSOCK; it may look, and change nothing."""

from agent_client import AgentClient
from program import require

MACHINE = "devices"
PROFILES = "$HELIX/src/agent/profiles"
SWAPPINESS = "cat /proc/sys/vm/swappiness"


def run(rig):
    guest = rig.guest(MACHINE)
    guest.start(f"exec helix-applyd --profile-dir {PROFILES}")
    guest.start("exec helix-agentd --foreground")
    guest.run("until [ -S /run/helix-agent/apply.sock ] && ss -lH --vsock | grep -q :5001; do sleep 0.1; done")
    agent = AgentClient(guest)
    release = guest.run("uname -r").strip()
    seen = agent.value("guest-get-osinfo")["kernel-release"]
    require(seen == release, f"the kernel is {release}, it says {seen}")
    free = agent.probe("mem.avail")
    require(free["status"] in ("OK", "WARN", "FAIL") and free["value"] is not None, f"of the memory: {free}")

    before = int(guest.run(SWAPPINESS))
    plan = agent.value("helix-profile-plan", name="rt-audio")
    entry = next(e for e in plan["entries"] if e["target"] == "vm.swappiness")
    require((entry["current"], entry["desired"], entry["change"]) == (str(before), "10", True), f"the plan: {entry}")
    agent.refused("CommandDisabled", "helix-profile-apply", name="rt-audio", plan_hash=plan["plan-hash"])
    after = int(guest.run(SWAPPINESS))
    require(after == before, f"it was refused, but vm.swappiness is {after}")
    agent.close()
    return f"Linux {seen}, {free['message']}; {sum(e['change'] for e in plan['entries'])} settings planned, none changed"
