//! Tables of decisions.

use contract::message::{ClaimEnvironmentInput, WaitedFor};
use serde_json::json;

use super::{
    ME, OTHER, START, decide, dry_run, held, merge, message, provision, provision_elsewhere,
    provision_with, record, remove, with_identity, word,
};
use crate::decide::Decision;
use crate::decide::HolderStatus::{Ended, NotReturned, Running};

#[test]
fn claims_when_no_other_run_holds_the_environment() {
    for (case, attributes) in [
        ("no record", json!({})),
        ("free", json!({ "requestedAt": START })),
        ("its own claim, after a lost reply", json!({ "holder": ME })),
        // Only a holder waits for the functions of the former one.
        ("a takeover without a holder", json!({ "takenOverAt": 30 })),
    ] {
        let found = decide(&attributes, None, 0, &provision());

        assert_eq!(word(found), "claim", "{case}");
    }
}

#[test]
fn waits_45_seconds_in_total_after_takeover() {
    let taken_over = json!({ "holder": ME, "takenOverAt": 30 });

    for (seconds_waited, expected) in [
        (30, "wait 45"),
        (60, "wait 15"),
        (74, "wait 1"),
        (75, "claim"),
    ] {
        let found = decide(&taken_over, None, seconds_waited, &provision());

        assert_eq!(word(found), expected, "{seconds_waited}");
    }
}

#[test]
fn takes_over_only_when_the_holder_has_ended() {
    for (holder, seconds_waited, expected) in [
        (Running, 0, "wait 30"),
        (Running, 5370, "wait 30"),
        (Running, 5400, "Timeout"),
        (Ended, 0, "take over"),
        (Ended, 9000, "take over"),
    ] {
        let found = decide(&held(), Some(holder), seconds_waited, &provision());

        assert_eq!(word(found), expected, "{holder:?} after {seconds_waited} s");
    }
}

// Step Functions may not return an execution that has only just started, even if this one has waited long for others.
#[test]
fn takes_over_when_holder_is_not_returned_for_60_seconds() {
    let since = |holder: &str, since: u32| {
        Some(WaitedFor {
            holder: holder.to_owned(),
            since,
        })
    };
    for (waited_for, seconds_waited, expected) in [
        (None, 0, "wait 30"),
        (None, 600, "wait 30"),
        (since(OTHER, 0), 30, "wait 30"),
        (since(OTHER, 0), 59, "wait 30"),
        (since(OTHER, 0), 60, "take over"),
        (since(OTHER, 600), 630, "wait 30"),
        (since(OTHER, 600), 660, "take over"),
        (since("another", 0), 600, "wait 30"),
    ] {
        let input = ClaimEnvironmentInput {
            waited_for: waited_for.clone(),
            ..message(seconds_waited, &provision())
        };

        let found = crate::decide::decide(&input, &record(&held()), Some(NotReturned));

        assert_eq!(
            word(found),
            expected,
            "{waited_for:?} after {seconds_waited} s"
        );
    }
}

#[test]
fn timeout_names_the_holder() {
    let error = decide(&held(), Some(Running), 5400, &provision()).expect_err("a timeout");

    assert!(error.to_string().contains(OTHER), "{error}");
}

#[test]
fn is_superseded_when_a_newer_request_is_recorded() {
    let newer = json!({ "requestedAt": START + 1 });
    let newer_held = merge(held(), newer.clone());
    let older_event = provision_with(json!({
        "event": { "id": "e", "time": "2026-11-23T09:59:59Z" }
    }));

    for (case, attributes, holder, request) in [
        ("a newer request", &newer, None, provision()),
        (
            "a newer request of a running holder",
            &newer_held,
            Some(Running),
            provision(),
        ),
        (
            "a newer request of a holder that has ended",
            &newer_held,
            Some(Ended),
            provision(),
        ),
        (
            "an older event",
            &json!({ "requestedAt": START }),
            None,
            older_event,
        ),
        ("an older dry run", &newer, None, dry_run()),
        ("an older removal", &newer, None, remove()),
    ] {
        let found = decide(attributes, holder, 0, &request);

        assert_eq!(word(found), "superseded", "{case}");
    }
}

#[test]
fn superseded_reason_names_both_request_times() {
    let newer = json!({ "requestedAt": START + 1 });

    let found = decide(&newer, None, 0, &provision()).expect("a decision");

    let Decision::Superseded(reason) = found else {
        panic!("{found:?}");
    };
    assert!(reason.contains("from 2026-11-23T10:00:00.000Z"), "{reason}");
    assert!(reason.contains("from 2026-11-23T10:00:00.001Z"), "{reason}");
}

#[test]
fn claims_when_the_identity_is_the_same() {
    let found = decide(&with_identity(json!({})), None, 0, &provision());

    assert_eq!(word(found), "claim");
}

#[test]
fn rejects_another_identity_unless_another_run_holds() {
    let free = with_identity(json!({}));
    let held = with_identity(held());

    for (case, attributes, holder, expected) in [
        ("free", &free, None, "Immutable"),
        // The other run may be a removal, after which any identity is allowed.
        ("held", &held, Some(Running), "wait 30"),
        (
            "held by a run that has ended",
            &held,
            Some(Ended),
            "Immutable",
        ),
    ] {
        let found = decide(attributes, holder, 0, &provision_elsewhere());

        assert_eq!(word(found), expected, "{case}");
    }
}

#[test]
fn rejection_names_the_differing_field() {
    let found = decide(&with_identity(json!({})), None, 0, &provision_elsewhere());

    let cause = found.expect_err("another identity").to_string();
    let expected = "fields: parameterPrefix is `/bandup/cache`, requested `/elsewhere`.";
    assert!(cause.contains(expected), "{cause}");
}

#[test]
fn dry_run_does_not_wait_when_another_run_holds() {
    for (case, attributes, expected) in [
        ("free", json!({}), "claim"),
        ("held", held(), "claim"),
        (
            "another identity",
            with_identity(json!({ "cacheIdentity": json!({
                "vpcId": "vpc-2",
                "cacheName": "bandup-redis",
                "securityGroupName": "redis-sg",
                "subnetGroupName": "bandup-cached-subnet-group",
                "parameterPrefix": "/bandup/cache"
            }).to_string() })),
            "Immutable",
        ),
    ] {
        let found = decide(&attributes, None, 0, &dry_run());

        assert_eq!(word(found), expected, "{case}");
    }
}
