//! The AWS client of the demo and the tests: boto3, which shares no code with the functions and validates every
//! request against AWS's service models.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::moto::Moto;
use crate::{Cloud, Workspace};

/// An AWS client that calls as the account's root user.
pub struct Aws {
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

/// An error response from AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    pub code: String,
    pub message: String,
}

impl std::fmt::Display for ErrorResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ErrorResponse {}

impl Aws {
    /// Starts a client of a simulator.
    ///
    /// # Errors
    /// Returns an error if the virtual environment's Python can't be started.
    pub fn connect(cloud: &Cloud) -> Result<Self> {
        let workspace = cloud.workspace();
        let mut command = workspace.command("python");
        cloud.direct(&mut command);
        Self::start(workspace, command)
    }

    /// Starts a client of moto.
    ///
    /// # Errors
    /// Same as [`Aws::connect`].
    pub fn connect_to_moto(moto: &Moto) -> Result<Self> {
        let workspace = moto.workspace();
        let mut command = workspace.command("python");
        moto.direct(&mut command);
        Self::start(workspace, command)
    }

    /// Starts the client in a Python process, whose environment names the endpoint.
    fn start(workspace: &Workspace, mut python: Command) -> Result<Self> {
        let mut process = python
            .arg(workspace.file("local/ministack/aws.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the virtual environment's `python`")?;
        let stdin = process.stdin.take().context("`python` has no stdin pipe")?;
        let stdout = process
            .stdout
            .take()
            .context("`python` has no stdout pipe")?;
        Ok(Self {
            process,
            pipes: Mutex::new((stdin, BufReader::new(stdout))),
        })
    }

    /// Calls an operation by its boto3 names, such as `ec2` and `describe_vpcs`, and returns the result of all pages.
    ///
    /// # Errors
    /// Returns an [`ErrorResponse`] if AWS rejects the call, or another error if the client process has ended.
    pub fn call(&self, service: &str, operation: &str, parameters: &Value) -> Result<Value> {
        self.call_as(&Value::Null, service, operation, parameters)
    }

    /// Calls an operation with the `Credentials` of an STS response, or as the account's root user if they are null.
    ///
    /// # Errors
    /// Same as [`Aws::call`].
    pub fn call_as(
        &self,
        credentials: &Value,
        service: &str,
        operation: &str,
        parameters: &Value,
    ) -> Result<Value> {
        let request = json!({
            "service": service,
            "operation": operation,
            "parameters": parameters,
            "credentials": credentials,
        });
        let mut line = String::new();
        {
            let mut pipes = self
                .pipes
                .lock()
                .map_err(|_| anyhow::anyhow!("an earlier call panicked"))?;
            writeln!(pipes.0, "{request}")?;
            pipes.1.read_line(&mut line)?;
        }
        let mut reply: Value = serde_json::from_str(&line)
            .with_context(|| format!("{service} {operation}: no response from boto3"))?;
        if let Some(error) = reply.get("error") {
            let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
            return Err(ErrorResponse {
                code: text("code"),
                message: text("message"),
            })
            .with_context(|| format!("{service} {operation} {parameters}"));
        }
        Ok(reply["answer"].take())
    }

    /// Returns the names and values of the parameters under a path, sorted by name.
    ///
    /// # Errors
    /// Returns an error if Systems Manager rejects the call.
    pub fn parameters(&self, path: &str) -> Result<BTreeMap<String, String>> {
        let found = self.call("ssm", "get_parameters_by_path", &json!({ "Path": path }))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(found["Parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| (text(&parameter["Name"]), text(&parameter["Value"])))
            .collect())
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
