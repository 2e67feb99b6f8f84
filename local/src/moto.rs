//! A second AWS emulator: [moto](https://docs.getmoto.org/en/latest/docs/server_mode.html)'s server. This project doesn't
//! patch it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::Workspace;
use crate::cloud::isolate;

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A running moto server, which has its own state. Dropping this value stops it.
pub struct Moto {
    server: Child,
    port: u16,
    folder: TempDir,
    workspace: Workspace,
}

impl Moto {
    /// Starts the server on a free port of the loopback address.
    ///
    /// # Errors
    /// Returns an error with moto's log if it doesn't listen within a minute.
    pub fn start(workspace: Workspace) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("envcache-moto-")
            .tempdir()?;
        let log = File::create(folder.path().join("moto.log"))?;
        let mut command = workspace.command("python");
        let mut server = isolate(&mut command, folder.path())
            .arg(workspace.file("local/moto/start.py"))
            .env("TMPDIR", folder.path())
            // moto exits when this pipe closes, however this program ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("could not start moto")?;
        let output = server.stdout.take().context("moto has no stdout pipe")?;
        let mut moto = Self {
            server,
            port: 0,
            folder,
            workspace,
        };
        moto.port = read_port(output).with_context(|| moto.log())?;
        Ok(moto)
    }

    /// Returns the endpoint URL for AWS clients.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the checkout that it was started from.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Configures a command so that its AWS client calls only this server.
    pub fn direct<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        isolate(command, self.folder.path()).env("AWS_ENDPOINT_URL", self.endpoint_url())
    }

    /// Returns moto's log.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("moto.log")).unwrap_or_default()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Returns the port that `start.py` prints once the server listens.
fn read_port(output: ChildStdout) -> Result<u16> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let _ = sender.send(line);
    });
    let line = receiver
        .recv_timeout(START_TIMEOUT)
        .with_context(|| format!("moto did not start within {START_TIMEOUT:?}"))?;
    let port = line.trim();
    port.parse()
        .with_context(|| format!("moto printed `{port}` instead of its port"))
}
