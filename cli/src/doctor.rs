//! Whether envcache can work here.

use std::fmt;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::TableStatus;
use aws_sdk_sfn::types::StateMachineStatus;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Serialize;

use crate::account::refused;
use crate::execution::Outcome;
use crate::exit::Exit;
use crate::follow::follow;
use crate::output::{print_json, print_line};
use crate::request::Asked;
use crate::run;
use crate::stack::Stack;
use crate::view::View;

/// The role that lets ElastiCache work in the account:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html>
const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForElastiCache";

/// One thing that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    thing: &'static str,
    verdict: Verdict,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    Good,
    /// It need not hinder anything.
    Note,
    Bad,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Good => "✓",
            Self::Note => "!",
            Self::Bad => "✗",
        })
    }
}

impl Finding {
    fn of(thing: &'static str, found: Result<(Verdict, String)>) -> Self {
        let (verdict, text) = found.unwrap_or_else(|error| (Verdict::Bad, format!("{error:#}")));
        Self {
            thing,
            verdict,
            text,
        }
    }
}

/// Looks at everything that a run needs, and prints each finding as it comes.
pub async fn examine(
    settings: &SdkConfig,
    stack_name: &str,
    asked: Option<Asked>,
    json: bool,
) -> Result<Exit> {
    let mut is_bad = false;
    let mut tell = |finding: &Finding| -> Result<()> {
        is_bad |= finding.verdict == Verdict::Bad;
        if json {
            print_json(serde_json::to_string(finding)?);
        } else {
            print_line(format!(
                "{} {:<20} {}",
                finding.verdict, finding.thing, finding.text
            ));
        }
        Ok(())
    };
    tell(&Finding::of("credentials", credentials(settings).await))?;
    let stack = Stack::find(settings, stack_name).await;
    tell(&Finding::of(
        "stack",
        stack
            .as_ref()
            .map(deployed)
            .map_err(|error| anyhow::anyhow!("{error:#}")),
    ))?;
    if let Ok(stack) = &stack {
        tell(&Finding::of(
            "state machines",
            machines(settings, stack).await,
        ))?;
        tell(&Finding::of("records", records(settings, stack).await))?;
        if let Some(version) = &stack.default_engine_version {
            tell(&Finding::of(
                "engine version",
                engine_version(settings, version).await,
            ))?;
        }
    }
    tell(&Finding::of("service-linked role", role(settings).await))?;
    if let (Ok(stack), Some(asked)) = (&stack, asked) {
        tell(&Finding::of(
            "network",
            network(settings, stack, asked).await,
        ))?;
    }
    Ok(if is_bad { Exit::Failed } else { Exit::Done })
}

async fn credentials(settings: &SdkConfig) -> Result<(Verdict, String)> {
    let who = aws_sdk_sts::Client::new(settings)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| refused("GetCallerIdentity", error))?;
    let region = settings.region().map_or("", AsRef::as_ref);
    let arn = who.arn().unwrap_or("somebody");
    Ok((Verdict::Good, format!("{arn} in {region}")))
}

fn deployed(stack: &Stack) -> (Verdict, String) {
    let verdict = if stack.status.ends_with("_COMPLETE") && stack.status != "DELETE_COMPLETE" {
        Verdict::Good
    } else {
        Verdict::Bad
    };
    (verdict, stack.status.clone())
}

async fn machines(settings: &SdkConfig, stack: &Stack) -> Result<(Verdict, String)> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    for arn in [&stack.provision, &stack.deprovision] {
        let machine = sfn
            .describe_state_machine()
            .state_machine_arn(arn)
            .send()
            .await
            .map_err(|error| refused("DescribeStateMachine", error))?;
        if machine.status() == Some(&StateMachineStatus::Deleting) {
            return Ok((Verdict::Bad, format!("{arn} is being deleted")));
        }
    }
    Ok((Verdict::Good, "both are there".to_owned()))
}

async fn records(settings: &SdkConfig, stack: &Stack) -> Result<(Verdict, String)> {
    let name = &stack.environments_table;
    let answer = aws_sdk_dynamodb::Client::new(settings)
        .describe_table()
        .table_name(name)
        .send()
        .await
        .map_err(|error| refused("DescribeTable", error))?;
    let status = answer.table.and_then(|table| table.table_status);
    Ok(match status {
        Some(TableStatus::Active | TableStatus::Updating) => {
            (Verdict::Good, format!("table {name}"))
        }
        other => (Verdict::Bad, format!("table {name} is {other:?}")),
    })
}

/// Whether ElastiCache offers the version that new caches get by default, in this Region.
async fn engine_version(settings: &SdkConfig, default: &str) -> Result<(Verdict, String)> {
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
        Err(error) if is_denied(error.code()) => {
            let text = "DescribeCacheEngineVersions is denied here; the functions do not need it";
            return Ok((Verdict::Note, text.to_owned()));
        }
        Err(error) => return Err(refused("DescribeCacheEngineVersions", error)),
    };
    // It may be shown with its patch version.
    let is_default =
        |version: &String| version == default || version.starts_with(&format!("{default}."));
    if offered.is_empty() {
        let text = "ElastiCache offers no version of Valkey in this Region";
        return Ok((Verdict::Bad, text.to_owned()));
    }
    if offered.iter().any(is_default) {
        return Ok((Verdict::Good, format!("Valkey {default} by default")));
    }
    let text = format!(
        "ElastiCache doesn't offer Valkey {default} in this Region, but {}: deploy the stack with one of them as \
         `DefaultEngineVersion`",
        offered.join(", ")
    );
    Ok((Verdict::Bad, text))
}

fn is_denied(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("AccessDenied"))
}

async fn role(settings: &SdkConfig) -> Result<(Verdict, String)> {
    let answer = aws_sdk_iam::Client::new(settings)
        .get_role()
        .role_name(SERVICE_LINKED_ROLE)
        .send()
        .await;
    Ok(match answer {
        Ok(_) => (Verdict::Good, SERVICE_LINKED_ROLE.to_owned()),
        Err(error) if error.code() == Some("NoSuchEntity") => {
            let text = format!(
                "{SERVICE_LINKED_ROLE} does not exist yet: ElastiCache makes it with the first cache, where it may"
            );
            (Verdict::Note, text)
        }
        Err(error) if is_denied(error.code()) => {
            let text = format!(
                "GetRole {SERVICE_LINKED_ROLE} is denied here; the functions do not need it"
            );
            (Verdict::Note, text)
        }
        Err(error) => return Err(refused("GetRole", error)),
    })
}

/// Has the deployed functions look for it, with their own permissions: a plan.
async fn network(settings: &SdkConfig, stack: &Stack, asked: Asked) -> Result<(Verdict, String)> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    let asked = asked.planned();
    let execution = run::start(&sfn, &stack.provision, &asked, "doctor").await?;
    Ok(match follow(&sfn, &execution, &mut View::Silent).await? {
        Outcome::Succeeded(_) => (
            Verdict::Good,
            format!("found; a plan for {} succeeds", asked.environment),
        ),
        Outcome::Failed { error, cause } => (Verdict::Bad, format!("{error}: {cause}")),
    })
}
