//! A cache that answers the commands of `verify-endpoint`, over TLS.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Serves connections until the task is aborted.
pub async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve_connection(stream, acceptor.clone()));
    }
}

/// Answers one command after the other. The function waits for each reply, so a read returns at most one command.
async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut buffer = [0; 1024];
    while let Ok(length) = stream.read(&mut buffer).await {
        let command = buffer.get(..length).unwrap_or_default();
        let Some(reply) = reply(command) else { return };
        if stream.write_all(reply).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// Returns the reply to a command, in the protocol that the server and its clients speak:
/// <https://valkey.io/topics/protocol/>. None at the connection's end.
fn reply(command: &[u8]) -> Option<&'static [u8]> {
    // An array of bulk strings: `*1`, `$4`, `PING`.
    let name = command
        .split(|byte| *byte == b'\n')
        .nth(2)?
        .trim_ascii_end();
    let reply: &[u8] = match name.to_ascii_uppercase().as_slice() {
        b"PING" => b"+PONG\r\n",
        b"GET" => b"$8\r\nenvcache\r\n",
        _ => b"+OK\r\n",
    };
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::reply;

    #[test]
    fn answers_the_commands_of_a_verification() {
        let cases: [(&[u8], Option<&[u8]>); 4] = [
            (b"*1\r\n$4\r\nPING\r\n", Some(b"+PONG\r\n")),
            (
                b"*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$8\r\nenvcache\r\n$2\r\nEX\r\n$2\r\n60\r\n",
                Some(b"+OK\r\n"),
            ),
            (
                b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
                Some(b"$8\r\nenvcache\r\n"),
            ),
            (b"", None),
        ];
        for (command, expected) in cases {
            assert_eq!(
                reply(command),
                expected,
                "{}",
                String::from_utf8_lossy(command)
            );
        }
    }
}
