//! Shows the status of environments.

use std::io::IsTerminal;

use anyhow::Result;
use aws_config::SdkConfig;
use chrono::{DateTime, SecondsFormat, Utc};
use contract::Owner;
use serde::Serialize;

use crate::cache::{Cache, Caches};
use crate::endpoint::Endpoint;
use crate::environment_record::{self, Record};
use crate::exit::Exit;
use crate::last_run::{Progress, Run, last_run, recorded_run};
use crate::output::{print_error_line, print_json, print_line};
use crate::request;
use crate::stack::Stack;

/// The status of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    pub environment: String,
    pub state: State,
    /// The time of the last recorded request, in RFC 3339.
    pub requested_at: Option<String>,
    /// The ID of the replication group, once a run has requested it.
    pub cache: Option<String>,
    /// The replication group's status; none if the group doesn't exist or can't be read.
    pub cache_status: Option<String>,
    /// The published URL; none if no URL is published or it can't be read.
    pub url: Option<String>,
    /// Whether removals are rejected.
    pub protected: bool,
    /// The last execution.
    pub execution: Option<String>,
    /// Why the last run failed, why the cache is missing, or what can't be read.
    pub reason: Option<String>,
    /// The exit code, if this is the only environment.
    #[serde(skip)]
    exit: Exit,
}

/// The state of an environment. If the endpoint can't be read, only the last run determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// A run creates or updates the cache.
    Provisioning,
    /// A run removes the cache.
    Removing,
    /// The endpoint is published.
    Available,
    /// The endpoint is published, but the replication group doesn't exist.
    CacheMissing,
    /// The last run failed, and no endpoint is published.
    Failed,
    /// The last run failed. The endpoint of an earlier run is still published.
    ChangeFailed,
    /// The cache was removed, or never created.
    NoCache,
    /// The endpoint can't be read, and neither the record nor Step Functions knows the last run.
    Unknown,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Removing => "removing",
            Self::Available => "available",
            Self::CacheMissing => "cache missing",
            Self::Failed => "failed",
            Self::ChangeFailed => "change failed",
            Self::NoCache => "no cache",
            Self::Unknown => "unknown",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Available => Exit::Success,
            Self::CacheMissing | Self::Failed | Self::ChangeFailed => Exit::Failed,
            Self::Provisioning | Self::Removing => Exit::InProgress,
            Self::NoCache => Exit::NoCache,
            Self::Unknown => Exit::Unreachable,
        }
    }
}

/// Prints the status of one environment, or of every environment that has a record.
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
    let elasticache = aws_sdk_elasticache::Client::new(settings);
    let (records, caches) = match environment {
        Some(name) => {
            let found =
                environment_record::find(&dynamodb, &stack.environments_table, name).await?;
            let record = found.unwrap_or_else(|| Record::unknown(name));
            let caches = match &record.cache_name {
                Some(id) => Caches::one(&elasticache, id).await,
                None => Caches::default(),
            };
            (vec![record], caches)
        }
        None => (
            environment_record::all(&dynamodb, &stack.environments_table).await?,
            Caches::all(&elasticache).await,
        ),
    };
    if records.is_empty() {
        print_error_line(format!(
            "No environment has a record in the stack `{}`",
            stack.name
        ));
    } else if !json && std::io::stdout().is_terminal() {
        print_line(HEADER);
    }
    let mut exit = Exit::Success;
    for record in records {
        let cache = caches.find(record.cache_name.as_deref());
        let status = read(settings, &stack, record, cache).await;
        if environment.is_some() {
            exit = status.exit;
        }
        print_status(&status, environment.is_some(), json)?;
    }
    Ok(exit)
}

fn print_status(status: &EnvironmentStatus, is_only: bool, json: bool) -> Result<()> {
    if json {
        print_json(serde_json::to_string(status)?);
        return Ok(());
    }
    print_line(line(status));
    if let Some(reason) = &status.reason {
        print_line(format!("    {reason}"));
    }
    if let (true, Some(execution)) = (is_only, &status.execution) {
        print_line(format!("    {execution}"));
    }
    Ok(())
}

