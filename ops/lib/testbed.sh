# shellcheck shell=bash
# The root file system of the multi-host lab: a Debian with systemd and a Docker engine.
# Needs say.sh, packages.sh, rootfs.sh.

TESTBED_CACHE=${TERCIO_TESTBED_CACHE:-/var/cache/tercio/testbed}
# What a host of a lab runs: an init that is a real one, an engine, and what the faults are made with.
TESTBED_PACKAGES=systemd-sysv,dbus,docker.io,iproute2,iptables,procps,kmod,netbase,ca-certificates,curl,libfaketime
# Timers and consoles that only disturb measurements, or that this kernel gives no host of its own.
TESTBED_MASKED=(apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer
    systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service systemd-timesyncd.service
    systemd-resolved.service systemd-udevd.service systemd-firstboot.service systemd-logind.service e2scrub_reap.service
    console-getty.service getty@tty1.service)

# testbed_tools: what starts hosts and joins them.
testbed_tools() {
    packages_for systemd-nspawn:systemd-container ip:iproute2 iptables:iptables nft:nftables \
        mkfs.ext4:e2fsprogs nsenter:util-linux docker:docker.io
}

# testbed_recipe: changes with what is done below, so that a root of an older recipe is made anew.
testbed_recipe() {
    local release
    release=$(rootfs_release)
    { echo "$release" && cat "${BASH_SOURCE[0]}"; } | sha256sum | cut -c 1-12
}

# testbed_root: where the root of this recipe is, made or not.
testbed_root() { printf '%s/%s\n' "$TESTBED_CACHE" "$(testbed_recipe)"; }

testbed_ready() { [ -e "$(testbed_root).ready" ]; }

# testbed_ensure: afterwards it is there.
testbed_ensure() {
    local root
    root=$(testbed_root)
    testbed_tools
    if testbed_ready; then
        note "the root of the lab's hosts: $root"
        return
    fi
    [ "$(id -u)" -eq 0 ] || die "making the root of the lab's hosts takes root" "run: sudo ops/testbed make"
    mkdir -p "$TESTBED_CACHE"
    # Two runs side by side: the second waits, and finds it made.
    exec 9>"$TESTBED_CACHE/lock"
    flock 9
    testbed_ready || testbed_make "$root"
    exec 9>&-
}

testbed_make() {
    local root=$1 release archives=() log
    packages_for mmdebstrap:mmdebstrap
    step "making the root of the lab's hosts from Debian's packages: $root (two minutes, once)"
    release=$(rootfs_release)
    mapfile -t archives < <(rootfs_archives "$release")
    rm -rf "$root"
    log=$(mktemp)
    if ! mmdebstrap --mode=root --variant=minbase --format=directory --include="$TESTBED_PACKAGES" \
        --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$release" "$root" "${archives[@]}" >"$log" 2>&1; then
        tail -n 10 "$log" >&2
        rm -rf "$log" "$root"
        die "Debian's packages could not be fetched (see above)" "is Debian's archive reachable from here?"
    fi
    rm -f "$log"
    testbed_settings "$root"
    touch "$root.ready"
    note "$(du -sh "$root" | cut -f 1), remove it with: ops/testbed remove"
}

# testbed_settings ROOT: what all hosts have in common.
testbed_settings() {
    local root=$1 unit
    : >"$root/etc/fstab"
    rm -f "$root/etc/hostname" "$root/etc/resolv.conf" "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
    for unit in "${TESTBED_MASKED[@]}"; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
    chroot "$root" systemctl -q enable docker.service containerd.service
    chroot "$root" systemctl -q set-default multi-user.target
    # The journal of a host lives in memory; the lab's own units write files.
    install -d "$root/etc/systemd/journald.conf.d"
    printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
    # A lab must not wait a minute and a half for one that does not want to end.
    install -d "$root/etc/systemd/system.conf.d"
    printf '[Manager]\nDefaultTimeoutStopSec=10s\n' >"$root/etc/systemd/system.conf.d/lab.conf"
    testbed_cgroups "$root"
}

# systemd-nspawn hands the control groups (version 1) over read-only; an engine has to write there.
testbed_cgroups() {
    local root=$1
    cat >"$root/usr/local/sbin/cgroups-writable" <<'SCRIPT'
#!/bin/sh
for group in /sys/fs/cgroup/*/; do
    mount -o remount,rw,bind "$group" 2>/dev/null || true
done
SCRIPT
    chmod 755 "$root/usr/local/sbin/cgroups-writable"
    cat >"$root/etc/systemd/system/cgroups-writable.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Before=containerd.service docker.service sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/cgroups-writable
[Install]
WantedBy=sysinit.target
UNIT
    chroot "$root" systemctl -q enable cgroups-writable.service
}

# testbed_mounted: whether a lab uses a root of the cache.
testbed_used() { grep -q "lowerdir=$TESTBED_CACHE/" /proc/mounts; }

testbed_remove() {
    ! testbed_used || die "a lab of hosts runs from it" "end it, or run: ops/testbed sweep"
    as_root rm -rf "$TESTBED_CACHE"
    as_root rmdir --ignore-fail-on-non-empty "${TESTBED_CACHE%/*}" 2>/dev/null || true
}
