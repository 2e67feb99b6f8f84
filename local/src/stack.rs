//! Deploys the real template with the SAM CLI.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{Aws, Cloud, build};

/// The stack's name, as in `samconfig.toml`.
pub const NAME: &str = "envcache";

/// A deployed stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The output `ProvisionStateMachineArn`.
    pub provision_state_machine_arn: String,
    /// The output `DeprovisionStateMachineArn`.
    pub deprovision_state_machine_arn: String,
    /// The output `EventBusName`.
    pub event_bus_name: String,
}

impl Stack {
    /// Deploys or updates the stack with the functions that cargo has built, and with parameters such as
    /// `EventSource=tests`.
    ///
    /// # Errors
    /// Returns an error if a function isn't built, or with the output of `sam deploy` if it fails.
    pub fn deploy(cloud: &Cloud, aws: &Aws, parameters: &[String]) -> Result<Self> {
        let template = build::write(cloud.workspace(), &cloud.folder().join("build"))?;
        Self::deploy_template(cloud, aws, &template, parameters)
    }

    /// Deploys or updates the stack from a template that names packaged functions, as `sam build` writes one.
    ///
    /// # Errors
    /// Returns an error with the output of `sam deploy` if it fails.
    pub fn deploy_template(
        cloud: &Cloud,
        aws: &Aws,
        template: &Path,
        parameters: &[String],
    ) -> Result<Self> {
        let (output, printed) = cloud.output_file("sam-deploy.log")?;
        let mut command = cloud.workspace().command("sam");
        cloud
            .direct(&mut command)
            .args(["deploy", "--no-confirm-changeset", "--no-progressbar"])
            .arg("--template-file")
            .arg(template)
            // By default, the SAM CLI reads the file next to the template.
            .arg("--config-file")
            .arg(cloud.workspace().file("samconfig.toml"))
            .args(parameters.first().map(|_| "--parameter-overrides"))
            .args(parameters)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let status = cloud.interrupt().run(&mut command)?;
        if !status.success() {
            bail!(
                "`sam deploy` exited with {status}:\n{}",
                std::fs::read_to_string(printed)?
            );
        }
        let stacks = aws.call(
            "cloudformation",
            "describe_stacks",
            &json!({ "StackName": NAME }),
        )?;
        let outputs = &stacks["Stacks"][0]["Outputs"];
        Ok(Self {
            provision_state_machine_arn: value(outputs, "ProvisionStateMachineArn")?,
            deprovision_state_machine_arn: value(outputs, "DeprovisionStateMachineArn")?,
            event_bus_name: value(outputs, "EventBusName")?,
        })
    }

    /// Puts an event on the bus. The event has the fields that EventBridge delivers: `source`, `detail-type`, `detail`.
    ///
    /// # Errors
    /// Returns an error if EventBridge rejects the event.
    pub fn put_event(&self, aws: &Aws, event: &Value) -> Result<()> {
        let answer = aws.call(
            "events",
            "put_events",
            &json!({ "Entries": [{
                "EventBusName": self.event_bus_name,
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": event["detail"].to_string(),
            }] }),
        )?;
        ensure!(
            answer["FailedEntryCount"] == 0,
            "EventBridge rejected the event: {answer}"
        );
        Ok(())
    }

    /// Returns the executions of a state machine, the latest first.
    ///
    /// # Errors
    /// Returns an error if Step Functions rejects the call.
    pub fn executions(aws: &Aws, state_machine_arn: &str) -> Result<Vec<Execution>> {
        let answer = aws.call(
            "stepfunctions",
            "list_executions",
            &json!({ "stateMachineArn": state_machine_arn }),
        )?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(answer["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|execution| Execution {
                arn: text(&execution["executionArn"]),
                name: text(&execution["name"]),
                status: text(&execution["status"]),
            })
            .collect())
    }
}

/// An execution in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    pub arn: String,
    pub name: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
}

fn value(outputs: &Value, name: &str) -> Result<String> {
    outputs
        .as_array()
        .into_iter()
        .flatten()
        .find(|output| output["OutputKey"] == name)
        .and_then(|output| output["OutputValue"].as_str())
        .map(str::to_owned)
        .with_context(|| format!("the stack has no output `{name}`: {outputs}"))
}
