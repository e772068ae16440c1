//! A peer: random reads of a file by tasks of tokio, on its threads for what can only block; the
//! file is there already. What is read and the arguments: bench/file_read.h.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::rc::Rc;
use std::sync::Arc;

const BLOCK: usize = 4096;

#[repr(align(4096))]
struct Block([u8; BLOCK]);

struct Reads {
    file: Arc<File>,
    blocks: u64,
    left: Cell<u64>,
    random: Cell<u64>,
}

impl Reads {
    fn next(&self) -> Option<u64> {
        self.left.set(self.left.get().checked_sub(1)?);
        let mut x = self.random.get();
        let offset = peers::next_random(&mut x) % self.blocks * BLOCK as u64;
        self.random.set(x);
        Some(offset)
    }
}

async fn reader(reads: Rc<Reads>) {
    let mut block = Box::new(Block([0; BLOCK]));
    while let Some(offset) = reads.next() {
        let file = reads.file.clone();
        block = tokio::task::spawn_blocking(move || {
            file.read_exact_at(&mut block.0, offset).expect("a block");
            block
        })
        .await
        .expect("the reading thread");
    }
}

fn main() {
    let flags = if peers::number("cold", 0) != 0 {
        libc::O_DIRECT
    } else {
        0
    };
    let path = peers::text("file").unwrap_or_else(|| "file_read.data".to_string());
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .expect("the file");
    let count = peers::number("reads", 1_000_000);
    let reads = Rc::new(Reads {
        file: Arc::new(file),
        blocks: (peers::number("size", 256) << 20) / BLOCK as u64,
        left: Cell::new(count),
        random: Cell::new(88_172_645_463_325_252),
    });
    let (begun, cpu_begun) = (peers::wall_ns(), peers::cpu_ns());
    peers::run(async {
        let local = tokio::task::LocalSet::new();
        for _ in 0..peers::number("depth", 64) {
            local.spawn_local(reader(reads.clone()));
        }
        local.await;
    });
    println!(
        "{{\"us\": {:.4}, \"elapsed_us\": {:.4}}}",
        (peers::cpu_ns() - cpu_begun) as f64 / 1e3 / count as f64,
        (peers::wall_ns() - begun) as f64 / 1e3 / count as f64
    );
}
