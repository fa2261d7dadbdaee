#!/usr/bin/env bash
# The scale probe: many agents with real decisions and connections over simulated engines, one real
# nats-server (syncing always), one real scheduler. Prints how long all takes, what it costs, and how
# the lab bears a killed nats-server and a killed scheduler; fails when a node was called lost or a
# container was made again.
#   ops/bench/scale.sh [--agents N] [--tasks N] [--idle SECONDS]      1,000 agents and 10,000 tasks unless told
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$(dirname -- "$here")")
. "$here/../lib/say.sh"
. "$here/../lib/wait.sh"
. "$here/../lib/packages.sh"
. "$here/../lib/nats.sh"
. "$here/../lib/rust.sh"

# A connection of each agent at both ends, and some more for files.
FILES_WANTED=16384

rust_ensure
nats_ensure
rust_build -p scheduler --bins -p scale
if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt "$FILES_WANTED" ]; then
    ulimit -n "$FILES_WANTED" || note "only $(ulimit -n) open files are allowed: use fewer agents"
fi
# Ledgers and streams of one real node each would stand on a disk of their own; the agents' ledgers go
# to memory where there is room, nats-server's store stays on the disk.
note "$(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), store on $(df --output=source "${TMPDIR:-/tmp}" | tail -n 1)"
exec "$(rust_target)/release/scale-probe" "$@"
