#!/usr/bin/env bash
# Creates a service in a lab, scales it and removes it, in JSON, with nothing but the tercio command.
#
#   service.sh [PROJECT [IMAGE]]
#
# Every step is one request (tercio req SUBJECT JSON), and is done when the lab's stream of events
# (tercio sub SUBJECT) says so. Which lab, and who asks, is what `tercio lab status` prints.
set -euo pipefail

project=${1:-scripts}
image=${2:-redis:alpine}
service=sleeper
replicas=3
# A task starts within a second or two; pulling its image can take minutes.
event_wait=300

# field NAME: of the one-line JSON object on standard input, where the value is a plain string.
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

user=${TERCIO_USER:-$(tercio lab status --format json | field user)}
events=$(mktemp)
said=$(mktemp)
listener=
created=

end() {
    # What was begun is not left behind.
    [ -z "$created" ] || request remove "{\"service\":\"$service\"}" || true
    [ -z "$listener" ] || kill "$listener" 2>/dev/null || true
    rm -f "$events" "$said"
}
trap end EXIT

request() {
    local answer
    answer=$(tercio req "tercio.v1.req.$user.$project.service.$1" "$2") || return
    echo "  answered: $answer"
}

# count WHAT: how many such events about our service have come; each is a line of JSON.
count() {
    tr -d ' ' <"$events" | grep -F "\"project\":\"$project\"" | grep -F "\"service\":\"$service\"" |
        grep -cF "\"what\":\"$1\"" || true
}

# wait_for WHAT NUMBER: until so many have come since the start of this script.
wait_for() {
    local deadline=$((SECONDS + event_wait))
    until [ "$(count "$1")" -ge "$2" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "the event $1 did not come in $event_wait s" >&2
            exit 1
        fi
        sleep 0.1
    done
    echo "  event: $1 ($2)"
}

tercio sub 'tercio.v1.ev.>' >"$events" 2>"$said" &
listener=$!
# It says on standard error that it listens; what happens from then on is not missed.
until [ -s "$said" ]; do
    kill -0 "$listener" 2>/dev/null || exit 1
    sleep 0.1
done

echo "creating $project/$service from $image"
# Any image with a shell's commands can sleep; it ignores a polite stop, so it is given a second.
request create "{\"service\":\"$service\",\"replicas\":1,\"task\":{\"image\":\"$image\",
    \"command\":[\"sleep\",\"3600\"],\"restart\":{\"kind\":\"always\"},\"stop_grace\":1000}}"
created=yes
wait_for service_created 1
wait_for service_converged 1

echo "scaling it to $replicas"
request scale "{\"service\":\"$service\",\"replicas\":$replicas}"
wait_for service_scaled 1
wait_for service_converged 2

echo "removing it"
created=
request remove "{\"service\":\"$service\"}"
wait_for service_removed 1
wait_for task_stopped "$replicas"
echo "removed"
