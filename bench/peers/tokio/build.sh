#!/bin/sh
# Builds the peers on tokio: build.sh SOURCE SCRATCH OUTPUT...
# In a copy: cargo would write Cargo.lock beside the sources. An OUTPUT peer-tokio-NAME is the
# program src/bin/NAME.rs.
set -eu

# The packaged compiler, whatever else is installed: the crates are of its time.
PATH=/usr/bin:/bin
export PATH

source=$1
scratch=$2
shift 2

mkdir -p "$scratch"
rm -rf "$scratch/src"
cp -R "$source/Cargo.toml" "$source/config.toml" "$source/src" "$scratch"
CARGO_HOME=$scratch/home cargo build --quiet --release --jobs 2 --config "$scratch/config.toml" \
    --manifest-path "$scratch/Cargo.toml" --target-dir "$scratch/target"
for output in "$@"; do
    name=${output##*/peer-tokio-}
    cp "$scratch/target/release/$name" "$output"
done
