# shellcheck shell=bash
# The Rust toolchain and what it builds. Needs say.sh, packages.sh; ROOT is the checkout.

# The runner that .config/nextest.toml is written for.
NEXTEST_VERSION=0.9.143

# rust_ensure: afterwards cargo is in the PATH and can link.
rust_ensure() {
    if ! command -v cargo >/dev/null; then
        PATH=$HOME/.cargo/bin:$PATH
        command -v cargo >/dev/null ||
            die "there is no Rust toolchain (cargo)" "install the one that Cargo.toml names as rust-version, or newer"
    fi
    # Linking takes a C compiler and libc's start files; ring's assembler takes it too.
    command -v cc >/dev/null || packages_install gcc libc6-dev
}

# rust_target: where cargo puts what it builds.
rust_target() { printf '%s\n' "${CARGO_TARGET_DIR:-$ROOT/target}"; }

# rust_build ARGUMENT…: builds from exactly the versions in Cargo.lock.
# TERCIO_NO_BUILD=1 takes the programs as they are.
rust_build() {
    [ "${TERCIO_NO_BUILD:-}" != 1 ] || return 0
    step "building: cargo build --release --locked $* (some minutes the first time)"
    (cd "$ROOT" && cargo build --quiet --release --locked "$@") ||
        die "the build failed (see above)" "is the crate registry reachable? then this is a fault of ours"
}

# nextest_ensure: the test runner, of the machine or else built under target/.
nextest_ensure() {
    local tools
    tools=$(rust_target)/tools
    PATH=$PATH:$tools/bin
    if ! cargo nextest --version >/dev/null 2>&1; then
        step "building the test runner cargo-nextest $NEXTEST_VERSION (some minutes, once)"
        (cd "$ROOT" && cargo install --quiet --locked --root "$tools" --version "$NEXTEST_VERSION" cargo-nextest) ||
            die "cargo-nextest could not be built (see above)" "install it by hand, then run this again"
    fi
    note "$(cargo nextest --version | head -n 1)"
}
