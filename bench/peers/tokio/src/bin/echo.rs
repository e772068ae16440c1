//! A peer: the echo server on tokio, a task a connection, on one thread.
//! echo [once=1]: a connection ends with its first answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn echo(mut connection: TcpStream, once: bool) -> std::io::Result<()> {
    let mut buf = [0; 4096];
    loop {
        let n = connection.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        connection.write_all(&buf[..n]).await?;
        if once {
            return Ok(());
        }
    }
}

fn main() {
    let once = peers::number("once", 0) != 0;
    peers::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("port {}", listener.local_addr().expect("its port").port());
        loop {
            if let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(echo(connection, once));
            }
        }
    });
}
