//! What the peers on tokio share: arguments of the form key=value, this process's time and memory,
//! and a runtime on one thread.

use std::future::Future;

pub fn text(key: &str) -> Option<String> {
    std::env::args()
        .skip(1)
        .find_map(|arg| Some(arg.strip_prefix(key)?.strip_prefix('=')?.to_string()))
}

pub fn number(key: &str, otherwise: u64) -> u64 {
    text(key)
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

pub fn run<F: Future>(main: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(main)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the argument is a timespec of this frame.
    let result = unsafe { libc::clock_gettime(clock, &mut now) };
    assert_eq!(result, 0);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

pub fn cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

pub fn wall_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// The random numbers that all contestants draw.
pub fn next_random(x: &mut u64) -> u64 {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    *x
}

/// The line of a file of /proc that begins with the key, in kB.
fn kilobytes(path: &str, key: &str) -> u64 {
    let file = std::fs::read_to_string(path).expect("/proc");
    let line = file
        .lines()
        .find(|line| line.starts_with(key))
        .expect("its line");
    line.split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("a number")
}

/// Resident pages and page tables, in kB.
pub fn footprint() -> u64 {
    kilobytes("/proc/self/smaps_rollup", "Rss:") + kilobytes("/proc/self/status", "VmPTE:")
}
