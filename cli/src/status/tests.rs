use ::record::{Failure, LastResult};
use aws_sdk_sfn::Client;
use chrono::DateTime;
use replay::{Answer, Replay};
use serde_json::json;

use super::{HEADER, Progress, Run, State, derive_status, last_run, line};
use crate::cache::Cache;
use crate::endpoint::Endpoint;
use crate::exit::Exit;
use crate::record::Record;
use crate::stack::Stack;

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
        let found = derive_status(
            Record::default(),
            endpoint.clone(),
            available(),
            run.clone(),
        );

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

        let found = derive_status(Record::default(), endpoint, available(), run.clone());

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
            ..Record::unknown("bandup")
        };

        let found = derive_status(record, endpoint, Cache::Missing, run);

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

    let found = derive_status(
        Record::unknown("bandup"),
        endpoint,
        cache,
        Some(succeeded(false)),
    );

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

        let status = derive_status(record, Endpoint::NotPublished, Cache::NotRequested, None);

        let line = line(&status);
        assert_eq!(line, expected);
        assert_eq!(HEADER.find("STATE"), line.find("no cache"));
        assert_eq!(HEADER.find("ENDPOINT"), line.find('-'));
        let json = serde_json::to_value(&status).expect("JSON");
        assert_eq!(json["protected"], protected, "{json}");
    }
}

const HOLDER: &str = "arn:aws:states:eu-west-1:123456789012:execution:envcache-provision:holder";
const REMOVAL: &str = "arn:aws:states:eu-west-1:123456789012:execution:envcache-deprovision:run-1";

const OLD_REMOVAL: &str =
    "arn:aws:states:eu-west-1:123456789012:execution:caches-deprovision:run-1";

fn stack() -> Stack {
    Stack {
        name: "caches".to_owned(),
        provision: "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-provision"
            .to_owned(),
        deprovision: "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-deprovision"
            .to_owned(),
        ..Stack::default()
    }
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
fn described(status: &str, stopped_at: Option<i64>) -> Answer {
    Answer::ok(
        json!({
            "executionArn": HOLDER,
            "stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:envcache-provision",
            "startDate": 100,
            "status": status,
            "stopDate": stopped_at,
            "output": "{}",
        })
        .to_string(),
    )
}

fn succeeded_run(execution: &str) -> LastResult {
    LastResult {
        execution: execution.to_owned(),
        failure: None,
    }
}

fn failed_run(execution: &str) -> LastResult {
    LastResult {
        execution: execution.to_owned(),
        failure: Some(Failure {
            step: "PublishEndpoint".to_owned(),
            error: "Throttled".to_owned(),
            reason: "PutParameter".to_owned(),
        }),
    }
}

#[tokio::test]
async fn describes_at_most_one_execution() {
    let held = |last_result| Record {
        holder: Some(HOLDER.to_owned()),
        last_execution: Some("arn:last".to_owned()),
        last_result,
        result_at: DateTime::from_timestamp(200, 0),
        ..Record::unknown("bandup")
    };
    let released = |last_execution: Option<&str>, last_result| Record {
        last_execution: last_execution.map(str::to_owned),
        last_result,
        ..Record::unknown("bandup")
    };
    let not_returned = || Answer::json_fault(400, "ExecutionDoesNotExist", "no");
    let cases = [
        ("no run", released(None, None), None, None),
        (
            "a result",
            released(Some("arn:last"), Some(failed_run(REMOVAL))),
            None,
            Some((REMOVAL, true, Progress::Failed(FAILURE.to_owned()))),
        ),
        (
            "a result of a run that was never recorded",
            released(None, Some(succeeded_run(HOLDER))),
            None,
            Some((HOLDER, false, Progress::Succeeded)),
        ),
        (
            "a record of an earlier version",
            released(Some(HOLDER), None),
            Some(described("SUCCEEDED", Some(150))),
            Some((HOLDER, false, Progress::Succeeded)),
        ),
        (
            "a running holder",
            held(Some(succeeded_run(REMOVAL))),
            Some(described("RUNNING", None)),
            Some((HOLDER, false, Progress::Running)),
        ),
        (
            "a holder that ended after the recorded result",
            held(Some(succeeded_run(REMOVAL))),
            Some(described("SUCCEEDED", Some(250))),
            Some((HOLDER, false, Progress::Succeeded)),
        ),
        (
            "a holder that ended before another run failed",
            held(Some(failed_run(REMOVAL))),
            Some(described("SUCCEEDED", Some(150))),
            Some((REMOVAL, true, Progress::Failed(FAILURE.to_owned()))),
        ),
        (
            "a result of a state machine with the name of an earlier version",
            released(None, Some(succeeded_run(OLD_REMOVAL))),
            None,
            Some((OLD_REMOVAL, true, Progress::Succeeded)),
        ),
        (
            "a holder that isn't returned",
            held(Some(succeeded_run(REMOVAL))),
            Some(not_returned()),
            Some((REMOVAL, true, Progress::Succeeded)),
        ),
    ];
    for (case, record, answer, expected) in cases {
        let calls = usize::from(answer.is_some());
        let replay = Replay::new(answer);
        let sfn = Client::new(&replay.config());

        let found = last_run(&sfn, &stack(), &record).await.expect(case);

        let expected = expected.map(|(execution, removes, progress)| Run {
            execution: execution.to_owned(),
            removes,
            progress,
        });
        assert_eq!(found, expected, "{case}");
        assert_eq!(replay.documents().len(), calls, "{case}");
    }
}
