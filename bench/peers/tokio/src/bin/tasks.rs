//! A peer: tasks of tokio that yield, or that are spawned and joined, on one thread: nanoseconds
//! of CPU. tasks yield=ROUNDS | tasks alive=N tasks=N

use tokio::task::JoinHandle;

async fn spawn_and_join(alive: u64, tasks: &mut Vec<JoinHandle<()>>) {
    for _ in 0..alive {
        tasks.push(tokio::spawn(async {}));
    }
    for task in tasks.drain(..) {
        task.await.expect("a task");
    }
}

async fn yields(rounds: u64) {
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..rounds {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
}

async fn measure() {
    let rounds = peers::number("yield", 0);
    let alive = peers::number("alive", 1);
    let mut left = peers::number("tasks", 5_000_000);
    let mut tasks = Vec::new();
    let mut done = rounds;

    spawn_and_join(alive, &mut tasks).await;
    let begun = peers::cpu_ns();
    if rounds > 0 {
        yields(rounds).await;
        left = 0;
    }
    while done < left {
        spawn_and_join(alive, &mut tasks).await;
        done += alive;
    }
    println!(
        "{{\"ns\": {:.4}}}",
        (peers::cpu_ns() - begun) as f64 / done as f64
    );
}

fn main() {
    // In a task of its own: what the runtime itself runs is polled in another way.
    peers::run(async { tokio::spawn(measure()).await.expect("a figure") });
}
