# shellcheck shell=bash
# The Docker engine of this machine. Needs say.sh, wait.sh, packages.sh.

# The agent talks to this socket, so a context or DOCKER_HOST that points elsewhere must not mislead us.
export DOCKER_HOST=unix:///var/run/docker.sock

ENGINE_STATE=/var/lib/tercio-ops
ENGINE_LOG=$ENGINE_STATE/dockerd.log
ENGINE_PID=$ENGINE_STATE/dockerd.pid
# An engine starts in about 5 s; a first start on a slow disk has taken 30.
ENGINE_WAIT=90
# The process this run of the script has started; empty when it found the engine running.
ENGINE_OURS=

# engine_ensure: afterwards an engine answers.
engine_ensure() {
    if engine_answers; then
        note "Docker Engine $(engine_version) answers"
        return
    fi
    engine_reachable_by_user
    packages_for dockerd:docker.io
    # Since Debian 13 the client is a package of its own.
    packages_for docker:docker-cli
    engine_start
    note "Docker Engine $(engine_version) answers"
}

# engine_answers: whether an engine answers on the socket. (`docker info` may succeed without one.)
engine_answers() { [ -n "$(engine_version)" ]; }

engine_version() { timeout 10 docker info --format '{{.ServerVersion}}' 2>/dev/null || true; }

# engine_answers_or_shut: whether it answers, or has opened a socket that is closed to us.
engine_answers_or_shut() {
    engine_answers || { [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; }
}

# A socket that is there but closed to us is a matter of rights, not of a missing engine.
engine_reachable_by_user() {
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        die "/var/run/docker.sock is not open to $(id -un)" \
            "run this script as root, or add the user to the group docker and log in again"
    fi
}

engine_start() {
    if [ -d /run/systemd/system ]; then
        step "starting the Docker engine (systemd unit docker)"
        as_root systemctl start docker ||
            die "systemd could not start docker" "see: journalctl -u docker"
    elif ! engine_process >/dev/null; then
        engine_start_alone
    else
        # Installing the package may have started it.
        step "waiting for the Docker engine, process $(engine_process)"
    fi
    wait_until "$ENGINE_WAIT" engine_answers_or_shut || engine_start_failed
    engine_reachable_by_user
}

engine_start_alone() {
    step "starting the Docker engine in the background (no systemd here; log: $ENGINE_LOG)"
    engine_mount_cgroups
    # dockerd refuses to start beside a pid file whose number another process bears by now.
    as_root rm -f /var/run/docker.pid
    as_root mkdir -p "$ENGINE_STATE"
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_root sh -c 'setsid dockerd </dev/null >"$1" 2>&1 & echo $! >"$2"' sh "$ENGINE_LOG" "$ENGINE_PID"
    ENGINE_OURS=$(cat "$ENGINE_PID")
}

engine_start_failed() {
    if [ -f "$ENGINE_LOG" ]; then
        grep -E 'level=(error|fatal)|^failed' "$ENGINE_LOG" | tail -n 5 >&2 || true
    fi
    die "the Docker engine does not answer after $ENGINE_WAIT s" \
        "read $ENGINE_LOG, or start an engine yourself; this script uses one that runs"
}

# engine_process: the id of a dockerd on this machine, whoever started it.
engine_process() {
    local pid
    pid=$(cat /var/run/docker.pid 2>/dev/null) || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && printf '%s\n' "$pid"
}

# systemd mounts the control groups at boot; without it a small machine may have none.
engine_mount_cgroups() {
    if ! grep -qE ' cgroup2? ' /proc/mounts; then
        packages_for cgroupfs-mount:cgroupfs-mount
        as_root cgroupfs-mount
    fi
}

# engine_stop_ours: ends the engine if this run of the script has started it.
engine_stop_ours() {
    [ -n "$ENGINE_OURS" ] || return 0
    step "stopping the Docker engine that this run started"
    as_root kill "$ENGINE_OURS" 2>/dev/null || true
    wait_gone 60 "$ENGINE_OURS" || note "process $ENGINE_OURS has not ended yet"
    as_root rm -f "$ENGINE_PID"
    ENGINE_OURS=
}
