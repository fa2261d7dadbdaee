# shellcheck shell=bash
# Measuring time and processes.

# now_ms: milliseconds since some fixed time.
now_ms() { printf '%s\n' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# median NUMBER…: the middle one.
median() { printf '%s\n' "$@" | sort -n | sed -n "$(($# / 2 + 1))p"; }

# process_kb FIELD PID…: the sum of Rss or Pss over processes, in KB.
process_kb() {
    local field=$1 pid sum=0
    shift
    for pid in "$@"; do
        sum=$((sum + $(sed -n "s/^$field: *\([0-9]*\) kB/\1/p" "/proc/$pid/smaps_rollup")))
    done
    printf '%s\n' "$sum"
}

# process_ticks PID…: processor time used so far, in hundredths of a second.
process_ticks() {
    local pid sum=0 stat fields
    for pid in "$@"; do
        stat=$(cat "/proc/$pid/stat")
        # Fields are counted from behind the name, which may hold spaces.
        read -r -a fields <<<"${stat##*) }"
        sum=$((sum + fields[11] + fields[12]))
    done
    printf '%s\n' "$sum"
}

# megabytes KB: with one decimal.
megabytes() { awk -v kb="$1" 'BEGIN { printf "%.1f", kb / 1024 }'; }
