# shellcheck shell=bash
# Python's package installer. Needs say.sh.

# pip_configuration: this machine's settings of pip that also hold inside an image, as a pip.conf.
pip_configuration() {
    local line key value
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ndisable-pip-version-check = true\n'
    printf 'root-user-action = ignore\n'
    while IFS= read -r line; do
        key=${line%%=*} value=${line#*=}
        key=${key##*.} value=${value#\'} value=${value%\'}
        case $key in
            index-url | extra-index-url | trusted-host | proxy | default-timeout | timeout) ;;
            *) continue ;;
        esac
        if [[ $value == *://*@* ]]; then
            note "pip's $key holds a password and is not written into the image"
        else
            printf '%s = %s\n' "${key#default-}" "$value"
        fi
    done < <(python3 -m pip config list 2>/dev/null | sort -t . -k 2 -u)
}
