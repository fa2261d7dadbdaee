# shellcheck shell=bash
# Small root file systems of Debian packages. Needs say.sh, packages.sh.

# What every image needs so that RUN and exec find a shell and the usual commands.
ROOTFS_BASE=dash,coreutils,sed,grep,findutils,tar,gzip,libc-bin,base-files,ca-certificates
# The release taken where this machine is not a Debian itself.
ROOTFS_RELEASE=bookworm

# rootfs_make DIRECTORY PACKAGE[,PACKAGE…]: extracts them and all they depend on, runs none of their scripts.
rootfs_make() {
    local directory=$1 packages=$2 release archives=() log
    packages_for mmdebstrap:mmdebstrap
    release=$(rootfs_release)
    mapfile -t archives < <(rootfs_archives "$release")
    log=$(mktemp)
    if ! mmdebstrap --mode=root --variant=extract --format=directory \
        --include="$ROOTFS_BASE,$packages" "$release" "$directory" "${archives[@]}" >"$log" 2>&1; then
        tail -n 10 "$log" >&2
        rm -f "$log"
        die "Debian's packages could not be fetched (see above)" "is Debian's archive reachable from here?"
    fi
    rm -f "$log"
    rootfs_prune "$directory"
    rootfs_accounts "$directory"
    rootfs_certificates "$directory"
}

# rootfs_release: this machine's Debian release, so that its archive, which surely is at hand, is used.
rootfs_release() (
    . /etc/os-release
    if [ "$ID" = debian ]; then echo "$VERSION_CODENAME"; else echo "$ROOTFS_RELEASE"; fi
)

# rootfs_archives RELEASE: this machine's own sources of that release, maybe a mirror; nothing means Debian's.
rootfs_archives() {
    # shellcheck disable=SC2016 # apt's variables, not the shell's
    apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)|$(ORIGIN)' \
        'Identifier: Packages' 2>/dev/null |
        grep -E "^deb [^ ]+ $1(-updates|-security)? main\|Debian\$" | cut -d '|' -f 1 | sort -u || true
}

# Manuals, translations and what only installing needs.
rootfs_prune() {
    local root=$1
    rm -rf "${root:?}"/usr/share/{doc,man,info,locale,perl,perl5,bug,lintian} "${root:?}"/usr/lib/*/perl* \
        "${root:?}"/var/lib/dpkg "${root:?}"/var/cache/* "${root:?}"/boot
    find "$root/usr/bin" -name 'perl5*' -delete
}

# What the packages' scripts would have written.
rootfs_accounts() {
    local root=$1
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
    rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
}

# The authorities this machine trusts, for it may sit behind one of its own.
rootfs_certificates() {
    local root=$1 ours=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
    mkdir -p "$root/etc/ssl/certs"
    if [ -r "$ours" ]; then
        cp -L "$ours" "$root/etc/ssl/certs/ca-certificates.crt"
    else
        cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
    fi
    chmod 644 "$root/etc/ssl/certs/ca-certificates.crt"
}
