//! The deployed stack, as CloudFormation describes it.

use anyhow::{Context, Result, anyhow};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::Stack as StackDescription;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::account::aws_error;

/// The values of the stack that the commands use.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// The stack's name, even if `--stack` is its ARN.
    pub name: String,
    /// The ARN of the provisioning state machine.
    pub provision: String,
    /// The ARN of the deprovisioning state machine.
    pub deprovision: String,
    pub environments_table: String,
    /// The stack's parameter `DefaultEngineVersion`; none if an earlier version of envcache is deployed.
    pub default_engine_version: Option<String>,
    /// The stack's status, such as `UPDATE_COMPLETE`.
    pub status: String,
}

impl Stack {
    /// Finds the stack by its name or ARN.
    pub async fn find(settings: &SdkConfig, name: &str) -> Result<Self> {
        let region = settings.region().map_or("", AsRef::as_ref);
        let answer = Client::new(settings)
            .describe_stacks()
            .stack_name(name)
            .send()
            .await;
        let stacks = match answer {
            Ok(answer) => answer.stacks.unwrap_or_default(),
            // DescribeStacks returns this error if the stack doesn't exist:
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
            Err(error) if error.code() == Some("ValidationError") => Vec::new(),
            Err(error) => return Err(aws_error("DescribeStacks", error)),
        };
        let stack = stacks.into_iter().next().ok_or_else(|| {
            anyhow!(
                "stack `{name}` doesn't exist in {region}. Deploy it with `sam deploy --guided`, or specify another \
                 stack with `--stack`, `--region`, or `--profile`"
            )
        })?;
        let output = |key: &str| {
            output(&stack, key).with_context(|| {
                format!(
                    "stack `{name}` has no output `{key}`: it isn't an envcache stack, or the stack is an older version"
                )
            })
        };
        Ok(Self {
            name: stack.stack_name().unwrap_or(name).to_owned(),
            provision: output("ProvisionStateMachineArn")?,
            deprovision: output("DeprovisionStateMachineArn")?,
            environments_table: output("EnvironmentsTable")?,
            default_engine_version: parameter(&stack, "DefaultEngineVersion"),
            status: stack
                .stack_status()
                .map_or_else(|| "unknown".to_owned(), |status| status.as_str().to_owned()),
        })
    }

    /// Returns the Region that the stack is deployed in.
    pub fn region(&self) -> &str {
        self.arn_field(3)
    }

    /// Returns the ID of the account that the stack is deployed in.
    pub fn account(&self) -> &str {
        self.arn_field(4)
    }

    /// Returns a field of the provisioning state machine's ARN, `arn:aws:states:{region}:{account}:stateMachine:{name}`.
    fn arn_field(&self, index: usize) -> &str {
        self.provision.split(':').nth(index).unwrap_or("unknown")
    }
}

fn output(stack: &StackDescription, key: &str) -> Option<String> {
    stack
        .outputs()
        .iter()
        .find(|output| output.output_key() == Some(key))
        .and_then(|output| output.output_value())
        .map(str::to_owned)
}

fn parameter(stack: &StackDescription, key: &str) -> Option<String> {
    stack
        .parameters()
        .iter()
        .find(|parameter| parameter.parameter_key() == Some(key))
        .and_then(|parameter| parameter.parameter_value())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::Stack;

    #[test]
    fn reads_region_and_account_from_state_machine_arn() {
        let cases = [
            (
                "arn:aws:states:ap-southeast-1:123456789012:stateMachine:envcache-provision",
                ("ap-southeast-1", "123456789012"),
            ),
            (
                "arn:aws-cn:states:cn-north-1:210987654321:stateMachine:other-provision",
                ("cn-north-1", "210987654321"),
            ),
            ("no ARN", ("unknown", "unknown")),
        ];
        for (arn, expected) in cases {
            let stack = Stack {
                provision: arn.to_owned(),
                ..Stack::default()
            };

            assert_eq!((stack.region(), stack.account()), expected, "{arn}");
        }
    }
}
