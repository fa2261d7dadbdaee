#!/usr/bin/env bash
# Measures the memory and the idle processor time of a lab with ten containers, once with all parts in
# one process (the embedded lab) and once with each part in a container of its own.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$(dirname -- "$here")")
. "$here/../lib/say.sh"
. "$here/../lib/wait.sh"
. "$here/../lib/packages.sh"
. "$here/../lib/engine.sh"
. "$here/../lib/nats.sh"
. "$here/../lib/rust.sh"
. "$here/../lib/measure.sh"

# The caller's own lab and files are not what is measured.
unset TERCIO_NATS_URL TERCIO_CREDS TERCIO_USER TERCIO_STATE_DIR COMPOSE_FILE COMPOSE_PROJECT_NAME

PROJECT=footprint
CONTAINERS=10
IDLE_SECONDS=${IDLE_SECONDS:-30}
AGENT_GOAL=25
LAB_GOAL=120
LAB_FILE=$ROOT/docker-compose.yml

tercio() { "$(rust_target)/release/tercio" "$@"; }

project() { tercio -p "$PROJECT" -f "$here/footprint.yml" "$@" >>"$log" 2>&1; }

all_run() {
    [ "$(docker ps --quiet --filter status=running \
        --filter "label=com.docker.compose.project=$PROJECT" | wc -l)" -eq "$CONTAINERS" ]
}

# start_project: its containers run, and the lab is at rest.
start_project() {
    project up -d || { cat "$log" >&2 && die "tercio up failed (see above)"; }
    wait_until 120 all_run || die "$CONTAINERS containers do not run after 120 s"
    sleep 5 # what a start leaves to be done must not count as idle
}

# stop_project: also its network is gone, so that the next lab may make one of that name.
stop_project() {
    project down
    wait_until 30 network_gone || die "the network of $PROJECT is still there after 30 s"
}

network_gone() { ! docker network inspect "${PROJECT}_default"; }

# nats_under DIRECTORY: the process id of the nats-server whose files are there.
nats_under() {
    local process
    for process in /proc/[0-9]*; do
        if [ "$(cat "$process/comm" 2>/dev/null)" = nats-server ] &&
            tr '\0' ' ' <"$process/cmdline" | grep -qF "$1"; then
            echo "${process#/proc/}"
            return
        fi
    done
    die "no nats-server with its files under $1"
}

parent_of() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"; }

# row NAME GOAL PID…: one line of the table.
row() {
    local name=$1 goal=$2 before
    shift 2
    before=$(process_ticks "$@")
    sleep "$IDLE_SECONDS"
    printf '%-44s %8s %8s %8s   %s\n' "$name" \
        "$(megabytes "$(process_kb Rss "$@")")" "$(megabytes "$(process_kb Pss "$@")")" \
        "$(awk -v t=$(($(process_ticks "$@") - before)) -v s="$IDLE_SECONDS" -v hz="$(getconf CLK_TCK)" \
            'BEGIN { printf "%.2f", 100 * t / hz / s }')" "$goal"
}

embedded() {
    local nats lab
    step "the embedded lab, with a state directory of its own"
    export TERCIO_STATE_DIR=$work/state
    start_project
    nats=$(nats_under "$TERCIO_STATE_DIR")
    lab=$(parent_of "$nats")
    row "embedded lab, all parts" "" "$lab"
    row "its nats-server" "" "$nats"
    row "embedded lab and nats-server" "<= $LAB_GOAL MB" "$lab" "$nats"
    stop_project
    tercio lab stop >>"$log" 2>&1
    unset TERCIO_STATE_DIR
}

# The lab of containers listens there (docker-compose.yml).
port_taken() { (: <>/dev/tcp/127.0.0.1/4222) 2>/dev/null; }

node_ready() { tercio node ls | grep -q Ready; }

container_pid() { docker inspect --format '{{.State.Pid}}' "$(compose ps -q "$1")"; }

compose() { docker-compose -p tercio-footprint -f "$LAB_FILE" "$@"; }

apart() {
    local part pids=()
    step "each part in a container of its own (docker-compose.yml)"
    "$here/../images" >>"$log" 2>&1 || { cat "$log" >&2 && die "ops/images failed (see above)"; }
    compose up -d >>"$log" 2>&1 || { cat "$log" >&2 && die "docker-compose up failed (see above)"; }
    docker cp "$(compose ps -q nats):/lab/creds/admin.creds" "$work/admin.creds" >/dev/null
    export TERCIO_NATS_URL=nats://127.0.0.1:4222 TERCIO_CREDS=$work/admin.creds
    wait_until 30 node_ready || die "no node is ready after 30 s"
    start_project
    row "agent, a process of its own" "<= $AGENT_GOAL MB" "$(container_pid agent)"
    for part in scheduler planner provisioner nats; do
        row "$part" "" "$(container_pid $part)"
        pids+=("$(container_pid $part)")
    done
    row "all of the control plane with nats-server" "<= $LAB_GOAL MB" "${pids[@]}"
    stop_project
    compose down --volumes >>"$log" 2>&1
    unset TERCIO_NATS_URL TERCIO_CREDS
}

# A lab that is gone cannot take its containers down, so what is left is found by its label.
clean() {
    local left
    project down >/dev/null 2>&1 || true
    if [ -n "${TERCIO_STATE_DIR:-}" ]; then tercio lab stop >/dev/null 2>&1 || true; fi
    compose down --volumes >/dev/null 2>&1 || true
    left=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT") || true
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$left" ] || docker rm -f $left >/dev/null 2>&1 || true
    left=$(docker network ls -q --filter "label=com.docker.compose.project=$PROJECT") || true
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$left" ] || docker network rm $left >/dev/null 2>&1 || true
    rm -rf "$work"
}

rust_ensure
engine_ensure
nats_ensure
packages_for docker-compose:docker-compose
! port_taken || die "port 4222 of 127.0.0.1 is taken, and the lab of containers needs it" "end what listens there: \`tercio lab stop\`, if it is a lab"
rust_build -p tercio --bin tercio
"$here/../standins" make redis:alpine
work=$(mktemp -d)
log=$work/log
table=$work/table
trap clean EXIT
embedded >"$table"
apart >>"$table"
printf '\n%-44s %8s %8s %8s   %s\n' "with $CONTAINERS containers" 'RSS MB' 'PSS MB' 'CPU %' goal
cat "$table"
