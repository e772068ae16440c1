//! A peer: tasks of tokio that sleep again and again, for times between 1 and 50 ms (its timer has
//! steps of 1 ms), on one thread: nanoseconds of CPU a sleep. Or that are parked in a sleep or in
//! waiting for a socket: bytes each. waits [tasks=N] [sleeps=N] | waits parked=N [wait=read]

use std::time::Duration;
use tokio::net::UnixStream;

async fn sleeper(number: u64, sleeps: u64) {
    let mut x = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    for _ in 0..sleeps {
        let us = 1000 + peers::next_random(&mut x) % 49000;
        tokio::time::sleep(Duration::from_micros(us)).await;
    }
}

async fn park(tasks: u64) {
    let (socket, _other) = UnixStream::pair().expect("a pair");
    let socket: &'static UnixStream = Box::leak(Box::new(socket));
    let reads = peers::text("wait").as_deref() == Some("read");
    let before = peers::footprint();
    for _ in 0..tasks {
        if reads {
            tokio::spawn(async move { socket.readable().await });
        } else {
            tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
        }
    }
    // All have had their turn before this sleep ends.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let bytes = (peers::footprint() - before) as f64 * 1024.0 / tasks as f64;
    println!("{{\"tasks\": {tasks}, \"bytes\": {bytes:.1}}}");
    std::process::exit(0);
}

async fn sleep(tasks: u64, sleeps: u64) {
    let begun = peers::cpu_ns();
    let tasks: Vec<_> = (0..tasks)
        .map(|number| tokio::spawn(sleeper(number, sleeps)))
        .collect();
    let count = tasks.len() as u64 * sleeps;
    for task in tasks {
        task.await.expect("a task");
    }
    println!(
        "{{\"ns\": {:.1}}}",
        (peers::cpu_ns() - begun) as f64 / count as f64
    );
}

fn main() {
    let parked = peers::number("parked", 0);
    peers::run(async {
        if parked > 0 {
            park(parked).await;
        } else {
            sleep(peers::number("tasks", 10_000), peers::number("sleeps", 50)).await;
        }
    });
}
