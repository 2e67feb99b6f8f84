//! How an environment's cache fares.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Serialize;

use crate::account::refused;
use crate::execution::{Outcome, describe};
use crate::exit::Exit;
use crate::output::{print_json, print_line};
use crate::record::{self, Record};
use crate::rejected;
use crate::request;
use crate::stack::Stack;

/// What is known of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub environment: String,
    pub state: State,
    /// RFC 3339.
    pub asked_at: Option<String>,
    pub cache: Option<String>,
    /// As it stands in Parameter Store now.
    pub url: Option<String>,
    /// Whether a removal fails.
    pub protected: bool,
    pub execution: Option<String>,
    /// Why the last run failed.
    pub reason: Option<String>,
}

/// What a person wants to know first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// A run gives it its cache, or changes that.
    Provisioning,
    /// A run takes its cache away.
    Removing,
    /// Its endpoint is published.
    Available,
    /// The last run failed, or was refused before it began, and no endpoint is published.
    Failed,
    /// The last run failed, or was refused before it began. The endpoint of before is published.
    ChangeFailed,
    /// Its cache was taken away, or never came.
    NoCache,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Removing => "removing",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::ChangeFailed => "change failed",
            Self::NoCache => "no cache",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Available => Exit::Done,
            Self::Failed | Self::ChangeFailed => Exit::Failed,
            Self::Provisioning | Self::Removing => Exit::AtWork,
            Self::NoCache => Exit::NoCache,
        }
    }
}

/// The last run, as far as Step Functions remembers it.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    execution: String,
    removes: bool,
    /// None while it runs.
    outcome: Option<Outcome>,
}

/// Prints the status of one environment, or of all of them. After all of them, reports the failed executions that can't
/// be listed because they have no valid environment name.
pub async fn print(
    settings: &SdkConfig,
    stack_name: &str,
    environment: Option<&str>,
    json: bool,
) -> Result<Exit> {
    if let Some(name) = environment {
        request::check_name(name)?;
    }
    let stack = Stack::find(settings, stack_name).await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(settings);
    let sfn = aws_sdk_sfn::Client::new(settings);
    let mut failures = rejected::latest(&sfn, &stack).await?;
    let records = match environment {
        Some(name) => {
            let found = record::find(&dynamodb, &stack.environments_table, name).await?;
            vec![found.unwrap_or_else(|| Record::unknown(name))]
        }
        None => with_rejected(
            record::all(&dynamodb, &stack.environments_table).await?,
            &failures.by_environment,
        ),
    };
    let mut exit = Exit::Done;
    for record in records {
        let failure = failures.by_environment.remove(&record.environment);
        let status = of(settings, &stack, record, failure).await?;
        if environment.is_some() {
            exit = status.state.exit();
        }
        if json {
            print_json(serde_json::to_string(&status)?);
        } else {
            print_line(line(&status));
            if let Some(reason) = &status.reason {
                print_line(format!("    {reason}"));
            }
            if let (true, Some(execution)) = (environment.is_some(), &status.execution) {
                print_line(format!("    {execution}"));
            }
        }
    }
    if environment.is_none()
        && let Some(notice) = failures.notice()
    {
        if json {
            print_json(serde_json::to_string(&notice)?);
        } else {
            print_line(notice.message);
        }
    }
    Ok(exit)
}

/// The records, and an empty one for each environment that no run has begun for. In the order of their names.
fn with_rejected(
    mut records: Vec<Record>,
    failures: &BTreeMap<String, DescribeExecutionOutput>,
) -> Vec<Record> {
    let is_known = |name: &String| records.iter().any(|record| record.environment == *name);
    let unknown: Vec<_> = failures.keys().filter(|name| !is_known(name)).collect();
    records.extend(unknown.into_iter().map(|name| Record::unknown(name)));
    records.sort_by(|one, other| one.environment.cmp(&other.environment));
    records
}

/// `failure` is the environment's latest run that failed, if any did.
async fn of(
    settings: &SdkConfig,
    stack: &Stack,
    record: Record,
    failure: Option<DescribeExecutionOutput>,
) -> Result<Status> {
    // Without a record, what stands there is somebody else's.
    let url = match record.asked_at {
        Some(_) => url(settings, &record.url_parameter()).await?,
        None => None,
    };
    let sfn = aws_sdk_sfn::Client::new(settings);
    let begun = match record.holder.as_ref().or(record.last_execution.as_ref()) {
        Some(execution) => describe(&sfn, execution).await?,
        None => None,
    };
    // A run that is at work is what counts, whatever was refused meanwhile.
    let last = match begun {
        Some(begun) if Outcome::of(&begun)?.is_none() => Some(begun),
        begun => rejected::later(begun, failure),
    };
    let run = match last {
        Some(description) => Some(Run {
            execution: description.execution_arn().to_owned(),
            removes: description.state_machine_arn() == stack.deprovision,
            outcome: Outcome::of(&description)?,
        }),
        None => None,
    };
    Ok(judge(record, url, run))
}

