use chrono::DateTime;

use super::{HEADER, State, derive_status, line};
use crate::cache::Cache;
use crate::endpoint::Endpoint;
use crate::environment_record::Record;
use crate::exit::Exit;
use crate::last_run::{Progress, Run};

/// A record with a request.
fn record() -> Record {
    Record {
        requested_at: DateTime::from_timestamp_millis(1_795_341_600_000),
        ..Record::unknown("bandup")
    }
}

const FAILURE: &str = "Throttled: PublishEndpoint: PutParameter";
const UNREADABLE: &str =
    "the published endpoint can't be read: GetParameter /x/url: AccessDeniedException: no";

fn run(removes: bool, progress: Progress) -> Run {
    Run {
        execution: "arn".to_owned(),
        removes,
        progress,
    }
}

fn running(removes: bool) -> Run {
    run(removes, Progress::Running)
}

fn succeeded(removes: bool) -> Run {
    run(removes, Progress::Succeeded)
}

fn failed(removes: bool) -> Run {
    run(removes, Progress::Failed(FAILURE.to_owned()))
}

fn available() -> Cache {
    Cache::Exists("available".to_owned())
}

#[test]
fn derives_state_from_last_run_and_endpoint() {
    let published = Endpoint::Published("rediss://host:6379".to_owned());
    let missing = Endpoint::NotPublished;
    let cases = [
        (
            &published,
            Some(succeeded(false)),
            State::Available,
            Exit::Success,
        ),
        (
            &published,
            Some(running(false)),
            State::Provisioning,
            Exit::InProgress,
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
            Exit::InProgress,
        ),
        (
            &published,
            Some(failed(true)),
            State::ChangeFailed,
            Exit::Failed,
        ),
        // An earlier version wrote the record, and Step Functions no longer returns the execution.
        (&published, None, State::Available, Exit::Success),
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
            Exit::InProgress,
        ),
        (&missing, Some(failed(false)), State::Failed, Exit::Failed),
        (
            &missing,
            Some(succeeded(true)),
            State::NoCache,
            Exit::NoCache,
        ),
        (
            &missing,
            Some(running(true)),
            State::Removing,
            Exit::InProgress,
        ),
        (&missing, Some(failed(true)), State::Failed, Exit::Failed),
        (&missing, None, State::NoCache, Exit::NoCache),
    ];
    for (endpoint, run, state, exit) in cases {
        let found = derive_status(record(), endpoint.clone(), available(), Ok(run.clone()));

        let case = format!("{endpoint:?} {run:?}");
        assert_eq!((found.state, found.exit), (state, exit), "{case}");
        assert_eq!(found.url.is_some(), *endpoint == published, "{case}");
        assert_eq!(found.cache_status.as_deref(), Some("available"), "{case}");
        let has_failed = [State::Failed, State::ChangeFailed].contains(&state);
        let reason = has_failed.then_some(FAILURE);
        assert_eq!(found.reason.as_deref(), reason, "{case}");
    }
}

#[test]
fn derives_state_from_last_run_when_endpoint_is_denied() {
    let both = format!("{FAILURE}; {UNREADABLE}");
    let cases = [
        (Some(succeeded(false)), State::Available, UNREADABLE),
        (Some(running(false)), State::Provisioning, UNREADABLE),
        (Some(failed(false)), State::Failed, &both),
        (Some(succeeded(true)), State::NoCache, UNREADABLE),
        (Some(running(true)), State::Removing, UNREADABLE),
        (Some(failed(true)), State::Failed, &both),
        (None, State::Unknown, UNREADABLE),
    ];
    for (run, state, expected_reason) in cases {
        let reason = "GetParameter /x/url: AccessDeniedException: no".to_owned();
        let endpoint = Endpoint::Unreadable(reason);

        let found = derive_status(record(), endpoint, available(), Ok(run.clone()));

        assert_eq!(
            (found.state, found.exit),
            (state, Exit::Unreachable),
            "{run:?}"
        );
        assert_eq!(found.reason.as_deref(), Some(expected_reason), "{run:?}");
        assert_eq!(found.url, None, "{run:?}");
    }
}

