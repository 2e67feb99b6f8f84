//! How an environment's cache fares.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use contract::Owner;
use serde::Serialize;

use crate::endpoint::Endpoint;
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
    /// As it stands in Parameter Store now. None also if it can't be read.
    pub url: Option<String>,
    /// Whether a removal fails.
    pub protected: bool,
    pub execution: Option<String>,
    /// Why the last run failed, or why the endpoint can't be read.
    pub reason: Option<String>,
    /// The exit code, if this is the only environment.
    #[serde(skip)]
    exit: Exit,
}

/// What a person wants to know first. If the endpoint can't be read, the state follows from the last run alone.
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
    /// Its endpoint can't be read, and Step Functions has forgotten its last run.
    Unknown,
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
            Self::Unknown => "unknown",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Available => Exit::Done,
            Self::Failed | Self::ChangeFailed => Exit::Failed,
            Self::Provisioning | Self::Removing => Exit::AtWork,
            Self::NoCache => Exit::NoCache,
            Self::Unknown => Exit::Unreachable,
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
            exit = status.exit;
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
    let endpoint = match record.asked_at {
        Some(_) => {
            let ssm = aws_sdk_ssm::Client::new(settings);
            let owner = Owner {
                environment: record.environment.clone(),
                stack: stack.name.clone(),
            };
            Endpoint::read(&ssm, &owner, &record.url_parameter()).await
        }
        // No run has published an endpoint yet.
        None => Endpoint::NotPublished,
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
    Ok(judge(record, endpoint, run))
}

