# SPDX-License-Identifier: LGPL-2.1-or-later
"""A profile on a real-time kernel with an isolated CPU: applied by the host, and taken back after SIGKILL and reset."""

from agent_client import AgentClient
from program import Failure, require

TIER = "slow"
MACHINE = "isolated"
PROFILE = "rt-audio"
USER_KEY = "org.gnome.desktop.interface/enable-animations"
IRQ = "/proc/irq/"
# What the kernel and systemd say before and after.
EFFECTS = {
    "/proc/sys/vm/swappiness": ("60", "10"),
    "/proc/sys/vm/dirty_ratio": ("20", "10"),
    "/proc/sys/vm/dirty_background_ratio": ("10", "3"),
    "/proc/sys/vm/stat_interval": ("1", "10"),
    "/proc/sys/vm/compaction_proactiveness": ("20", "0"),
    "/proc/sys/kernel/timer_migration": ("1", "0"),
    "/proc/sys/kernel/hung_task_timeout_secs": ("120", "600"),
    "/proc/sys/kernel/sched_rt_runtime_us": ("950000", "-1"),
    "dma-latency": ("2000000000", "0"),
    "irqbalance": ("active enabled", "inactive disabled"),
    "/boot/grub/grub.cfg": ("linux /vmlinuz quiet",
                            "linux /vmlinuz quiet irqaffinity=0 isolcpus=managed_irq,domain,1 nohz_full=1 nosoftlockup "
                            "rcu_nocbs=1 rcupdate.rcu_normal_after_boot=1 rcutree.nohz_full_patience_delay=1000 "
                            "skew_tick=1 threadirqs"),
}
STREAM_S = 120  # for a stream to be reported, on an emulated processor
FILES = ("/etc/security/limits.d/90-helix.conf", "/etc/pipewire/pipewire.conf.d/90-helix.conf",
         "/etc/systemd/system/jackd@.service.d/90-helix.conf", "/etc/systemd/user/pipewire.service.d/90-helix.conf")
# An apply that is stuck in a unit has done files and sysctls before it, and no device or command line behind it.
DONE_EARLY = ("/proc/sys/vm/swappiness", "/proc/sys/kernel/sched_rt_runtime_us")
DONE_LATE = ("dma-latency", "/boot/grub/grub.cfg")


def state_of(guest):
    """{name: value}, without the agent"""
    return dict(line.split(":", 1) for line in guest.run("sh ./state.sh").splitlines())


def require_state(state, wanted, when):
    """Exactly this one."""
    wrong = {name: (wanted.get(name), state.get(name)) for name in wanted.keys() | state.keys()
             if wanted.get(name) != state.get(name)}
    require(not wrong, f"{when}, (wanted, is): {wrong}")


def require_original(state):
    """Nothing that the profile wants is so by chance."""
    wrong = {name: state.get(name) for name, (before, _) in EFFECTS.items() if state.get(name) != before}
    require(not wrong, f"before anything: {wrong}")
    require(not any(name in state for name in FILES), "the profile's files are there before it")
    require(any(value == "0-1" for name, value in state.items() if name.startswith(IRQ)), "no interrupt uses CPU 1")


def require_effects(state, when):
    wrong = {name: (after, state.get(name)) for name, (_, after) in EFFECTS.items() if state.get(name) != after}
    require(not wrong, f"{when}, (wanted, is): {wrong}")
    require(all(name in state for name in FILES), f"{when}, files are missing: {[n for n in FILES if n not in state]}")


def check_health(agent):
    isolation = agent.probe("cpu.isolation")
    require((isolation["status"], isolation["value"]) == ("OK", 1), f"of the isolated CPU: {isolation}")
    preempt = agent.probe("kernel.preempt")
    require(preempt["status"] == "OK", f"of the kernel: {preempt}")
    whole = agent.value("helix-health")
    verdicts = {probe["id"]: probe["status"] for probe in whole["probes"]}
    require(whole["exit"] == {"OK": 0, "WARN": 1, "FAIL": 2, "UNKNOWN": 3}[whole["status"]] and len(verdicts) > 20,
            f"health as a whole: {whole['status']}, {verdicts}")
    return f"{len(verdicts)} probes, the worst says {whole['status']}"


