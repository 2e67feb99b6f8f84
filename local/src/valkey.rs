//! Starts a `valkey-server` with TLS for each node of a cache, each on its own loopback address.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::backend::{self, Role};

const PROGRAM: &str = "valkey-server";
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of addresses to try: other simulators on this machine use some of them.
const ADDRESS_ATTEMPTS: usize = 100;

/// The name of the file in the simulator's folder that contains the certificate authority's certificate.
pub const AUTHORITY: &str = "authority.pem";

/// The parameter that a server can't change while it runs.
const DATABASES: &str = "databases";

/// The commands that install the server.
pub const INSTALL: &str = "apt-get install valkey-server (Debian trixie, or bookworm-backports), brew install valkey (macOS)";

/// Starts servers whose certificates it signs with its own certificate authority.
pub struct Valkey {
    issuer: Issuer<'static, KeyPair>,
    authority: String,
    folder: PathBuf,
    /// The process group of the servers, so that they end with the group.
    group: Arc<AtomicI32>,
}

/// Returns whether `valkey-server` is installed.
#[must_use]
pub fn is_installed() -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file())
    })
}

impl Valkey {
    /// Creates the certificate authority, or returns `None` if `valkey-server` isn't installed. Certificates and keys
    /// are stored in `folder`.
    ///
    /// # Errors
    /// Returns an error if the certificate authority can't be created.
    pub fn find(folder: &Path, group: Arc<AtomicI32>) -> Result<Option<Self>> {
        if !is_installed() {
            return Ok(None);
        }
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate()?;
        let authority = parameters.self_signed(&key)?.pem();
        fs::write(folder.join(AUTHORITY), &authority)?;
        Ok(Some(Self {
            issuer: Issuer::new(parameters, key),
            authority,
            folder: folder.to_owned(),
            group,
        }))
    }

    /// Returns the certificate (PEM) of the authority that clients must trust.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Starts a server at an address, and waits until it listens.
    ///
    /// # Errors
    /// Returns an error if the server doesn't listen within 10 seconds.
    pub fn start(&self, address: SocketAddrV4) -> Result<Server> {
        self.start_as(address, &address.ip().to_string(), &[])
    }

    /// Starts the server of a node at an address, and waits until it listens and has its primary's data.
    ///
    /// # Errors
    /// Returns an error if the file with the data can't be read, or if the server doesn't listen, or doesn't replicate its
    /// primary, within 10 seconds.
    pub fn start_node(&self, address: SocketAddrV4, node: &Node) -> Result<Server> {
        if let Some(data) = &node.data {
            // The server loads it: `--save ""` doesn't prevent that.
            fs::copy(data, self.folder.join(data_file(address)))
                .with_context(|| format!("could not copy {}", data.display()))?;
        }
        let texts = |address: SocketAddrV4| [address.ip().to_string(), address.port().to_string()];
        let [ip, port] = texts(address);
        let primary = node.primary.map(texts);
        // By default, a primary waits 5 seconds for further replicas before it sends its data.
        let mut options = vec![
            "--tls-replication",
            "yes",
            "--repl-diskless-sync-delay",
            "0",
        ];
        let databases = node
            .configuration
            .iter()
            .find(|(name, _)| name == DATABASES);
        if let Some((_, count)) = databases {
            options.extend(["--databases", count.as_str()]);
        }
        if let Some([primary_ip, primary_port]) = &primary {
            options.extend(["--replicaof", primary_ip.as_str(), primary_port.as_str()]);
            // Without it, the primary would show the address from which the replica connects.
            options.extend(["--replica-announce-ip", ip.as_str()]);
            options.extend(["--replica-announce-port", port.as_str()]);
        }
        let server = self.start_as(address, &ip, &options)?;
        if node.primary.is_some() {
            self.wait_for_data(address)?;
        }
        self.configure(address, &node.configuration)?;
        Ok(server)
    }

