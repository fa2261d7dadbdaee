# shellcheck shell=bash
# HTTP without a client program: a fresh machine may have none.

# http_get HOST PORT PATH: prints the body of a 200 answer; anything else is false.
http_get() {
    local reply
    # shellcheck disable=SC2016 # expanded by the inner shell
    reply=$(timeout 10 bash -c '
        exec 3<>"/dev/tcp/$1/$2" || exit 1
        printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3
        cat <&3' bash "$1" "$2" "$3" 2>/dev/null) || return 1
    [[ $reply == HTTP/1.?\ 200\ * ]] || return 1
    printf '%s\n' "${reply#*$'\r\n\r\n'}"
}