def check_sandbox(rig, guest, agent):
    """What the unit must not lock out: the journal of the kernel, and who reports a stream."""
    errors = agent.probe("disk.errors")
    require(errors["status"] in ("OK", "WARN"), f"the kernel's log cannot be read: {errors}")
    rig.start_stream(options=("--encoder", "null"))
    before = agent.probe("gpu.dmabuf_path")
    require(before["status"] == "N/A", f"of no stream: {before}")
    stream = guest.start("exec gst-launch-1.0 -q videotestsrc is-live=true ! "
                         "video/x-raw,format=BGRx,width=320,height=240,framerate=10/1 ! vsockenc ! fakesink")

    def reported():
        if stream.name in guest.done:
            stream.fail("the stream ended")
        return agent.probe("gpu.dmabuf_path")["status"] != "N/A"
    stream.wait_until(reported, STREAM_S, "a report of the stream")
    frames = agent.probe("gpu.dmabuf_path")
    require((frames["status"], frames["value"]) == ("OK", 100), f"of a stream by id: {frames}")
    stream.end()


def path_of(entry):
    """The name that state.sh has for an entry of a plan; None: another one."""
    kind, target = entry["kind"], entry["target"]
    if kind == "sysctl":
        return "/proc/sys/" + target.replace(".", "/")
    return {"sysfs": target, "irq": f"{IRQ}{target}/smp_affinity_list"}.get(kind)


def start_apply(agent, state):
    plan = agent.value("helix-profile-plan", name=PROFILE)
    unseen = {path_of(entry) for entry in plan["entries"] if entry["change"]} - state.keys() - {None}
    require(not unseen, f"it changes what state.sh does not know: {unseen}")
    agent.send("helix-profile-apply", {"name": PROFILE, "plan_hash": plan["plan-hash"]})


def apply_and_take_back(guest, agent, original):
    start_apply(agent, original)
    reply = agent.reply()
    require("return" in reply, f"it was not applied: {reply}")
    applied = reply["return"]
    require(applied["confirm-s"] > 0, f"nothing has to be confirmed: {applied}")
    agent.value("helix-profile-confirm", txn=applied["txn"])
    state = state_of(guest)
    require_effects(state, "applied")
    moved = [name for name in state if name.startswith(IRQ) and (original[name], state[name]) == ("0-1", "0")]
    require(moved, "no interrupt has left CPU 1")
    others = {name for name in state.keys() | original.keys() if state.get(name) != original.get(name)}
    agent.value("helix-profile-rollback", checkpoint="base")
    require_state(state_of(guest), original, "taken back")
    return f"{len(others)} values changed, {len(moved)} interrupts moved"


def set_for_a_user(guest, agent):
    """systemd makes the process of the user: helix-applyd may not see a home, nor become anybody."""
    guest.run("useradd --create-home alice; mkdir -p /etc/helix-agent/profiles\n"
              f"printf '[gsettings:*/{USER_KEY}]\\nvalue=false\\n' >/etc/helix-agent/profiles/user.conf")
    plan = agent.value("helix-profile-plan", name="user")
    require([(one["target"], one["change"]) for one in plan["entries"]] == [(f"alice/{USER_KEY}", True)],
            f"the plan for a user: {plan['entries']}")
    agent.value("helix-profile-apply", name="user", plan_hash=plan["plan-hash"])
    verified = agent.value("helix-profile-verify", name="user")
    require([one["same"] for one in verified] == [True], f"of the user's setting: {verified}")
    owner = guest.run("stat -c %U /home/alice/.config/dconf/user").strip()
    require(owner == "alice", f"the user's settings belong to {owner}")
    agent.value("helix-profile-rollback", checkpoint="base")
    after = agent.value("helix-profile-plan", name="user")["entries"][0]
    require(after["current"] is None, f"of the user's setting, taken back: {after}")


