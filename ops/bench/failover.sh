#!/usr/bin/env bash
# Two schedulers of the real program beside one real nats-server: the one that leads is killed
# (SIGKILL), then paused (SIGSTOP) and let go on; measured is the time until a change is accepted by the
# other. After a pause the old leader must give up, and the agents must refuse a command of an earlier
# leader; all changes that were accepted must be there. Prints the median and the worst.
#   ops/bench/failover.sh [--runs N] [--pause SECONDS]      20 runs of each, pauses of 30 s unless told
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$(dirname -- "$here")")
. "$here/../lib/say.sh"
. "$here/../lib/wait.sh"
. "$here/../lib/packages.sh"
. "$here/../lib/nats.sh"
. "$here/../lib/rust.sh"

rust_ensure
nats_ensure
rust_build -p scheduler --bins -p scale
note "$(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg)"
exec "$(rust_target)/release/failover-probe" "$@"
