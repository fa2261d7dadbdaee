#!/usr/bin/env bash
# Measures how long a lost host's tasks are missing: three real hosts, one loses its link or its power,
# and the engines of the others are looked at every 100 ms until all replicas run there. In turns with a
# Swarm of the same engines. RUNS=20 sets how often for each fault; a pair of runs takes a minute.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$(dirname -- "$here")")
. "$here/../lib/say.sh"
. "$here/../lib/wait.sh"
. "$here/../lib/packages.sh"
. "$here/../lib/nats.sh"
. "$here/../lib/rust.sh"

RUNS=${RUNS:-20}

rust_ensure
nats_ensure
"$here/../testbed" make
rust_build --workspace --bins
rust_build -p hosts --example loss
export TERCIO_NATS_SERVER=$NATS_SERVER
"$(rust_target)/release/examples/loss" "$RUNS"
