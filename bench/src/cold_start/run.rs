//! Runs a candidate once, from the start of its process to its first answer.

use std::ffi::OsString;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use envcache_tests::lambda::environment;
use local::Workspace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

use super::call::Call;
use super::candidate::Candidate;
use super::server::{Finished, Server, Transport};
use super::tls::Tls;

/// A program under valgrind takes many times as long as without.
const TIMEOUT: Duration = Duration::from_mins(5);
/// How often it checks whether a process that hasn't answered yet still runs.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// The measurements of one run.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// From the start of the process until it asks for an event: Lambda's init phase.
    pub init: Duration,
    /// From the start of the process until its answer to the event.
    pub total: Duration,
    /// The process's largest resident memory, in KiB. None on systems without `/proc`.
    pub memory: Option<u64>,
}

/// Runs candidates.
pub struct Runner {
    runtime: Runtime,
    tls: Tls,
}

impl Runner {
    /// Creates a runner.
    ///
    /// # Errors
    /// Returns an error if the certificates can't be written.
    pub fn create() -> Result<Self> {
        Ok(Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?,
            tls: Tls::create(&Workspace::root().join("target/bench"))?,
        })
    }

    /// Returns what the candidates trust.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Runs a candidate, and returns the AWS calls that it made.
    ///
    /// # Errors
    /// Returns an error if the candidate fails.
    pub fn run(&self, candidate: &Candidate, transport: Transport) -> Result<(Sample, Vec<Call>)> {
        let server = self.serve(candidate, transport)?;
        let mut process = self.spawn(candidate, &server, &[])?;
        let finished = finished(candidate, &server, &mut process)?;
        let memory = fs::read_to_string(format!("/proc/{}/status", process.child.id()));
        let since_begin = |end: Instant| end.saturating_duration_since(process.begin);
        let sample = Sample {
            init: finished.ready.map(since_begin).unwrap_or_default(),
            total: since_begin(finished.answered),
            memory: memory.ok().and_then(|status| peak_memory(&status)),
        };
        Ok((sample, server.calls()))
    }

    /// Returns how many instructions a candidate executes, counted by valgrind's tool callgrind.
    ///
    /// # Errors
    /// Returns an error if the candidate or valgrind fails.
    pub fn instructions(&self, candidate: &Candidate, transport: Transport) -> Result<u64> {
        let server = self.serve(candidate, transport)?;
        let log = NamedTempFile::new()?;
        let valgrind: [OsString; 4] = [
            "valgrind".into(),
            "--tool=callgrind".into(),
            "--callgrind-out-file=/dev/null".into(),
            format!("--log-file={}", log.path().display()).into(),
        ];
        let mut process = self.spawn(candidate, &server, &valgrind)?;
        finished(candidate, &server, &mut process)?;
        // Unlike a kill, valgrind handles this signal, and writes the counter.
        let id = i32::try_from(process.child.id()).context("the process's ID")?;
        kill(Pid::from_raw(id), Signal::SIGTERM)?;
        process.child.wait()?;
        let log = fs::read_to_string(log.path())?;
        counted(&log).with_context(|| format!("valgrind counted nothing: {log}"))
    }

    fn serve(&self, candidate: &Candidate, transport: Transport) -> Result<Server> {
        Server::start(
            &self.runtime,
            &self.tls.acceptor,
            &candidate.step,
            transport,
        )
    }

    /// Starts a candidate as the argument of `wrapper`, with the environment that Lambda gives to it.
    fn spawn(
        &self,
        candidate: &Candidate,
        server: &Server,
        wrapper: &[OsString],
    ) -> Result<Process> {
        let mut words = wrapper.iter().chain(&candidate.command);
        let program = words.next().context("a candidate has a program")?;
        let bundle = self.tls.bundle();
        let errors = NamedTempFile::new()?;
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(&candidate.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(environment(&candidate.step.name, server.runtime_api))
            .envs(server.endpoint_urls.iter().cloned())
            // For Rust, because rustls-native-certs reads it, and for botocore.
            .env("SSL_CERT_FILE", &bundle)
            .env("AWS_CA_BUNDLE", &bundle)
            .envs(&candidate.step.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors.reopen()?);
        let begin = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        Ok(Process {
            child,
            begin,
            errors,
        })
    }
}

/// A process. Dropping it kills it.
struct Process {
    child: Child,
    /// When it was started.
    begin: Instant,
    /// What it wrote to standard error.
    errors: NamedTempFile,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the answer to the event.
///
/// # Errors
/// Returns an error if the candidate reports one, ends before it answers, or doesn't answer in time.
fn finished(candidate: &Candidate, server: &Server, process: &mut Process) -> Result<Finished> {
    let deadline = Instant::now() + TIMEOUT;
    let problem = loop {
        // Checked before the wait, because a process may end right after its answer.
        let ended = process.child.try_wait()?;
        if let Some(finished) = server.wait(CHECK_INTERVAL) {
            match &finished.error {
                Some(error) => break error.clone(),
                None => return Ok(finished),
            }
        }
        if let Some(status) = ended {
            break format!("it ended without an answer: {status}");
        }
        if Instant::now() > deadline {
            break format!("no answer within {TIMEOUT:?}");
        }
    };
    let errors = fs::read_to_string(process.errors.path()).unwrap_or_default();
    Err(anyhow!(
        "{:?} {}: {problem}\n{errors}",
        candidate.kind,
        candidate.step.name
    ))
}

/// Returns the largest resident memory in KiB from `/proc/{id}/status`
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>).
fn peak_memory(status: &str) -> Option<u64> {
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// Returns the number of instructions from callgrind's log
/// (<https://valgrind.org/docs/manual/cl-manual.html>).
fn counted(log: &str) -> Option<u64> {
    let (_, counted) = log
        .lines()
        .find_map(|line| line.split_once("Collected : "))?;
    counted.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{counted, peak_memory};

    #[test]
    fn reads_the_peak_memory_of_a_process() {
        let status =
            "Name:\tbootstrap\nVmPeak:\t   12345 kB\nVmHWM:\t    9728 kB\nVmRSS:\t    9000 kB\n";

        assert_eq!(peak_memory(status), Some(9728));
        // A kernel thread has no memory of its own.
        assert_eq!(peak_memory("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn reads_the_instructions_from_the_log() {
        let log = "==26646== \n==26646== Events    : Ir\n==26646== Collected : 2486375\n==26646== \n\
                   ==26646== I   refs:      2,486,375\n";

        assert_eq!(counted(log), Some(2_486_375));
        assert_eq!(counted("==1== Command: bootstrap\n"), None);
    }
}
