# shellcheck shell=bash
# Images on the engine. Needs say.sh, wait.sh, engine.sh.

# How long a registry may take until it has named the image; a pull that moves may take longer.
REGISTRY_WAIT=20
PULL_WAIT=600

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# image_label IMAGE LABEL: its value, or nothing.
image_label() {
    docker image inspect --format "{{with .Config.Labels}}{{with index . \"$2\"}}{{.}}{{end}}{{end}}" "$1" 2>/dev/null
}

# image_pull IMAGE: 0 pulled; 1 no registry answers; 2 one answers and refuses. The words: PULL_ERROR.
image_pull() {
    local log pid result=0
    PULL_ERROR=
    log=$(mktemp)
    docker pull "$1" >"$log" 2>&1 &
    pid=$!
    if ! wait_until "$REGISTRY_WAIT" image_pull_answered "$pid" "$log"; then
        kill "$pid" 2>/dev/null || true
        PULL_ERROR="no answer in $REGISTRY_WAIT s"
        result=1
    elif ! wait_gone "$PULL_WAIT" "$pid"; then
        kill "$pid" 2>/dev/null || true
        PULL_ERROR="not finished after $PULL_WAIT s"
        result=2
    elif ! wait "$pid"; then
        PULL_ERROR=$(tail -n 1 "$log")
        result=2
        ! image_pull_unreachable "$PULL_ERROR" || result=1
    fi
    rm -f "$log"
    return "$result"
}

# Either it has ended, or it prints "TAG: Pulling from NAME", which follows the registry's answer.
image_pull_answered() { process_gone "$1" || grep -q 'Pulling from' "$2"; }

# Words of the engine for a registry that cannot be talked to, as against one that says no.
image_pull_unreachable() {
    grep -qiE 'no such host|dial tcp|i/o timeout|connection (refused|reset)|network is unreachable|TLS handshake|x509|certificate|Client\.Timeout|server misbehaving|EOF|proxyconnect' <<<"$1"
}

# image_import IMAGE DIRECTORY CHANGE…: makes IMAGE of the files; never over one of that name.
image_import() {
    local image=$1 directory=$2 change id arguments=()
    shift 2
    for change in "$@"; do arguments+=(--change "$change"); done
    # Every file belongs to root inside, whoever has made the directory.
    id=$(tar --create --numeric-owner --owner=0 --group=0 --directory "$directory" . |
        docker import "${arguments[@]}" -) ||
        die "the engine did not take the files of $image (see above)" "see the engine's log"
    if image_exists "$image"; then
        docker image rm "$id" >/dev/null
        die "$image has come into being meanwhile; it stays as it is" "run this script again"
    fi
    docker image tag "$id" "$image"
}