def get_stuck(guest, agent, original):
    """An apply that waits for a service to stop."""
    guest.run("rm -f /run/stopping; touch /run/slow")
    start_apply(agent, original)
    guest.run("until [ -e /run/stopping ]; do sleep 0.1; done")
    state = state_of(guest)
    early = {name: state.get(name) for name in DONE_EARLY if state.get(name) != EFFECTS[name][1]}
    late = {name: state.get(name) for name in DONE_LATE if state.get(name) != EFFECTS[name][0]}
    require(not early and not late, f"not in the middle: {early} {late}")


def killed(guest, agent, original):
    get_stuck(guest, agent, original)
    guest.run("systemctl kill --signal=KILL helix-applyd.service")
    reply = agent.reply()
    require("error" in reply, f"who was killed said: {reply}")
    guest.run("rm /run/slow; systemctl start helix-applyd.service")
    held = agent.value("helix-journal-list")
    require(not held, f"the journal still holds: {held}")
    require_state(state_of(guest), original, "after SIGKILL")


def killed_and_reset(guest, agent, original):
    get_stuck(guest, agent, original)
    guest.start("kill -s KILL $(systemctl show --property=MainPID --value helix-applyd.service)\n"
                "echo b >/proc/sysrq-trigger")
    guest.wait_for_ready()
    agent.close()
    left = state_of(guest)
    require(all(name in left for name in FILES), f"the reset took what was written: {[n for n in FILES if n not in left]}")
    guest.run("systemctl start helix-applyd.service helix-agentd.service")
    agent = AgentClient(guest)
    held = agent.value("helix-journal-list")
    require(not held, f"the journal still holds: {held}")
    require_state(state_of(guest), original, "after SIGKILL and a reset")
    return agent


def kept_over_boots(guest, agent):
    """A confirmed profile is there again when the units have started by themselves, and goes as it came."""
    guest.run("systemctl enable --quiet helix-applyd.service helix-agentd.service")
    original = state_of(guest)
    start_apply(agent, original)
    applied = agent.reply()["return"]
    agent.value("helix-profile-confirm", txn=applied["txn"])
    guest.start("systemctl reboot")
    guest.wait_for_ready()
    agent.close()
    guest.run("until systemctl is-active --quiet helix-agentd.service; do sleep 0.1; done")
    require_effects(state_of(guest), "after a boot")
    agent = AgentClient(guest)
    drift = agent.probe("profile.drift")
    require(drift["status"] == "OK", f"of the profile after a boot: {drift}")
    agent.value("helix-profile-rollback", checkpoint="base")
    require_state(state_of(guest), original, "taken back after a boot")
    return agent


def prove(rig, guest):
    system = guest.run("cat /sys/kernel/realtime /proc/1/comm /sys/devices/system/cpu/isolated "
                       "/sys/devices/system/cpu/nohz_full").split()
    require(system == ["1", "systemd", "1", "1"], f"not what it should be: {system}")
    guest.run("sh ./install.sh no; systemctl start helix-agentd.service")
    agent = AgentClient(guest)
    health = check_health(agent)
    check_sandbox(rig, guest, agent)
    agent.refused("CommandDisabled", "helix-profile-apply", name=PROFILE, plan_hash="0")
    agent.close()
    guest.run("sh ./install.sh yes; systemctl restart helix-agentd.service")
    agent = AgentClient(guest)
    set_for_a_user(guest, agent)
    original = state_of(guest)
    require_original(original)
    changed = apply_and_take_back(guest, agent, original)
    killed(guest, agent, original)
    agent = killed_and_reset(guest, agent, original)
    agent = kept_over_boots(guest, agent)
    agent.close()
    return (f"{health}; a user's setting came and went; {changed}; all of {len(original)} values are back after "
            "rollback, SIGKILL, SIGKILL and reset, and after a boot with them")


def run(rig):
    guest = rig.guest(MACHINE)
    try:
        return prove(rig, guest)
    except Failure as failure:
        said = guest.run("journalctl --no-pager --lines=60 --unit='helix-*'")
        raise Failure(f"{failure}\nthe daemons said:\n{said}") from failure