fn judge(record: Record, endpoint: Endpoint, run: Option<Run>) -> Status {
    let (state, failure) = match (
        run.as_ref().map(|run| (run.removes, &run.outcome)),
        &endpoint,
    ) {
        (Some((false, None)), _) => (State::Provisioning, None),
        (Some((true, None)), _) => (State::Removing, None),
        (Some((_, Some(Outcome::Failed { error, cause }))), endpoint) => {
            let state = match endpoint {
                Endpoint::Published(_) => State::ChangeFailed,
                Endpoint::NotPublished | Endpoint::Unreadable(_) => State::Failed,
            };
            (state, Some(format!("{error}: {cause}")))
        }
        (_, Endpoint::Published(_)) | (Some((false, _)), Endpoint::Unreadable(_)) => {
            (State::Available, None)
        }
        (_, Endpoint::NotPublished) | (Some((true, _)), Endpoint::Unreadable(_)) => {
            (State::NoCache, None)
        }
        (None, Endpoint::Unreadable(_)) => (State::Unknown, None),
    };
    let (url, unreadable, exit) = match endpoint {
        Endpoint::Published(url) => (Some(url), None, state.exit()),
        Endpoint::NotPublished => (None, None, state.exit()),
        Endpoint::Unreadable(why) => {
            let unreadable = format!("the published endpoint could not be read: {why}");
            (None, Some(unreadable), Exit::Unreachable)
        }
    };
    let reasons: Vec<_> = failure.into_iter().chain(unreadable).collect();
    Status {
        environment: record.environment,
        state,
        asked_at: record.asked_at.map(|time| time.to_rfc3339()),
        cache: record.cache_name,
        url,
        protected: record.protected,
        execution: run.map(|run| run.execution),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        exit,
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
    use crate::endpoint::Endpoint;
    use crate::execution::Outcome;
    use crate::exit::Exit;
    use crate::record::Record;

    const WHY_FAILED: &str = "Throttled: PublishEndpoint: PutParameter";
    const WHY_UNREADABLE: &str =
        "the published endpoint could not be read: GetParameter /x/url: AccessDeniedException: no";

    fn run(removes: bool, outcome: Option<Outcome>) -> Run {
        Run {
            execution: "arn".to_owned(),
            removes,
            outcome,
        }
    }

    fn running(removes: bool) -> Run {
        run(removes, None)
    }

    fn succeeded(removes: bool) -> Run {
        run(removes, Some(Outcome::Succeeded(json!({}))))
    }

    fn failed(removes: bool) -> Run {
        let outcome = Outcome::Failed {
            error: "Throttled".to_owned(),
            cause: "PublishEndpoint: PutParameter".to_owned(),
        };
        run(removes, Some(outcome))
    }

    #[test]
    fn derives_the_state_from_the_last_run_and_the_endpoint() {
        let published = Endpoint::Published("rediss://host:6379".to_owned());
        let missing = Endpoint::NotPublished;
        let cases = [
            (
                &published,
                Some(succeeded(false)),
                State::Available,
                Exit::Done,
            ),
            (
                &published,
                Some(running(false)),
                State::Provisioning,
                Exit::AtWork,
            ),
            (
                &published,
                Some(failed(false)),
                State::ChangeFailed,
                Exit::Failed,
            ),
            (
                &published,
                Some(running(true)),
                State::Removing,
                Exit::AtWork,
            ),
            (
                &published,
                Some(failed(true)),
                State::ChangeFailed,
                Exit::Failed,
            ),
            // Step Functions forgets an execution 90 days after its end.
            (&published, None, State::Available, Exit::Done),
            // A user deleted the parameter.
            (
                &missing,
                Some(succeeded(false)),
                State::NoCache,
                Exit::NoCache,
            ),
            (
                &missing,
                Some(running(false)),
                State::Provisioning,
                Exit::AtWork,
            ),
            (&missing, Some(failed(false)), State::Failed, Exit::Failed),
            (
                &missing,
                Some(succeeded(true)),
                State::NoCache,
                Exit::NoCache,
            ),
            (&missing, Some(running(true)), State::Removing, Exit::AtWork),
            (&missing, Some(failed(true)), State::Failed, Exit::Failed),
            (&missing, None, State::NoCache, Exit::NoCache),
        ];
        for (endpoint, run, state, exit) in cases {
            let found = judge(Record::default(), endpoint.clone(), run.clone());

            let what = format!("{endpoint:?} {run:?}");
            assert_eq!((found.state, found.exit), (state, exit), "{what}");
            assert_eq!(found.url.is_some(), *endpoint == published, "{what}");
            let has_failed = [State::Failed, State::ChangeFailed].contains(&state);
            let reason = has_failed.then_some(WHY_FAILED);
            assert_eq!(found.reason.as_deref(), reason, "{what}");
        }
    }

    #[test]
    fn derives_the_state_from_the_last_run_if_the_endpoint_is_denied() {
        let both = format!("{WHY_FAILED}; {WHY_UNREADABLE}");
        let cases = [
            (Some(succeeded(false)), State::Available, WHY_UNREADABLE),
            (Some(running(false)), State::Provisioning, WHY_UNREADABLE),
            (Some(failed(false)), State::Failed, &both),
            (Some(succeeded(true)), State::NoCache, WHY_UNREADABLE),
            (Some(running(true)), State::Removing, WHY_UNREADABLE),
            (Some(failed(true)), State::Failed, &both),
            (None, State::Unknown, WHY_UNREADABLE),
        ];
        for (run, state, reason) in cases {
            let why = "GetParameter /x/url: AccessDeniedException: no".to_owned();

            let found = judge(Record::default(), Endpoint::Unreadable(why), run.clone());

            assert_eq!(
                (found.state, found.exit),
                (state, Exit::Unreachable),
                "{run:?}"
            );
            assert_eq!(found.reason.as_deref(), Some(reason), "{run:?}");
            assert_eq!(found.url, None, "{run:?}");
        }
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

            let status = judge(record, Endpoint::NotPublished, None);

            assert_eq!(line(&status), expected);
            let json = serde_json::to_value(&status).expect("JSON");
            assert_eq!(json["protected"], protected, "{json}");
        }
    }
}
