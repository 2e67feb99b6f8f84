//! Connects to one endpoint in stages: DNS, connect, TLS, commands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use contract::message::Endpoint;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The timeout of each stage. Together, the four stages are shorter than the function's 30 seconds.
const STAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// When the key expires. The run that set it has read it by then.
const KEY_SECONDS: u64 = 60;

/// The stage that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Dns,
    Connect,
    Tls,
    Command,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dns => "DNS",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Command => "command",
        })
    }
}

/// Why an endpoint isn't published.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreachable {
    pub stage: Stage,
    /// The error of that stage.
    pub detail: String,
}

impl Stage {
    fn failed(self, detail: impl fmt::Display) -> Unreachable {
        Unreachable {
            stage: self,
            detail: detail.to_string(),
        }
    }

    /// Runs a stage with its timeout.
    async fn within<T, E: fmt::Display>(
        self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Unreachable> {
        match timeout(STAGE_TIMEOUT, work).await {
            Ok(done) => done.map_err(|error| self.failed(error)),
            Err(_) => Err(self.failed(format!("no answer within {} s", STAGE_TIMEOUT.as_secs()))),
        }
    }
}

/// Connects and sends PING; with a key, also SET and GET.
pub async fn reach(
    tls_config: &Arc<ClientConfig>,
    endpoint: &Endpoint,
    key: Option<&str>,
) -> Result<(), Unreachable> {
    let name =
        ServerName::try_from(endpoint.host.clone()).map_err(|error| Stage::Dns.failed(error))?;
    let addresses: Vec<_> = Stage::Dns
        .within(lookup_host((endpoint.host.as_str(), endpoint.port)))
        .await?
        .collect();
    let stream = Stage::Connect
        .within(TcpStream::connect(addresses.as_slice()))
        .await?;
    let stream = Stage::Tls
        .within(TlsConnector::from(Arc::clone(tls_config)).connect(name, stream))
        .await?;
    // Otherwise, the client first sends its own name and version.
    let settings = AsyncConnectionConfig::new();
    let information = RedisConnectionInfo::default().set_skip_set_lib_name();
    let (connection, driver) = Stage::Command
        .within(MultiplexedConnection::new_with_config(
            &information,
            stream,
            settings,
        ))
        .await?;
    tokio::select! {
        result = Stage::Command.within(commands(connection, key)) => result,
        () = driver => Err(Stage::Command.failed("the connection was closed")),
    }
}

async fn commands(
    mut connection: MultiplexedConnection,
    key: Option<&str>,
) -> Result<(), RedisError> {
    let answer: String = redis::cmd("PING").query_async(&mut connection).await?;
    expect("PING", "PONG", &answer)?;
    let Some(key) = key else { return Ok(()) };
    redis::cmd("SET")
        .arg(key)
        .arg("envcache")
        .arg("EX")
        .arg(KEY_SECONDS)
        .query_async::<()>(&mut connection)
        .await?;
    let found: Option<String> = redis::cmd("GET")
        .arg(key)
        .query_async(&mut connection)
        .await?;
    expect("GET", "envcache", found.as_deref().unwrap_or("nothing"))
}

fn expect(command: &str, expected: &str, found: &str) -> Result<(), RedisError> {
    if found == expected {
        return Ok(());
    }
    Err(RedisError::from((
        redis::ErrorKind::UnexpectedReturnType,
        "unexpected reply",
        format!("{command} returned `{found}`"),
    )))
}