/// The published URL, where there is one.
async fn url(settings: &SdkConfig, parameter: &str) -> Result<Option<String>> {
    let answer = aws_sdk_ssm::Client::new(settings)
        .get_parameter()
        .name(parameter)
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
        Err(error) if error.code() == Some("ParameterNotFound") => Ok(None),
        Err(error) => Err(refused("GetParameter", error)),
    }
}

fn judge(record: Record, url: Option<String>, run: Option<Run>) -> Status {
    let is_published = url.is_some();
    let (state, reason) = match run.as_ref().map(|run| (run.removes, &run.outcome)) {
        Some((false, None)) => (State::Provisioning, None),
        Some((true, None)) => (State::Removing, None),
        Some((_, Some(Outcome::Failed { error, cause }))) => {
            let state = if is_published {
                State::ChangeFailed
            } else {
                State::Failed
            };
            (state, Some(format!("{error}: {cause}")))
        }
        Some((_, Some(Outcome::Succeeded(_)))) | None if is_published => (State::Available, None),
        Some((_, Some(Outcome::Succeeded(_)))) | None => (State::NoCache, None),
    };
    Status {
        environment: record.environment,
        state,
        asked_at: record.asked_at.map(|time| time.to_rfc3339()),
        cache: record.cache_name,
        url,
        protected: record.protected,
        execution: run.map(|run| run.execution),
        reason,
    }
}

/// `bandup  available  rediss://…  asked for 2026-11-24T10:00:00+00:00  protected`
fn line(status: &Status) -> String {
    let url = status.url.as_deref().unwrap_or("-");
    let asked = match &status.asked_at {
        Some(time) => format!("  asked for {time}"),
        None => String::new(),
    };
    let protected = if status.protected { "  protected" } else { "" };
    format!(
        "{:<34}  {:<13}  {url}{asked}{protected}",
        status.environment,
        status.state.as_str()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Run, State, judge, line};
    use crate::execution::Outcome;
    use crate::exit::Exit;
    use crate::record::Record;

    fn run(removes: bool, outcome: Option<Outcome>) -> Run {
        Run {
            execution: "arn".to_owned(),
            removes,
            outcome,
        }
    }

    #[test]
    fn the_last_run_and_what_is_published_tell_how_it_fares() {
        let succeeded = || Some(Outcome::Succeeded(json!({})));
        let failed = || {
            Some(Outcome::Failed {
                error: "Throttled".to_owned(),
                cause: "PublishEndpoint: PutParameter".to_owned(),
            })
        };
        let published = Some("rediss://host:6379");
        let cases = [
            (
                published,
                Some(run(false, succeeded())),
                State::Available,
                Exit::Done,
            ),
            (
                None,
                Some(run(false, None)),
                State::Provisioning,
                Exit::AtWork,
            ),
            (
                published,
                Some(run(false, None)),
                State::Provisioning,
                Exit::AtWork,
            ),
            (None, Some(run(true, None)), State::Removing, Exit::AtWork),
            (
                None,
                Some(run(false, failed())),
                State::Failed,
                Exit::Failed,
            ),
            (
                published,
                Some(run(false, failed())),
                State::ChangeFailed,
                Exit::Failed,
            ),
            (None, Some(run(true, failed())), State::Failed, Exit::Failed),
            (
                None,
                Some(run(true, succeeded())),
                State::NoCache,
                Exit::NoCache,
            ),
            // Somebody took the parameter away.
            (
                None,
                Some(run(false, succeeded())),
                State::NoCache,
                Exit::NoCache,
            ),
            // Step Functions forgets an execution 90 days after its end.
            (published, None, State::Available, Exit::Done),
            (None, None, State::NoCache, Exit::NoCache),
        ];
        for (url, run, state, exit) in cases {
            let found = judge(Record::default(), url.map(str::to_owned), run.clone());

            assert_eq!((found.state, found.state.exit()), (state, exit), "{run:?}");
        }
    }

    #[test]
    fn the_reason_of_a_failure_is_told() {
        let outcome = Outcome::Failed {
            error: "Throttled".to_owned(),
            cause: "PublishEndpoint: PutParameter".to_owned(),
        };

        let found = judge(Record::default(), None, Some(run(false, Some(outcome))));

        assert_eq!(
            found.reason.as_deref(),
            Some("Throttled: PublishEndpoint: PutParameter")
        );
    }

    #[test]
    fn shows_removal_protection_at_the_end_of_the_line() {
        for (protected, expected) in [
            (
                false,
                "bandup                              no cache       -",
            ),
            (
                true,
                "bandup                              no cache       -  protected",
            ),
        ] {
            let record = Record {
                protected,
                ..Record::unknown("bandup")
            };

            let status = judge(record, None, None);

            assert_eq!(line(&status), expected);
            let json = serde_json::to_value(&status).expect("JSON");
            assert_eq!(json["protected"], protected, "{json}");
        }
    }
}
