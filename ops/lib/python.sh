# shellcheck shell=bash
# A Python with the packages of the example scripts. Needs say.sh, packages.sh, rust.sh (rust_target).

# python_ensure: afterwards PYTHON names an interpreter that has them.
python_ensure() {
    local venv wanted=${BASH_SOURCE[0]%/*}/../examples/scripts/requirements.txt
    venv=$(rust_target)/venv
    PYTHON=$venv/bin/python3
    # Copied in last, so its presence says that all of it is installed.
    if ! cmp -s "$wanted" "$venv/requirements.txt"; then
        step "installing the example scripts' Python packages under $venv"
        packages_for python3:python3
        # The module venv is there without the package; what it cannot do then is to put pip in.
        python3 -c 'import ensurepip' 2>/dev/null || packages_install python3-venv
        rm -rf "$venv"
        if ! { python3 -m venv "$venv" && "$PYTHON" -m pip install --quiet --requirement "$wanted"; }; then
            die "the Python packages could not be installed (see above)" "is the package index reachable?"
        fi
        cp "$wanted" "$venv/requirements.txt"
    fi
    note "Python with nats-py and msgpack: $PYTHON"
}
