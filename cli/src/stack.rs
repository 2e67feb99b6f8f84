//! The deployed stack, by what CloudFormation says of it.

use anyhow::{Context, Result, anyhow};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::Stack as Described;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::account::refused;

/// The outputs of the stack that the command line works with.
#[derive(Clone, Debug)]
pub struct Stack {
    pub provision: String,
    pub deprovision: String,
    pub environments_table: String,
    /// CloudFormation's word, such as `UPDATE_COMPLETE`.
    pub status: String,
}

impl Stack {
    /// Asks CloudFormation.
    pub async fn find(settings: &SdkConfig, name: &str) -> Result<Self> {
        let region = settings.region().map_or("", AsRef::as_ref);
        let answer = Client::new(settings)
            .describe_stacks()
            .stack_name(name)
            .send()
            .await;
        let stacks = match answer {
            Ok(answer) => answer.stacks.unwrap_or_default(),
            // DescribeStacks answers so where there is none:
            // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
            Err(error) if error.code() == Some("ValidationError") => Vec::new(),
            Err(error) => return Err(refused("DescribeStacks", error)),
        };
        let stack = stacks.into_iter().next().ok_or_else(|| {
            anyhow!(
                "there is no stack `{name}` in {region}: deploy it with `sam deploy --guided`, or name another with \
                 --stack, --region or --profile"
            )
        })?;
        let output = |key: &str| {
            output(&stack, key).with_context(|| {
                format!("the stack `{name}` has no output {key}: it is not envcache's, or of an older version")
            })
        };
        Ok(Self {
            provision: output("ProvisionStateMachineArn")?,
            deprovision: output("DeprovisionStateMachineArn")?,
            environments_table: output("EnvironmentsTable")?,
            status: stack
                .stack_status()
                .map_or_else(|| "unknown".to_owned(), |status| status.as_str().to_owned()),
        })
    }
}

fn output(stack: &Described, key: &str) -> Option<String> {
    stack
        .outputs()
        .iter()
        .find(|output| output.output_key() == Some(key))
        .and_then(|output| output.output_value())
        .map(str::to_owned)
}
