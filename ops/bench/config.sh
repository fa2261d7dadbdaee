#!/usr/bin/env bash
# Times `config -q` of Tercio and of Docker Compose as whole processes, in turns: forty typical projects
# (those of lab-compose's cases) and one generated project of 1,000 services with a file laid over it.
# RUNS=5 sets how often; COMPOSE=PATH names a docker compose 2.40.3, else it is that of PATH. Without one
# only Tercio is timed. TERCIO_NO_BUILD=1 takes the release build as it is.
set -euo pipefail
shopt -s inherit_errexit
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$(dirname -- "$here")")
. "$here/../lib/say.sh"
. "$here/../lib/packages.sh"
. "$here/../lib/rust.sh"
. "$here/../lib/measure.sh"

RUNS=${RUNS:-5}
SERVICES=1000
SEED=1
# How many times faster than Docker Compose it is meant to be.
GOAL=10
COMPOSE_VERSION=2.40.3
TYPICAL=$ROOT/shared/lab-compose/testdata/config/typical
declare -A program typical large

# checked TOOL FOLDER: `config -q` of the project there; the tool must find it right.
checked() {
    local words=${program[$1]} files=(-f compose.yml)
    [ ! -e "$2/override.yml" ] || files+=(-f override.yml)
    # shellcheck disable=SC2086 # a command and its first argument
    (cd "$2" && env -i PATH="$PATH" HOME=/root $words "${files[@]}" config -q) >"$log" 2>&1 ||
        { cat "$log" >&2 && die "$1 does not read $2 (see above)"; }
}

# typical_ms TOOL: all typical projects, one after the other.
typical_ms() {
    local folder start
    start=$(now_ms)
    for folder in "$TYPICAL"/*/; do
        checked "$1" "$folder"
    done
    printf '%s\n' "$(($(now_ms) - start))"
}

large_ms() {
    local start
    start=$(now_ms)
    checked "$1" "$scratch"
    printf '%s\n' "$(($(now_ms) - start))"
}

row() {
    local tool=$1
    # shellcheck disable=SC2086 # a list of numbers
    printf '%-16s %10s ms %14s ms   runs:%s |%s\n' "$tool" "$(median ${typical[$tool]})" \
        "$(median ${large[$tool]})" "${typical[$tool]}" "${large[$tool]}"
}

# times_faster WHAT TERCIO COMPOSE
times_faster() {
    awk -v what="$1" -v ours="$2" -v theirs="$3" -v goal="$GOAL" \
        'BEGIN { printf "%s: %.1f times faster (goal %d)\n", what, theirs / ours, goal }'
}

find_compose() {
    local found
    for found in "${COMPOSE:-}" docker-compose "docker compose"; do
        [ -n "$found" ] || continue
        # shellcheck disable=SC2086 # a command and its first argument
        if [ "$($found version --short 2>/dev/null)" = $COMPOSE_VERSION ]; then
            printf '%s\n' "$found"
            return
        fi
    done
    [ -z "${COMPOSE:-}" ] || die "$COMPOSE is not docker compose $COMPOSE_VERSION"
}

rust_ensure
rust_build -p tercio --bin tercio
program[tercio]=$(rust_target)/release/tercio
program[compose]=$(find_compose)
scratch=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$scratch" "$log"' EXIT
awk -v seed=$SEED -v services=$SERVICES -v folder="$scratch" -f "$here/config-project.awk"

tools=(tercio compose)
if [ -z "${program[compose]}" ]; then
    note "docker compose $COMPOSE_VERSION is not installed: only Tercio is timed; COMPOSE=PATH names one"
    tools=(tercio)
fi
step "reading $(find "$TYPICAL" -mindepth 1 -maxdepth 1 | wc -l) typical projects and one of $SERVICES services, $RUNS times"
# The first run of each fills the caches and is not counted.
for run in $(seq 0 "$RUNS"); do
    for tool in "${tools[@]}"; do
        one=$(typical_ms "$tool")
        other=$(large_ms "$tool")
        [ "$run" = 0 ] || typical[$tool]+=" $one"
        [ "$run" = 0 ] || large[$tool]+=" $other"
    done
done

printf '%-16s %13s %17s\n' "" "typical files" "$SERVICES services"
for tool in "${tools[@]}"; do
    row "$tool"
done
if [ ${#tools[@]} -gt 1 ]; then
    # shellcheck disable=SC2086 # lists of numbers
    times_faster "typical files" "$(median ${typical[tercio]})" "$(median ${typical[compose]})"
    # shellcheck disable=SC2086 # lists of numbers
    times_faster "$SERVICES services" "$(median ${large[tercio]})" "$(median ${large[compose]})"
fi