#[test]
fn reports_missing_cache_while_its_endpoint_is_published() {
    let published = || Endpoint::Published("rediss://host:6379".to_owned());
    let denied = || Endpoint::Unreadable("no".to_owned());
    let cases = [
        (
            published(),
            Some(succeeded(false)),
            State::CacheMissing,
            Exit::Failed,
        ),
        (
            published(),
            Some(failed(false)),
            State::CacheMissing,
            Exit::Failed,
        ),
        (published(), None, State::CacheMissing, Exit::Failed),
        (
            denied(),
            Some(succeeded(false)),
            State::CacheMissing,
            Exit::Unreachable,
        ),
        // A run creates or deletes the cache.
        (
            published(),
            Some(running(false)),
            State::Provisioning,
            Exit::InProgress,
        ),
        (
            published(),
            Some(running(true)),
            State::Removing,
            Exit::InProgress,
        ),
        // The removal deleted the cache.
        (
            Endpoint::NotPublished,
            Some(succeeded(true)),
            State::NoCache,
            Exit::NoCache,
        ),
        (
            Endpoint::NotPublished,
            Some(failed(false)),
            State::Failed,
            Exit::Failed,
        ),
    ];
    for (endpoint, run, state, exit) in cases {
        let case = format!("{endpoint:?} {run:?}");
        let record = Record {
            cache_name: Some("bandup-redis".to_owned()),
            ..record()
        };

        let found = derive_status(record, endpoint, Cache::Missing, Ok(run));

        assert_eq!((found.state, found.exit), (state, exit), "{case}");
        let reason = found.reason.unwrap_or_default();
        let is_explained = reason.contains("the replication group bandup-redis doesn't exist");
        assert_eq!(is_explained, state == State::CacheMissing, "{reason}");
        assert_eq!(found.cache_status, None);
    }
}

#[test]
fn exits_3_when_elasticache_is_denied() {
    let endpoint = Endpoint::Published("rediss://host:6379".to_owned());
    let cache = Cache::Unreadable("DescribeReplicationGroups: AccessDenied: no".to_owned());

    let found = derive_status(record(), endpoint, cache, Ok(Some(succeeded(false))));

    assert_eq!(
        (found.state, found.exit),
        (State::Available, Exit::Unreachable)
    );
    assert_eq!(
        found.reason.as_deref(),
        Some("the cache can't be read: DescribeReplicationGroups: AccessDenied: no")
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

        let status = derive_status(
            record,
            Endpoint::NotPublished,
            Cache::NotRequested,
            Ok(None),
        );

        let line = line(&status);
        assert_eq!(line, expected);
        assert_eq!(HEADER.find("STATE"), line.find("no cache"));
        assert_eq!(HEADER.find("ENDPOINT"), line.find('-'));
        let json = serde_json::to_value(&status).expect("JSON");
        assert_eq!(json["protected"], protected, "{json}");
    }
}

#[test]
fn shows_the_recorded_run_when_step_functions_is_denied() {
    let endpoint = Endpoint::Published("rediss://host:6379".to_owned());
    let denied = "DescribeExecution: AccessDeniedException: no".to_owned();
    let run = Err((Some(failed(false)), denied));

    let found = derive_status(record(), endpoint, available(), run);

    assert_eq!(
        (found.state, found.exit),
        (State::ChangeFailed, Exit::Unreachable)
    );
    let reason = format!(
        "{FAILURE}; the last run can't be read: DescribeExecution: AccessDeniedException: no"
    );
    assert_eq!(found.reason, Some(reason));
}

#[test]
fn says_that_the_record_is_lost() {
    let endpoint = Endpoint::Published("rediss://host:6379".to_owned());

    let found = derive_status(
        Record::unknown("bandup"),
        endpoint,
        Cache::NotRequested,
        Ok(None),
    );

    assert_eq!((found.state, found.exit), (State::Available, Exit::Success));
    let reason = found.reason.unwrap_or_default();
    assert!(
        reason.starts_with("the record of its last request is lost"),
        "{reason}"
    );
}
