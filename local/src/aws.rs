//! AWS's interface as the demo and the tests call it: with boto3, a client that shares no code with the
//! functions and checks every request against AWS's own models.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::Cloud;

/// A client of AWS, as the account's root user.
pub struct Aws {
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

/// What AWS refused, with its own code and words.
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
    /// A client of this cloud.
    ///
    /// # Errors
    /// Where the virtual environment's Python does not start.
    pub fn connect(cloud: &Cloud) -> Result<Self> {
        let mut command = cloud.workspace().command("python");
        let mut process = cloud
            .direct(&mut command)
            .arg(cloud.workspace().file("local/ministack/aws.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the virtual environment's python could not be started")?;
        let stdin = process.stdin.take().context("its input is a pipe")?;
        let stdout = process.stdout.take().context("its output is a pipe")?;
        Ok(Self {
            process,
            pipes: Mutex::new((stdin, BufReader::new(stdout))),
        })
    }

    /// Calls an operation by boto3's name of it, such as `ec2` and `describe_vpcs`. Pages are gathered.
    ///
    /// # Errors
    /// What AWS refused, as a [`ErrorResponse`]; any other error where the client is gone.
    pub fn call(&self, service: &str, operation: &str, parameters: &Value) -> Result<Value> {
        self.call_as(&Value::Null, service, operation, parameters)
    }

    /// Calls an operation with the `Credentials` of an answer of STS, or as the account's root user if they are null.
    ///
    /// # Errors
    /// As [`Aws::call`].
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
            .with_context(|| format!("{service} {operation}: no answer from boto3"))?;
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

    /// The parameters below a path, name and value, in the order of their names.
    ///
    /// # Errors
    /// What Systems Manager refused.
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
