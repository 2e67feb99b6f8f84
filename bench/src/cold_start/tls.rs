//! The certificates of the simulated AWS, which Rust and Python trust.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// Where systems keep their certificate authorities: Debian, Amazon Linux and Fedora, macOS.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

const AUTHORITY: &str = "authority.pem";
const BUNDLE: &str = "authorities.pem";

/// A server's TLS settings, and the certificate authorities that its clients trust.
pub struct Tls {
    /// Accepts connections to 127.0.0.1.
    pub acceptor: TlsAcceptor,
    /// The number of trusted authorities. A client parses all of them when it starts.
    pub authorities: usize,
    folder: PathBuf,
}

impl Tls {
    /// Creates a certificate authority, and a certificate for 127.0.0.1 with a P-256 key. The authority's key is stored in
    /// the folder, so that programs that were built with the authority still trust a later one.
    ///
    /// # Errors
    /// Returns an error if a file can't be read or written.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // Python 3.13 rejects an authority without key usages, and a certificate without its authority's key identifier:
        // https://docs.python.org/3/library/ssl.html#ssl.create_default_context (VERIFY_X509_STRICT).
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = stored_key(&folder.join("authority.key.pem"))?;
        let authority = parameters.self_signed(&key)?.pem();
        let issuer = Issuer::new(parameters, key);

        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new(["127.0.0.1".to_owned()])?;
        // With rcgen's default, the name of its authority, OpenSSL would take the certificate for a self-signed one.
        parameters
            .distinguished_name
            .push(DnType::CommonName, "127.0.0.1");
        parameters.use_authority_key_identifier_extension = true;
        let certificate = parameters.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;

        // The system's authorities too, because a function parses all of them on AWS.
        let system = SYSTEM_BUNDLES
            .iter()
            .find_map(|path| fs::read_to_string(path).ok());
        let bundle = format!("{}{authority}", system.unwrap_or_default());
        fs::write(folder.join(AUTHORITY), authority)?;
        fs::write(folder.join(BUNDLE), &bundle)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authorities: bundle.matches("-----BEGIN CERTIFICATE-----").count(),
            folder: folder.to_owned(),
        })
    }

    /// Returns the file with the created authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.join(AUTHORITY)
    }

    /// Returns the file with all trusted authorities: the system's and the created one.
    pub fn bundle(&self) -> PathBuf {
        self.folder.join(BUNDLE)
    }
}

/// Returns the key in a file, which is created if it doesn't exist.
fn stored_key(file: &Path) -> Result<KeyPair> {
    if let Ok(pem) = fs::read_to_string(file) {
        return Ok(KeyPair::from_pem(&pem)?);
    }
    let key = KeyPair::generate()?;
    fs::write(file, key.serialize_pem())?;
    Ok(key)
}
