# shellcheck shell=bash
# What the scripts tell the person: one line for each step, one for each failure with what to do next.

# step TEXT: what is being done now.
step() { printf '==> %s\n' "$*" >&2; }

# note TEXT: a detail of the step above.
note() { printf '    %s\n' "$*" >&2; }

# die WHAT [NEXT]: ends the script; NEXT says what the person can do.
die() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf 'help:  %s\n' "$2" >&2
    exit 1
}
