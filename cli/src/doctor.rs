//! Checks that envcache can run in the account.

mod quotas;

use std::fmt;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::TableStatus;
use aws_sdk_sfn::types::StateMachineStatus;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Serialize;

use crate::account::{aws_error, is_access_denied};
use crate::execution::Outcome;
use crate::exit::Exit;
use crate::follow::follow;
use crate::output::{print_json, print_line};
use crate::request::StartRequest;
use crate::run;
use crate::service_linked_role::{self, ServiceLinkedRole};
use crate::stack::Stack;
use crate::view::View;

/// The result of one check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    check: &'static str,
    result: CheckResult,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum CheckResult {
    Ok,
    /// It doesn't prevent runs.
    Warning,
    Failed,
}

impl fmt::Display for CheckResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Failed => "✗",
        })
    }
}

impl Finding {
    fn of(check: &'static str, found: Result<(CheckResult, String)>) -> Self {
        let (result, message) =
            found.unwrap_or_else(|error| (CheckResult::Failed, format!("{error:#}")));
        Self {
            check,
            result,
            message,
        }
    }
}

/// Checks everything that a run needs, and prints each result immediately.
pub async fn run_checks(
    settings: &SdkConfig,
    stack_name: &str,
    request: Option<StartRequest>,
    json: bool,
) -> Result<Exit> {
    let mut has_failed = false;
    let mut report = |finding: &Finding| -> Result<()> {
        has_failed |= finding.result == CheckResult::Failed;
        if json {
            print_json(serde_json::to_string(finding)?);
        } else {
            print_line(format!(
                "{} {:<20} {}",
                finding.result, finding.check, finding.message
            ));
        }
        Ok(())
    };
    report(&Finding::of("credentials", credentials(settings).await))?;
    let stack = Stack::find(settings, stack_name).await;
    report(&Finding::of(
        "stack",
        stack
            .as_ref()
            .map(stack_status)
            .map_err(|error| anyhow::anyhow!("{error:#}")),
    ))?;
    if let Ok(stack) = &stack {
        report(&Finding::of(
            "state machines",
            state_machines(settings, stack).await,
        ))?;
        report(&Finding::of("records", records(settings, stack).await))?;
        if let Some(version) = &stack.default_engine_version {
            report(&Finding::of(
                "engine version",
                engine_version(settings, version).await,
            ))?;
        }
    }
    report(&Finding::of(
        "service-linked role",
        service_linked_role(settings).await,
    ))?;
    report(&Finding::of(
        "parameter throughput",
        parameter_throughput(settings).await,
    ))?;
    report(&Finding::of("quotas", quotas::check(settings).await))?;
    if let (Ok(stack), Some(request)) = (&stack, request) {
        report(&Finding::of(
            "dry run",
            dry_run(settings, stack, request).await,
        ))?;
    }
    Ok(if has_failed {
        Exit::Failed
    } else {
        Exit::Success
    })
}

async fn credentials(settings: &SdkConfig) -> Result<(CheckResult, String)> {
    let identity = aws_sdk_sts::Client::new(settings)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| aws_error("GetCallerIdentity", error))?;
    let region = settings.region().map_or("", AsRef::as_ref);
    let arn = identity.arn().unwrap_or("unknown caller");
    Ok((CheckResult::Ok, format!("{arn} in {region}")))
}

fn stack_status(stack: &Stack) -> (CheckResult, String) {
    let result = if stack.status.ends_with("_COMPLETE") && stack.status != "DELETE_COMPLETE" {
        CheckResult::Ok
    } else {
        CheckResult::Failed
    };
    (result, stack.status.clone())
}

async fn state_machines(settings: &SdkConfig, stack: &Stack) -> Result<(CheckResult, String)> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    for arn in [&stack.provision, &stack.deprovision] {
        let machine = sfn
            .describe_state_machine()
            .state_machine_arn(arn)
            .send()
            .await
            .map_err(|error| aws_error("DescribeStateMachine", error))?;
        if machine.status() == Some(&StateMachineStatus::Deleting) {
            return Ok((CheckResult::Failed, format!("{arn} is being deleted")));
        }
    }
    Ok((CheckResult::Ok, "both exist".to_owned()))
}

async fn records(settings: &SdkConfig, stack: &Stack) -> Result<(CheckResult, String)> {
    let name = &stack.environments_table;
    let answer = aws_sdk_dynamodb::Client::new(settings)
        .describe_table()
        .table_name(name)
        .send()
        .await
        .map_err(|error| aws_error("DescribeTable", error))?;
    let status = answer.table.and_then(|table| table.table_status);
    Ok(match status {
        Some(TableStatus::Active | TableStatus::Updating) => {
            (CheckResult::Ok, format!("table {name}"))
        }
        other => {
            let status = other.as_ref().map_or("unknown", TableStatus::as_str);
            (
                CheckResult::Failed,
                format!("table {name} has status {status}"),
            )
        }
    })
}

