//! Uses a cache as the backend does: connects to the published URL over TLS.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
pub use redis::Role;
use redis::{Client, Commands, Connection, TlsCertificates};

/// Connects to `url` over TLS, trusting the certificate authority `authority` (PEM), and runs PING, SET, and GET.
///
/// # Errors
/// Returns an error if the connection fails or a reply is wrong.
pub fn use_cache(url: &str, authority: &str) -> Result<()> {
    let mut connection = connect(url, authority)?;
    let answer: String = redis::cmd("PING").query(&mut connection)?;
    ensure!(answer == "PONG", "`{url}` answered PING with `{answer}`");
    let _: () = connection.set("envcache:demo", "it works")?;
    let found: String = connection.get("envcache:demo")?;
    ensure!(found == "it works", "`{url}` answered GET with `{found}`");
    Ok(())
}

/// Returns the seconds until a key expires: -1 if it never expires, -2 if it doesn't exist
/// ([TTL](https://valkey.io/commands/ttl/)).
///
/// # Errors
/// Returns an error if the cache doesn't answer.
pub fn time_to_live(url: &str, authority: &str, key: &str) -> Result<i64> {
    Ok(connect(url, authority)?.ttl(key)?)
}

/// Makes the server save its data ([SAVE](https://valkey.io/commands/save/)).
///
/// # Errors
/// Returns an error if the cache doesn't answer, or can't save it.
pub fn save(url: &str, authority: &str) -> Result<()> {
    let mut connection = connect(url, authority)?;
    redis::cmd("SAVE").query::<()>(&mut connection)?;
    Ok(())
}

/// Returns the value of a key, if it exists.
///
/// # Errors
/// Returns an error if the cache doesn't answer.
pub fn value(url: &str, authority: &str, key: &str) -> Result<Option<String>> {
    Ok(connect(url, authority)?.get(key)?)
}

/// Returns the node's role: the primary with its replicas, or a replica with its primary
/// ([ROLE](https://valkey.io/commands/role/)).
///
/// # Errors
/// Returns an error if the node doesn't answer, or isn't connected to its primary.
pub fn role(url: &str, authority: &str) -> Result<Role> {
    let mut connection = connect(url, authority)?;
    Ok(redis::cmd("ROLE").query(&mut connection)?)
}

/// Returns the value of a parameter, if the node has it ([CONFIG GET](https://valkey.io/commands/config-get/)).
///
/// # Errors
/// Returns an error if the node doesn't answer.
pub fn parameter(url: &str, authority: &str, name: &str) -> Result<Option<String>> {
    let mut connection = connect(url, authority)?;
    let mut found: HashMap<String, String> = redis::cmd("CONFIG")
        .arg("GET")
        .arg(name)
        .query(&mut connection)?;
    Ok(found.remove(name))
}

/// Sets parameters that the node has, and ignores others ([CONFIG SET](https://valkey.io/commands/config-set/)).
///
/// # Errors
/// Returns an error if the node doesn't answer. If it rejects values, sets the other parameters and returns the last error.
pub fn configure(url: &str, authority: &str, parameters: &[(&str, &str)]) -> Result<()> {
    let mut connection = connect(url, authority)?;
    let mut result = Ok(());
    for (name, value) in parameters {
        let set = redis::cmd("CONFIG")
            .arg("SET")
            .arg(*name)
            .arg(*value)
            .query::<()>(&mut connection);
        match set {
            Err(error) if error.is_io_error() => return Err(error.into()),
            // https://github.com/valkey-io/valkey/blob/unstable/src/config.c
            Err(error) if !error.to_string().contains("Unknown option") => {
                result = Err(error).with_context(|| format!("{name} {value}"));
            }
            _ => {}
        }
    }
    result
}

fn connect(url: &str, authority: &str) -> Result<Connection> {
    // Fails if another part of the program has installed a provider, which works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(authority.as_bytes().to_vec()),
    };
    let client = Client::build_with_tls(url, certificates).with_context(|| url.to_owned())?;
    client.get_connection().with_context(|| url.to_owned())
}
