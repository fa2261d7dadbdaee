# shellcheck shell=bash
# Debian packages and the right to install them.

# as_root COMMAND…: runs it as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "'$1' must run as root, and there is no sudo" "run this script as root"
    fi
}

# packages_for COMMAND:PACKAGE…: installs the package of every command that is missing.
packages_for() {
    local pair missing=()
    for pair in "$@"; do
        [ -n "$(PATH=$PATH:/usr/sbin:/sbin type -P "${pair%%:*}")" ] || missing+=("${pair#*:}")
    done
    [ ${#missing[@]} -eq 0 ] || packages_install "${missing[@]}"
}

# packages_install PACKAGE…: by apt; refreshes its lists only when it must.
packages_install() {
    command -v apt-get >/dev/null ||
        die "this system has no apt-get" "install by hand what Debian calls: $*"
    step "installing $*"
    local log
    log=$(mktemp)
    if ! packages_apt install -y --no-install-recommends "$@" >"$log" 2>&1; then
        packages_apt update >>"$log" 2>&1 || true
        if ! packages_apt install -y --no-install-recommends "$@" >>"$log" 2>&1; then
            tail -n 20 "$log" >&2
            rm -f "$log"
            die "apt-get could not install: $*" \
                "its last words are above; is the network there, and is another apt running?"
        fi
    fi
    rm -f "$log"
}

packages_apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"
}
