# shellcheck shell=bash
# Waiting for a condition, with a deadline.

# wait_until SECONDS COMMAND…: asks COMMAND ten times a second; false when the time is over.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# wait_gone SECONDS PID: until the process has ended.
wait_gone() {
    local pid=$2
    wait_until "$1" process_gone "$pid"
}

# process_gone PID: also true for a zombie, which only waits to be reaped.
process_gone() {
    [ ! -e "/proc/$1/stat" ] || [ "$(process_state "$1")" = Z ]
}

# process_state PID: the letter ps shows. The name before it may hold spaces and parentheses.
process_state() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    stat=${stat##*) }
    printf '%s\n' "${stat%% *}"
}