/// Checks that ElastiCache offers the default engine version of new caches in this Region.
async fn engine_version(settings: &SdkConfig, default: &str) -> Result<(CheckResult, String)> {
    let answer = aws_sdk_elasticache::Client::new(settings)
        .describe_cache_engine_versions()
        .engine("valkey")
        .send()
        .await;
    let offered: Vec<String> = match answer {
        Ok(answer) => answer
            .cache_engine_versions
            .unwrap_or_default()
            .into_iter()
            .filter_map(|version| version.engine_version)
            .collect(),
        Err(error) if is_access_denied(error.code()) => {
            let message =
                "DescribeCacheEngineVersions is denied to this caller; the functions don't need it";
            return Ok((CheckResult::Warning, message.to_owned()));
        }
        Err(error) => return Err(aws_error("DescribeCacheEngineVersions", error)),
    };
    // ElastiCache may return it with its patch version.
    let is_default =
        |version: &String| version == default || version.starts_with(&format!("{default}."));
    if offered.is_empty() {
        let message = "ElastiCache offers no version of Valkey in this Region";
        return Ok((CheckResult::Failed, message.to_owned()));
    }
    if offered.iter().any(is_default) {
        return Ok((CheckResult::Ok, format!("Valkey {default} by default")));
    }
    let message = format!(
        "ElastiCache doesn't offer Valkey {default} in this Region. It offers {}. Deploy the stack with one of them as \
         `DefaultEngineVersion`",
        offered.join(", ")
    );
    Ok((CheckResult::Failed, message))
}

async fn service_linked_role(settings: &SdkConfig) -> Result<(CheckResult, String)> {
    let name = service_linked_role::NAME;
    Ok(match service_linked_role::find(settings).await? {
        ServiceLinkedRole::Exists => (CheckResult::Ok, name.to_owned()),
        ServiceLinkedRole::Missing => {
            let message = format!(
                "{name} doesn't exist yet. ElastiCache creates it with the first cache, if permissions allow it"
            );
            (CheckResult::Warning, message)
        }
        ServiceLinkedRole::Denied => {
            let message =
                format!("GetRole {name} is denied to this caller; the functions don't need it");
            (CheckResult::Warning, message)
        }
        ServiceLinkedRole::OtherPartition => {
            let message = format!("{name} can't be checked in this Region's partition");
            (CheckResult::Warning, message)
        }
    })
}

/// Parameter Store's setting for higher throughput:
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-throughput.html>
const HIGHER_THROUGHPUT: &str = "/ssm/parameter-store/high-throughput-enabled";

/// Shows how fast Parameter Store accepts the parameters of many environments, which is the first rate limit that they reach.
async fn parameter_throughput(settings: &SdkConfig) -> Result<(CheckResult, String)> {
    let answer = aws_sdk_ssm::Client::new(settings)
        .get_service_setting()
        .setting_id(HIGHER_THROUGHPUT)
        .send()
        .await;
    let value = match answer {
        Ok(found) => found.service_setting.and_then(|found| found.setting_value),
        Err(error) if is_access_denied(error.code()) => {
            let message = "GetServiceSetting is denied to this caller; the functions don't need it";
            return Ok((CheckResult::Warning, message.to_owned()));
        }
        Err(error) => return Err(aws_error("GetServiceSetting", error)),
    };
    let message = if value.as_deref() == Some("true") {
        "higher throughput of Parameter Store is enabled"
    } else {
        "default throughput of Parameter Store; to create hundreds of environments at once, enable higher throughput"
    };
    Ok((CheckResult::Ok, message.to_owned()))
}

/// Starts a dry run of the request, so that the deployed functions check it with their own permissions.
async fn dry_run(
    settings: &SdkConfig,
    stack: &Stack,
    request: StartRequest,
) -> Result<(CheckResult, String)> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    let request = request.into_dry_run();
    let execution = run::start(&sfn, &stack.provision, &request, "doctor").await?;
    Ok(match follow(&sfn, &execution, &mut View::Silent).await? {
        Outcome::Succeeded(_) => (
            CheckResult::Ok,
            format!("the dry run for {} succeeded", request.environment),
        ),
        Outcome::Rejected { error, cause, .. } | Outcome::Failed { error, cause } => {
            (CheckResult::Failed, format!("{error}: {cause}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use replay::{Answer, Replay};

    use super::{CheckResult, parameter_throughput};

    /// The answer of <https://docs.aws.amazon.com/cli/latest/reference/ssm/get-service-setting.html>, shortened.
    fn setting(value: &str) -> Answer {
        Answer::ok(format!(
            "{{\"ServiceSetting\":{{\"SettingId\":\"/ssm/parameter-store/high-throughput-enabled\",\
             \"SettingValue\":\"{value}\",\"LastModifiedUser\":\"System\",\"Status\":\"Default\"}}}}"
        ))
    }

    #[tokio::test]
    async fn shows_throughput_of_parameter_store() {
        let denied = Answer::json_fault(400, "AccessDeniedException", "no");
        for (answer, expected, text) in [
            (setting("false"), CheckResult::Ok, "default throughput"),
            (setting("true"), CheckResult::Ok, "higher throughput of"),
            (denied, CheckResult::Warning, "GetServiceSetting is denied"),
        ] {
            let replay = Replay::new([answer]);

            let (result, message) = parameter_throughput(&replay.config())
                .await
                .expect("an answer");

            assert_eq!(result, expected, "{message}");
            assert!(message.starts_with(text), "{message}");
        }
    }

    #[tokio::test]
    async fn other_error_names_the_call() {
        let replay = Replay::new([Answer::json_fault(
            400,
            "ServiceSettingNotFound",
            "the reason",
        )]);

        let error = parameter_throughput(&replay.config())
            .await
            .expect_err("an error");

        assert_eq!(
            error.to_string(),
            "GetServiceSetting: ServiceSettingNotFound: the reason"
        );
    }
}
