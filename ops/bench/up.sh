#!/usr/bin/env bash
# Times `up -d` of the example project with Tercio and with docker-compose 1.29.2, on one engine, in
# turns, images present, the lab running. RUNS=5 sets how often.
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

RUNS=${RUNS:-5}
FILE=$here/../examples/composetest/docker-compose.yml
CONTAINERS=2
declare -A returned running

# project_of TOOL: two names, so that neither tool meets the other's leavings.
project_of() { echo "bench-$1"; }

tool() {
    local tool=$1
    shift
    case $tool in
        tercio) "$TERCIO" -p "$(project_of tercio)" -f "$FILE" "$@" ;;
        compose) docker-compose -p "$(project_of compose)" -f "$FILE" "$@" ;;
    esac >"$log" 2>&1 || { cat "$log" >&2 && die "$tool $* failed (see above)"; }
}

all_run() {
    [ "$(docker ps --quiet --filter status=running \
        --filter "label=com.docker.compose.project=$(project_of "$1")" | wc -l)" -eq "$CONTAINERS" ]
}

# measure TOOL: one `up -d` from nothing, then `down`.
measure() {
    local tool=$1 start end
    start=$(now_ms)
    tool "$tool" up -d
    end=$(now_ms)
    wait_until 60 all_run "$tool" || die "$tool: $CONTAINERS containers do not run after 60 s"
    running[$tool]+=" $(($(now_ms) - start))"
    returned[$tool]+=" $((end - start))"
    tool "$tool" down
}

row() {
    local tool=$1 name=$2
    # shellcheck disable=SC2086 # a list of numbers
    printf '%-22s %8s ms %8s ms   %s\n' "$name" "$(median ${returned[$tool]})" "$(median ${running[$tool]})" \
        "returned after:${returned[$tool]}"
}

# An interrupted run leaves a project up. The images stay for the next run.
clean() {
    (tool tercio down) >/dev/null 2>&1 || true
    (tool compose down) >/dev/null 2>&1 || true
    "$TERCIO" lab stop >/dev/null 2>&1 || true
    rm -rf "$log" "$TERCIO_STATE_DIR"
}

rust_ensure
engine_ensure
nats_ensure
packages_for docker-compose:docker-compose
rust_build -p tercio --bin tercio
TERCIO=$(rust_target)/release/tercio
"$here/../standins" make
log=$(mktemp)
# A lab of its own: whoever has one here keeps it as it is.
unset TERCIO_NATS_URL TERCIO_CREDS TERCIO_USER
TERCIO_STATE_DIR=$(mktemp -d)
export TERCIO_STATE_DIR
trap clean EXIT

step "once each without measuring: builds the images, starts the lab"
for name in tercio compose; do
    tool $name up -d
    tool $name down
done
for ((run = 1; run <= RUNS; run++)); do
    step "run $run of $RUNS"
    for name in tercio compose; do measure $name; done
done

printf '\n%-22s %11s %11s\n' "up -d, median of $RUNS" returned running
row tercio tercio
row compose "docker-compose $(docker-compose version --short)"