/// Reads the endpoint and the last run, and derives the status.
async fn read(
    settings: &SdkConfig,
    stack: &Stack,
    record: Record,
    cache: Cache,
) -> EnvironmentStatus {
    let owner = Owner {
        environment: record.environment.clone(),
        stack: stack.name.clone(),
    };
    // Even if no request is recorded: the record may be lost.
    let ssm = aws_sdk_ssm::Client::new(settings);
    let endpoint = Endpoint::read(&ssm, &owner, &record.url_parameter()).await;
    let sfn = aws_sdk_sfn::Client::new(settings);
    let run = last_run(&sfn, stack, &record).await;
    let run = run.map_err(|error| (recorded_run(stack, &record), format!("{error:#}")));
    derive_status(record, endpoint, cache, run)
}

/// Derives the status. `run` is the last run, or the one that the record stores and why the last run can't be read.
fn derive_status(
    record: Record,
    endpoint: Endpoint,
    cache: Cache,
    run: Result<Option<Run>, (Option<Run>, String)>,
) -> EnvironmentStatus {
    let (run, unreadable_run) = match run {
        Ok(run) => (run, None),
        Err((run, reason)) => (run, Some(reason)),
    };
    let removes = run.as_ref().is_some_and(|run| run.removes);
    let progress = run.as_ref().map(|run| &run.progress);
    let is_published = match &endpoint {
        Endpoint::Published(_) => true,
        Endpoint::NotPublished => false,
        // Assumes that a removal deleted the endpoint, and that any other run published it.
        Endpoint::Unreadable(_) => !removes,
    };
    let state = match (progress, &endpoint) {
        (Some(Progress::Running), _) if removes => State::Removing,
        (Some(Progress::Running), _) => State::Provisioning,
        (Some(Progress::Failed(_)), Endpoint::NotPublished | Endpoint::Unreadable(_)) => {
            State::Failed
        }
        (None, Endpoint::Unreadable(_)) => State::Unknown,
        _ if !is_published => State::NoCache,
        _ if cache == Cache::Missing => State::CacheMissing,
        (Some(Progress::Failed(_)), _) => State::ChangeFailed,
        _ => State::Available,
    };
    let mut reasons = Vec::new();
    if let Some(Progress::Failed(reason)) = progress {
        reasons.push(reason.clone());
    }
    let mut exit = state.exit();
    if state == State::CacheMissing {
        reasons.push(format!(
            "the replication group {} doesn't exist: it was deleted outside envcache. To create a new, empty one, start a \
             run with the same request",
            record.cache_name.as_deref().unwrap_or_default()
        ));
    }
    if record.requested_at.is_none() && matches!(endpoint, Endpoint::Published(_)) {
        reasons.push(
            "the record of its last request is lost: start a run with the same request to record it again".to_owned(),
        );
    }
    if let Some(reason) = unreadable_run {
        reasons.push(format!("the last run can't be read: {reason}"));
        exit = Exit::Unreachable;
    }
    let url = match endpoint {
        Endpoint::Published(url) => Some(url),
        Endpoint::NotPublished => None,
        Endpoint::Unreadable(reason) => {
            reasons.push(format!("the published endpoint can't be read: {reason}"));
            exit = Exit::Unreachable;
            None
        }
    };
    let cache_status = match cache {
        Cache::Exists(status) => Some(status),
        Cache::NotRequested | Cache::Missing => None,
        Cache::Unreadable(reason) => {
            reasons.push(format!("the cache can't be read: {reason}"));
            exit = Exit::Unreachable;
            None
        }
    };
    EnvironmentStatus {
        environment: record.environment,
        state,
        requested_at: record.requested_at.map(rfc_3339),
        cache: record.cache_name,
        cache_status,
        url,
        protected: record.protected,
        execution: run.map(|run| run.execution),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        exit,
    }
}

/// Returns a time such as `2026-11-24T10:00:00Z`.
fn rfc_3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The header of the list, above the columns of [`line`].
const HEADER: &str =
    "ENVIRONMENT                         STATE          ENDPOINT, TIME OF THE REQUEST, PROTECTION";

/// Returns a line such as `bandup  available  rediss://…  requested 2026-11-24T10:00:00Z  protected`.
fn line(status: &EnvironmentStatus) -> String {
    let url = status.url.as_deref().unwrap_or("-");
    let requested = match &status.requested_at {
        Some(time) => format!("  requested {time}"),
        None => String::new(),
    };
    let protected = if status.protected { "  protected" } else { "" };
    format!(
        "{:<34}  {:<13}  {url}{requested}{protected}",
        status.environment,
        status.state.as_str()
    )
}

#[cfg(test)]
mod tests;
