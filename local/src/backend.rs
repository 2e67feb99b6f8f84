//! The backend's part: it reads the published parameter and uses the cache behind it.

use anyhow::{Context, Result, ensure};
use redis::{Client, Commands, Connection, TlsCertificates};

/// Connects to `url` over TLS, trusting the certificates of `authority` (PEM), and does PING, SET and GET.
///
/// # Errors
/// Where the cache does not answer as a cache does.
pub fn use_cache(url: &str, authority: &str) -> Result<()> {
    let mut connection = connect(url, authority)?;
    let answer: String = redis::cmd("PING").query(&mut connection)?;
    ensure!(answer == "PONG", "{url} answered PING with {answer}");
    let _: () = connection.set("envcache:demo", "it works")?;
    let found: String = connection.get("envcache:demo")?;
    ensure!(found == "it works", "{url} kept {found}");
    Ok(())
}

/// The seconds that a key still lives; -1 where it never expires, -2 where there is none
/// ([TTL](https://valkey.io/commands/ttl/)).
///
/// # Errors
/// Where the cache does not answer.
pub fn time_to_live(url: &str, authority: &str, key: &str) -> Result<i64> {
    Ok(connect(url, authority)?.ttl(key)?)
}

fn connect(url: &str, authority: &str) -> Result<Connection> {
    // Where another part of the program has chosen one already, that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(authority.as_bytes().to_vec()),
    };
    let client = Client::build_with_tls(url, certificates).with_context(|| url.to_owned())?;
    client.get_connection().with_context(|| url.to_owned())
}
