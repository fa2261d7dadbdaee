#!/usr/bin/env bash
# Measures how long this machine's Docker engine takes to create and to start a container that sleeps,
# one after another and eight side by side, as a task is: on a network of its own project.
#   ops/bench/starts.sh [--runs N] [--image IMAGE]     a table on standard output: side by side, create ms, start ms
# The scale probe draws the times of its simulated engines from such a table (tests/scale/data).
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
. "$here/../lib/say.sh"
. "$here/../lib/wait.sh"
. "$here/../lib/packages.sh"
. "$here/../lib/engine.sh"

runs=32
image=tercio-test/busybox:1
while [ $# -gt 0 ]; do
    case $1 in
        --runs) runs=$2 && shift 2 ;;
        --image) image=$2 && shift 2 ;;
        *) die "unknown argument $1" "see the head of this script" ;;
    esac
done

API=http://engine/v1.41
NAME=tercio-bench-starts-$$

# call METHOD PATH [BODY]: the seconds it took; the answer goes to the file named by ANSWER.
call() {
    curl --silent --show-error --fail --unix-socket /var/run/docker.sock -X "$1" \
        -H 'Content-Type: application/json' ${3:+--data "$3"} \
        --output "${ANSWER:-/dev/null}" --write-out '%{time_total}' "$API/$2"
}

# start_one SIDE NUMBER: creates, starts, and prints one line of the table.
start_one() {
    local created started
    created=$(call POST "containers/create?name=$NAME-$1-$2" \
        "{\"Image\":\"$image\",\"Cmd\":[\"sleep\",\"600\"],\"HostConfig\":{\"NetworkMode\":\"$NAME\"}}")
    started=$(call POST "containers/$NAME-$1-$2/start")
    awk -v side="$1" -v c="$created" -v s="$started" 'BEGIN { printf "%d\t%.1f\t%.1f\n", side, 1000 * c, 1000 * s }'
}

# start_all SIDE: so many at a time, until all runs are made; a free place is filled at once.
start_all() {
    local number
    for number in $(seq "$runs"); do
        while [ "$(jobs -rp | wc -l)" -ge "$1" ]; do wait -n; done
        start_one "$1" "$number" &
    done
    wait
}

clean() {
    local left
    left=$(docker ps --all --quiet --filter "name=$NAME-")
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$left" ] || docker rm --force $left >/dev/null
    docker network rm "$NAME" >/dev/null 2>&1 || true
}

packages_for curl:curl
engine_ensure >&2
docker image inspect "$image" >/dev/null 2>&1 || die "there is no image $image" "make one that has a sleep, and name it with --image"
trap clean EXIT
docker network create "$NAME" >/dev/null
printf '# %s, Docker Engine %s, %s cores: ops/bench/starts.sh --runs %s\n' \
    "$(date -u +%F)" "$(engine_version)" "$(nproc)" "$runs"
printf '# side by side\tcreate ms\tstart ms\n'
start_all 1
clean
docker network create "$NAME" >/dev/null
start_all 8
