# shellcheck shell=bash
# Stand-ins: images made here under the names of two public ones, for machines that reach no registry.
# Needs say.sh, packages.sh, engine.sh, images.sh, rootfs.sh, pip.sh.

STANDIN_LABEL=io.tercio.standin
STANDIN_CACHE=/var/cache/tercio/standins
# shellcheck disable=SC2034 # the menu of ops/standins
STANDIN_IMAGES=(python:3.4-alpine redis:alpine)

# standin_is IMAGE: whether an image of that name is there and is one of ours.
standin_is() { [ "$(image_label "$1" "$STANDIN_LABEL")" = true ]; }

# standin_ensure IMAGE: an image of that name is there afterwards: as it is, pulled, or made.
standin_ensure() {
    local image=$1 pulled=0
    if image_exists "$image"; then
        if standin_is "$image"; then
            note "$image is there (a stand-in made earlier)"
        else
            note "$image is there"
        fi
        return
    fi
    step "pulling $image"
    image_pull "$image" || pulled=$?
    case $pulled in
        0) note "pulled" ;;
        1)
            note "no registry answers: $PULL_ERROR"
            standin_make "$image"
            ;;
        *) die "a registry answered, but $image could not be pulled: $PULL_ERROR" \
            "pull it by hand: docker pull $image" ;;
    esac
}

standin_make() {
    local image=$1 root
    [ "$(id -u)" -eq 0 ] || die "making a stand-in for $image takes root" "run: sudo ops/standins make"
    step "making a stand-in for $image from Debian's packages (remove it with: ops/standins remove)"
    root=$(standin_rootfs "$image")
    standin_import "$image" "$root"
    note "$image, $(docker image inspect --format '{{.Size}}' "$image" | numfmt --to=si --suffix=B), label $STANDIN_LABEL=true"
}

# standin_rootfs IMAGE: the path of its files, made once and kept.
standin_rootfs() {
    local image=$1 name=${1%%:*} root recipe
    root=$STANDIN_CACHE/$name
    recipe=$(standin_recipe)
    if [ "$(cat "$root.ready" 2>/dev/null)" != "$recipe" ]; then
        rm -rf "$root" "$root.ready"
        mkdir -p "$root"
        "standin_${name}_files" "$root"
        echo "$recipe" >"$root.ready"
    fi
    # These follow this machine's settings, which may have changed since.
    rootfs_certificates "$root"
    [ "$name" != python ] || pip_configuration >"$root/etc/pip.conf"
    printf '%s\n' "$root"
}

# standin_recipe: changes with the code below, so that kept files of an older recipe are made anew.
standin_recipe() {
    local lib=${BASH_SOURCE[0]%/*}
    cat "$lib/standins.sh" "$lib/rootfs.sh" "$lib/../standin-redis-entrypoint" | sha256sum | cut -d ' ' -f 1
}

standin_import() {
    local image=$1 root=$2
    case $image in
        python:*) image_import "$image" "$root" "LABEL $STANDIN_LABEL=true" \
            'ENV LANG=C.UTF-8' 'CMD ["python"]' ;;
        redis:*) image_import "$image" "$root" "LABEL $STANDIN_LABEL=true" \
            'WORKDIR /data' 'VOLUME /data' 'EXPOSE 6379' \
            'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["redis-server"]' ;;
    esac
}

standin_python_files() {
    local root=$1
    rootfs_make "$root" python3-pip
    # In an image nothing else manages Python's packages, so pip may.
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -s python3 "$root/usr/bin/python"
}

standin_redis_files() {
    local root=$1
    rootfs_make "$root" redis-tools
    ln -s redis-check-rdb "$root/usr/bin/redis-server"
    echo 'redis:x:999:999:redis:/data:/usr/sbin/nologin' >>"$root/etc/passwd"
    echo 'redis:x:999:' >>"$root/etc/group"
    mkdir -p "$root/data"
    install -D -m 755 "${BASH_SOURCE[0]%/*}/../standin-redis-entrypoint" "$root/usr/local/bin/docker-entrypoint.sh"
}

# standin_remove IMAGE: only if it is one of ours; images built from it keep their layers.
standin_remove() {
    local image=$1 users
    standin_is "$image" || return 0
    users=$(docker ps --all --quiet --filter "ancestor=$image" | tr '\n' ' ')
    if ! docker image rm "$image" >/dev/null 2>&1; then
        note "$image stays: containers use it: ${users:-unknown}"
        return 1
    fi
    note "removed $image"
}
