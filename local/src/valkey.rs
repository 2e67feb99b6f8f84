//! A real Valkey behind each cache's endpoint: `valkey-server` with TLS, on a loopback address of its own.

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
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const PROGRAM: &str = "valkey-server";
const START: Duration = Duration::from_secs(10);
/// The addresses that are tried: other clouds on this machine have some.
const TRIED: usize = 100;

/// The file in the cloud's folder that holds the authority's certificate.
pub const AUTHORITY: &str = "authority.pem";

/// How to install the server, for a person who has not.
pub const INSTALL: &str = "apt-get install valkey-server (Debian trixie, or bookworm-backports), brew install valkey (Mac)";

/// Starts servers, with certificates of an authority of its own.
pub struct Valkey {
    issuer: Issuer<'static, KeyPair>,
    authority: String,
    folder: PathBuf,
    /// The process group that the servers join, so that they end with it.
    group: Arc<AtomicI32>,
}

impl Valkey {
    /// None where `valkey-server` is not installed. Certificates and keys stand in `folder`.
    ///
    /// # Errors
    /// Where the authority cannot be made.
    pub fn find(folder: &Path, group: Arc<AtomicI32>) -> Result<Option<Self>> {
        let is_installed = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file())
        });
        if !is_installed {
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

    /// The certificate, in PEM, of the authority that clients have to trust.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Starts a server at an address, and waits until it listens.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start(&self, address: SocketAddrV4) -> Result<Server> {
        self.start_as(address, &address.ip().to_string(), &[])
    }

    /// Starts a server at an address with a certificate for a name and more of its own settings, such as
    /// `--maxmemory`, and waits until it listens.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start_as(&self, address: SocketAddrV4, name: &str, more: &[&str]) -> Result<Server> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new([name.to_owned()])?.signed_by(&key, &self.issuer)?;
        let file = |kind: &str| self.folder.join(format!("{address}.{kind}.pem"));
        let (certificate_file, key_file) = (file("certificate"), file("key"));
        fs::write(&certificate_file, certificate.pem())?;
        fs::write(&key_file, key.serialize_pem())?;
        let mut process = self.spawn(address, &certificate_file, &key_file, more)?;
        let begin = Instant::now();
        while begin.elapsed() < START {
            // Asked first: it may be a stranger who listens there.
            if let Some(status) = process.try_wait()? {
                bail!("{PROGRAM} at {address} ended with {status}");
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(Server(process));
            }
            sleep(Duration::from_millis(10));
        }
        let _ = process.kill();
        bail!("{PROGRAM} at {address} did not listen within {START:?}");
    }

    fn spawn(
        &self,
        address: SocketAddrV4,
        certificate: &Path,
        key: &Path,
        more: &[&str],
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
            // As ElastiCache: the server has a certificate, its clients need none.
            .args(["--tls-auth-clients", "no"])
            .args(["--save", "", "--appendonly", "no"])
            .args(more)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(self.group.load(Ordering::Relaxed))
            .spawn()
            .context("valkey-server could not be started")
    }
}

/// A running server. Dropping it ends it.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The addresses of the caches, each its own.
#[derive(Default)]
pub struct Addresses(u16);

impl Addresses {
    /// The next where nobody listens, of `127.0.0.2`, `127.0.0.3` and so on with the wanted port; on a Mac, which
    /// has 127.0.0.1 alone, with a port of the cache's own there. Where somebody listens at all of them, the last.
    pub fn next(&mut self, port: u16) -> SocketAddrV4 {
        let mut address = self.following(port);
        for _ in 0..TRIED {
            if TcpListener::bind(address).is_ok() {
                break;
            }
            address = self.following(port);
        }
        address
    }

    fn following(&mut self, port: u16) -> SocketAddrV4 {
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
    fn each_cache_has_an_address_of_its_own_where_nobody_listens() {
        let somebody = TcpListener::bind(("127.0.0.3", 0)).expect("a port");
        let port = somebody.local_addr().expect("its address").port();
        let mut addresses = Addresses::default();

        let found = [port, port].map(|port| addresses.next(port).to_string());

        assert_eq!(
            found,
            [format!("127.0.0.2:{port}"), format!("127.0.0.4:{port}")]
        );
    }
}