    /// Waits until a replica has its primary's data.
    fn wait_for_data(&self, address: SocketAddrV4) -> Result<()> {
        let url = format!("rediss://{address}");
        let begin = Instant::now();
        while begin.elapsed() < START_TIMEOUT {
            // The command fails while the replica loads the data.
            if let Ok(Role::Replica {
                replication_state, ..
            }) = backend::role(&url, &self.authority)
                && replication_state == "connected"
            {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("`{PROGRAM}` at {address} did not replicate its primary within {START_TIMEOUT:?}");
    }

    /// Sets parameters of the server at an address, except those that only a start can set. Parameters that the server doesn't
    /// know are ignored: ElastiCache has its own, and the installed version may differ from the cache's.
    ///
    /// # Errors
    /// Returns an error if the server doesn't answer, or if it rejects a value.
    pub fn configure(
        &self,
        address: SocketAddrV4,
        configuration: &[(String, String)],
    ) -> Result<()> {
        let settable: Vec<_> = configuration
            .iter()
            .filter(|(name, _)| name != DATABASES)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        backend::configure(&format!("rediss://{address}"), &self.authority, &settable)
    }

    /// Saves the data of the server at an address in the RDB format, and returns the file.
    ///
    /// # Errors
    /// Returns an error if the server doesn't save its data.
    pub fn save(&self, address: SocketAddrV4, snapshot: &str) -> Result<PathBuf> {
        backend::save(&format!("rediss://{address}"), &self.authority)?;
        let file = self.folder.join(format!("{snapshot}.snapshot.rdb"));
        fs::copy(self.folder.join(data_file(address)), &file)
            .context("the server saved no data")?;
        Ok(file)
    }

    /// Starts a server at an address, with a certificate for `name` and with more options such as `--maxmemory`, and
    /// waits until it listens.
    ///
    /// # Errors
    /// Returns an error if the server doesn't listen within 10 seconds.
    pub fn start_as(&self, address: SocketAddrV4, name: &str, options: &[&str]) -> Result<Server> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new([name.to_owned()])?;
        // rcgen's default subject is that of the certificate authority too, and OpenSSL, with which a replica verifies its
        // primary, takes a certificate whose subject is its issuer for self-signed.
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        let file = |kind: &str| self.folder.join(format!("{address}.{kind}.pem"));
        let (certificate_file, key_file) = (file("certificate"), file("key"));
        fs::write(&certificate_file, certificate.pem())?;
        fs::write(&key_file, key.serialize_pem())?;
        let mut process = self.spawn(address, &certificate_file, &key_file, options)?;
        let begin = Instant::now();
        while begin.elapsed() < START_TIMEOUT {
            // Before connecting, because another process may listen at the address.
            if let Some(status) = process.try_wait()? {
                bail!("`{PROGRAM}` at {address} exited with {status}");
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(Server(process));
            }
            sleep(Duration::from_millis(10));
        }
        let _ = process.kill();
        bail!("`{PROGRAM}` at {address} did not listen within {START_TIMEOUT:?}");
    }

    fn spawn(
        &self,
        address: SocketAddrV4,
        certificate: &Path,
        key: &Path,
        options: &[&str],
    ) -> Result<Child> {
        Command::new(PROGRAM)
            .args(["--bind", &address.ip().to_string()])
            .args(["--port", "0", "--tls-port", &address.port().to_string()])
            .arg("--tls-cert-file")
            .arg(certificate)
            .arg("--tls-key-file")
            .arg(key)
            .arg("--tls-ca-cert-file")
            .arg(self.folder.join(AUTHORITY))
            // As in ElastiCache, clients need no certificate.
            .args(["--tls-auth-clients", "no"])
            .args(["--save", "", "--appendonly", "no"])
            // The servers share a folder, and a running server doesn't change its file.
            .args(["--dbfilename", &data_file(address)])
            .args(options)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(self.group.load(Ordering::Relaxed))
            .spawn()
            .context("could not start `valkey-server`")
    }
}

/// The settings of a cache's node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The file with the data that it starts with, in the RDB format.
    pub data: Option<PathBuf>,
    /// The address of the primary, if it is a replica.
    pub primary: Option<SocketAddrV4>,
    /// The names and values of its parameters.
    pub configuration: Vec<(String, String)>,
}

/// Returns the name of the file that the server at an address saves its data to, and loads it from.
fn data_file(address: SocketAddrV4) -> String {
    format!("{address}.rdb")
}

/// A running server. Dropping this value stops the server.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Assigns each cache its own address.
#[derive(Default)]
pub struct Addresses(u16);

impl Addresses {
    /// Returns the next free address of `127.0.0.2`, `127.0.0.3`, … with the requested port. macOS has only
    /// 127.0.0.1, so each cache gets its own port there. If no tried address is free, returns the last one.
    pub fn next(&mut self, port: u16) -> SocketAddrV4 {
        let mut address = self.next_candidate(port);
        for _ in 0..ADDRESS_ATTEMPTS {
            if TcpListener::bind(address).is_ok() {
                break;
            }
            address = self.next_candidate(port);
        }
        address
    }

    fn next_candidate(&mut self, port: u16) -> SocketAddrV4 {
        self.0 += 1;
        if cfg!(target_os = "macos") {
            return SocketAddrV4::new(Ipv4Addr::LOCALHOST, port.saturating_add(self.0));
        }
        let [high, low] = (self.0 + 1).to_be_bytes();
        SocketAddrV4::new(Ipv4Addr::new(127, 0, high, low), port)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::Addresses;

    #[cfg(target_os = "linux")]
    #[test]
    fn assigns_distinct_addresses_and_skips_used_ones() {
        let listener = TcpListener::bind(("127.0.0.3", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut addresses = Addresses::default();

        let found = [port, port].map(|port| addresses.next(port).to_string());

        assert_eq!(
            found,
            [format!("127.0.0.2:{port}"), format!("127.0.0.4:{port}")]
        );
    }
}
