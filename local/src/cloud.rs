//! MiniStack as a process, behind its gateway.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::valkey::{self, Valkey};
use crate::{Gateway, Interrupt, REGION, Workspace};

const START: Duration = Duration::from_mins(1);
const STARTS: usize = 3;

/// Somebody else has the port by now.
#[derive(Debug, thiserror::Error)]
#[error("{0} is taken")]
struct PortTaken(SocketAddrV4);

/// How a cloud runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Real time against AWS's, for the waits and retries of the state machine and for the life of a cache.
    pub scale: f64,
    /// Whether a real Valkey stands behind an endpoint, where one is installed.
    pub valkey: bool,
    /// Whether it keeps what it holds when it is restarted.
    pub persistent: bool,
}

impl Default for Settings {
    /// As a person watches it: waits are a tenth of what they are on AWS.
    fn default() -> Self {
        Self {
            scale: 0.1,
            valkey: true,
            persistent: false,
        }
    }
}

/// A running MiniStack with IAM enforced, and the gateway before it. Dropping it ends both and all that they
/// started.
pub struct Cloud {
    server: Child,
    // Before the folder, in which its servers run.
    gateway: Gateway,
    authority: Option<String>,
    group: Arc<AtomicI32>,
    address: SocketAddrV4,
    settings: Settings,
    folder: TempDir,
    workspace: Workspace,
    interrupt: Interrupt,
}

impl Cloud {
    /// Starts it on free ports of the loopback address.
    ///
    /// # Errors
    /// Where it does not answer within a minute; the message holds the end of its log.
    pub fn start(workspace: Workspace, interrupt: Interrupt, settings: Settings) -> Result<Self> {
        // A port that was free may be somebody else's by the time that MiniStack binds it.
        for _ in 1..STARTS {
            match Self::try_to_start(workspace.clone(), interrupt.clone(), settings) {
                Err(error) if error.is::<PortTaken>() => {}
                other => return other,
            }
        }
        Self::try_to_start(workspace, interrupt, settings)
    }

    fn try_to_start(
        workspace: Workspace,
        interrupt: Interrupt,
        settings: Settings,
    ) -> Result<Self> {
        let address = free_address()?;
        let folder = tempfile::Builder::new().prefix("envcache-").tempdir()?;
        let group = Arc::new(AtomicI32::new(0));
        let valkey = if settings.valkey {
            Valkey::find(folder.path(), Arc::clone(&group))?
        } else {
            None
        };
        let authority = valkey.as_ref().map(|valkey| valkey.authority().to_owned());
        let gateway = Gateway::start(address, settings.scale, Arc::clone(&group), valkey)?;
        let mut cloud = Self {
            server: ministack(&workspace, &folder, settings, address, gateway.address())?,
            gateway,
            authority,
            group,
            address,
            settings,
            folder,
            workspace,
            interrupt,
        };
        cloud.wait_until_it_answers()?;
        Ok(cloud)
    }

    /// Ends MiniStack and starts it again at its address. What it held is kept where the settings say so; an
    /// execution that ran has failed, and a Valkey that ran has ended.
    ///
    /// # Errors
    /// As [`Cloud::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        self.server = ministack(
            &self.workspace,
            &self.folder,
            self.settings,
            self.address,
            self.gateway.address(),
        )?;
        self.wait_until_it_answers()
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            self.interrupt.check()?;
            if let Some(status) = self.server.try_wait()? {
                let log = self.log();
                if log.contains("address already in use") {
                    return Err(PortTaken(self.address).into());
                }
                bail!("MiniStack ended with {status}:\n{log}");
            }
            if TcpStream::connect(self.address).is_ok() {
                let group = i32::try_from(self.server.id()).context("a process's id")?;
                self.group.store(group, Ordering::Relaxed);
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("MiniStack did not answer within {START:?}:\n{}", self.log());
    }

    /// The address for clients of AWS.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// What stands before MiniStack.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The certificate, in PEM, of the authority that the caches' certificates are from; none where there is
    /// no Valkey behind an endpoint.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The checkout that it was started from.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// A new file for the output of a command, and its path.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn output_file(&self, name: &str) -> Result<(File, PathBuf)> {
        let path = self.folder.path().join(name);
        Ok((File::create(&path)?, path))
    }

    /// What ends the work early.
    #[must_use]
    pub const fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Points a command's AWS client at this cloud, as its root user, and at no other.
    pub fn direct<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        isolate(command, self.folder.path())
            .env("AWS_ENDPOINT_URL", self.endpoint_url())
            .env("SAM_CLI_TELEMETRY", "0")
    }

    /// The end of its log, for a message.
    #[must_use]
    pub fn log(&self) -> String {
        let text =
            std::fs::read_to_string(self.folder.path().join("ministack.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// Starts MiniStack in a process group of its own, so that its functions' processes end with it.
fn ministack(
    workspace: &Workspace,
    folder: &TempDir,
    settings: Settings,
    address: SocketAddrV4,
    gateway: SocketAddrV4,
) -> Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("ministack.log"))?;
    let mut command = workspace.command("python");
    isolate(&mut command, folder.path())
        .arg(workspace.file("local/ministack/start.py"))
        .env("BIND_HOST", address.ip().to_string())
        .env("GATEWAY_PORT", address.port().to_string())
        // A provided.* function calls back to this address.
        .env("AWS_ENDPOINT_URL", format!("http://{gateway}"))
        .env("AUTH", "true")
        .env("IOT_MTLS_ENABLED", "0")
        .env("MINISTACK_REGION", REGION)
        .env("SFN_WAIT_SCALE", settings.scale.to_string())
        .env("TMPDIR", folder.path());
    if settings.valkey {
        // The functions trust the authority of the caches' certificates, as on AWS they trust Amazon's.
        command.env("SSL_CERT_FILE", folder.path().join(valkey::AUTHORITY));
    }
    if settings.persistent {
        command
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", folder.path().join("state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", folder.path().join("s3"));
    }
    command
        // It ends when the other end of this pipe is closed, however this program ends.
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .context("MiniStack could not be started")
}

impl Cloud {
    fn end(&mut self) {
        let Ok(group) = i32::try_from(self.server.id()).map(Pid::from_raw) else {
            return;
        };
        // Asked first, so that it can end its functions itself.
        let _ = killpg(group, Signal::SIGTERM);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            if matches!(self.server.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.server.wait();
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.end();
    }
}

/// Keeps a person's own AWS settings and proxies away from a process of this cloud: what it calls is here.
fn isolate<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let is_foreign =
        |name: &str| name.starts_with("AWS_") || name.to_ascii_lowercase().ends_with("_proxy");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_foreign) {
            command.env_remove(name);
        }
    }
    let none = folder.join("none");
    command
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", &none)
        .env("AWS_SHARED_CREDENTIALS_FILE", &none)
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// A port that nobody listens on. It may be taken before the server binds it, which the start then reports.
fn free_address() -> Result<SocketAddrV4> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}
