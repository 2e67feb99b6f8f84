//! The MiniStack process, behind its gateway.

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

const START_TIMEOUT: Duration = Duration::from_mins(1);
const START_ATTEMPTS: usize = 3;

/// Another process has bound the port in the meantime.
#[derive(Debug, thiserror::Error)]
#[error("address `{0}` is already in use")]
struct PortTaken(SocketAddrV4);

/// The settings of a simulator.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Real seconds per simulated second, for the state machine's waits and retries and for cache operations.
    pub scale: f64,
    /// Whether to start a Valkey server for each endpoint, if one is installed.
    pub valkey: bool,
    /// Whether resources survive a restart.
    pub persistent: bool,
    /// How many functions run at the same time, if there is a limit. Further ones wait.
    pub functions_at_once: Option<u32>,
}

impl Default for Settings {
    /// Returns the settings for interactive use: waits are a tenth of those on AWS.
    fn default() -> Self {
        Self {
            scale: 0.1,
            valkey: true,
            persistent: false,
            functions_at_once: None,
        }
    }
}

/// A running MiniStack that enforces IAM, and the gateway in front of it. Dropping this value stops both, and every
/// process that they started.
pub struct Cloud {
    server: Child,
    // Declared, and so dropped, before `folder`, which the gateway's servers use.
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
    /// Starts the simulator on free ports of the loopback address.
    ///
    /// # Errors
    /// Returns an error with the end of MiniStack's log if MiniStack doesn't answer within a minute.
    pub fn start(workspace: Workspace, interrupt: Interrupt, settings: Settings) -> Result<Self> {
        // Another process may bind the free port before MiniStack does.
        for _ in 1..START_ATTEMPTS {
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
            server: spawn_ministack(&workspace, &folder, settings, address, gateway.address())?,
            gateway,
            authority,
            group,
            address,
            settings,
            folder,
            workspace,
            interrupt,
        };
        cloud.wait_until_ready()?;
        Ok(cloud)
    }

    /// Restarts MiniStack at its address. Resources are kept only if the settings are persistent. Running
    /// executions fail, and Valkey servers stop.
    ///
    /// # Errors
    /// Same as [`Cloud::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        self.server = spawn_ministack(
            &self.workspace,
            &self.folder,
            self.settings,
            self.address,
            self.gateway.address(),
        )?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < START_TIMEOUT {
            self.interrupt.check()?;
            if let Some(status) = self.server.try_wait()? {
                let log = self.log();
                if log.contains("address already in use") {
                    return Err(PortTaken(self.address).into());
                }
                bail!("MiniStack exited with {status}:\n{log}");
            }
            if TcpStream::connect(self.address).is_ok() {
                let group = i32::try_from(self.server.id()).context("MiniStack's process ID")?;
                self.group.store(group, Ordering::Relaxed);
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!(
            "MiniStack did not answer within {START_TIMEOUT:?}:\n{}",
            self.log()
        );
    }

    /// Returns the endpoint URL for AWS clients.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// Returns the gateway in front of MiniStack.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Returns the certificate (PEM) of the authority that signed the caches' certificates, or `None` if endpoints
    /// have no Valkey server.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Returns the checkout that the simulator was started from.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Returns the simulator's temporary folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates a file for a command's output, and returns it with its path.
    ///
    /// # Errors
    /// Returns an error if the file can't be created.
    pub fn output_file(&self, name: &str) -> Result<(File, PathBuf)> {
        let path = self.folder().join(name);
        Ok((File::create(&path)?, path))
    }

    /// Returns the flag that ends the work early.
    #[must_use]
    pub const fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Configures a command so that its AWS client calls only this simulator, as the root user.
    pub fn direct<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        isolate(command, self.folder.path())
            .env("AWS_ENDPOINT_URL", self.endpoint_url())
            .env("SAM_CLI_TELEMETRY", "0")
    }

    /// Returns the last 40 lines of MiniStack's log.
    #[must_use]
    pub fn log(&self) -> String {
        let text =
            std::fs::read_to_string(self.folder.path().join("ministack.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// Starts MiniStack in its own process group, so that the functions' processes end with it.
fn spawn_ministack(
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
        // `provided.*` functions call back to this address.
        .env("AWS_ENDPOINT_URL", format!("http://{gateway}"))
        .env("AUTH", "true")
        .env("IOT_MTLS_ENABLED", "0")
        // AWS's default. MiniStack's depends on the memory, and it loses an event whose function it can't start.
        .env("LAMBDA_ACCOUNT_CONCURRENCY", "1000")
        .env("MINISTACK_REGION", REGION)
        .env("SFN_WAIT_SCALE", settings.scale.to_string())
        .env("TMPDIR", folder.path());
    if settings.valkey {
        // Makes the functions trust the caches' certificate authority, as they trust Amazon's on AWS.
        command.env("SSL_CERT_FILE", folder.path().join(valkey::AUTHORITY));
    }
    if let Some(limit) = settings.functions_at_once {
        command.env("ENVCACHE_FUNCTIONS_AT_ONCE", limit.to_string());
    }
    if settings.persistent {
        command
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", folder.path().join("state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", folder.path().join("s3"));
    }
    command
        // MiniStack exits when this pipe closes, however this program ends.
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .context("could not start MiniStack")
}

impl Cloud {
    fn stop(&mut self) {
        let Ok(group) = i32::try_from(self.server.id()).map(Pid::from_raw) else {
            return;
        };
        // SIGTERM first, so that MiniStack can stop its functions itself.
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
        self.stop();
    }
}

/// Removes the user's AWS and proxy settings from a command's environment, so that it calls only the simulator or moto.
pub(crate) fn isolate<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let is_user_setting =
        |name: &str| name.starts_with("AWS_") || name.to_ascii_lowercase().ends_with("_proxy");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_user_setting) {
            command.env_remove(name);
        }
    }
    let missing_file = folder.join("none");
    command
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", &missing_file)
        .env("AWS_SHARED_CREDENTIALS_FILE", &missing_file)
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// Returns an address with a free port. Another process can still bind the port before the server does.
fn free_address() -> Result<SocketAddrV4> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}
