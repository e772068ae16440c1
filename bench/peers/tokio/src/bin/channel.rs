//! A peer: items of 8 bytes through a bounded channel, from one task of tokio to another:
//! nanoseconds an item, of this process's time on one thread, of the clock's on two.
//! channel [items=N] [capacity=N, at least 1] [loops=2] [choose=1]

use tokio::sync::mpsc::{channel, Receiver, Sender};

async fn send(there: Sender<u64>, items: u64) {
    for i in 0..items {
        there.send(i).await.expect("a receiver");
    }
}

async fn receive(mut there: Receiver<u64>) {
    let mut next = 0;
    while let Some(item) = there.recv().await {
        assert_eq!(item, next);
        next += 1;
    }
}

async fn choose(mut there: Receiver<u64>, mut other: Receiver<u64>) {
    let mut next = 0;
    loop {
        let item = tokio::select! {
            item = there.recv() => item,
            item = other.recv() => item,
        };
        if item.is_none() {
            return;
        }
        assert_eq!(item, Some(next));
        next += 1;
    }
}

async fn receive_as_told(there: Receiver<u64>, capacity: usize) {
    if peers::number("choose", 0) != 0 {
        let (_open, other) = channel(capacity);
        choose(there, other).await;
    } else {
        receive(there).await;
    }
}

fn main() {
    let items = peers::number("items", 5_000_000);
    let capacity = peers::number("capacity", 128) as usize;
    let (sender, receiver) = channel(capacity);
    let ns = if peers::number("loops", 1) > 1 {
        let begun = peers::wall_ns();
        let other = std::thread::spawn(move || peers::run(receive_as_told(receiver, capacity)));
        peers::run(send(sender, items));
        other.join().expect("the receiver");
        peers::wall_ns() - begun
    } else {
        let begun = peers::cpu_ns();
        peers::run(async {
            let receiving = tokio::spawn(receive_as_told(receiver, capacity));
            tokio::spawn(send(sender, items)).await.expect("the sender");
            receiving.await.expect("the receiver");
        });
        peers::cpu_ns() - begun
    };
    println!("{{\"ns\": {:.4}}}", ns as f64 / items as f64);
}
