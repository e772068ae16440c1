#!/bin/sh
# Builds for aarch64 on another machine and runs the suite under qemu-user:
# cross-aarch64.sh [NAME]
# The libraries come from the distribution's arm64 packages, unpacked into the
# build directory: the system's own package lists stay as they are.
set -eu

name=${1:-}
cd "$(dirname "$0")/.."
build=$PWD/build-aarch64
sysroot=$build/sysroot
packages="libcmocka-dev libcmocka0 liburing-dev liburing2 libunwind-dev libunwind8 liblzma5"

fetch_packages() {
    state=$build/apt
    mkdir -p "$state/lists/partial" "$state/cache" "$state/debs" "$sysroot"
    cat > "$state/conf" <<END
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Dir::State::Lists "$state/lists";
Dir::State::status "/dev/null";
Dir::Cache "$state/cache";
END
    export APT_CONFIG="$state/conf"
    apt-get update -q
    (cd "$state/debs" && apt-get download -q $packages)
    unset APT_CONFIG
    for deb in "$state"/debs/*.deb; do
        dpkg -x "$deb" "$sysroot"
    done
    rm -rf "$state"
}

write_cross_file() {
    lib=$sysroot/usr/lib/aarch64-linux-gnu
    cat > "$build/cross.ini" <<END
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
objcopy = 'aarch64-linux-gnu-objcopy'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=$lib:$sysroot/lib/aarch64-linux-gnu']

[properties]
pkg_config_libdir = '$lib/pkgconfig'
needs_exe_wrapper = true

[built-in options]
c_args = ['-isystem', '$sysroot/usr/include', '-isystem', '$sysroot/usr/include/aarch64-linux-gnu']
c_link_args = ['-L$lib', '-Wl,-rpath-link,$lib']

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
}

mkdir -p "$build"
if [ ! -f "$build/cross.ini" ]; then
    fetch_packages
    write_cross_file
fi
# The emulator lacks some things, which the tests then leave out.
DURE_TEST_EMULATED=1 TEST_FLAGS="--timeout-multiplier=4 --no-suite=narrow" \
    exec scripts/test-in.sh build-aarch64 "$name" --cross-file "$build/cross.ini" -Dvalgrind=disabled
