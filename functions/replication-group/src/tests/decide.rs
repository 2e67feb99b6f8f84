//! Table tests of the decisions.

use contract::error::ErrorName;
use contract::message::EnsureReplicationGroupInput;
use record::{Creation, Rejection};
use serde_json::{Value, json};

use super::{message, rejections, with, zones};
use crate::decide::{Next, by_status, creation, replacement, with_rejection};

/// The reason if AWS has no capacity for a member.
const NO_CAPACITY: &str =
    "ElastiCache's events: bandup-redis-001: InsufficientCacheClusterCapacity";
const NO_ADDRESSES: &str = "ElastiCache's events: bandup-redis-001: no free IP addresses";

/// Returns the input with these fields changed.
fn input(changes: &Value) -> EnsureReplicationGroupInput {
    serde_json::from_value(with(message(&json!({})), changes)).expect("the state's message")
}

/// Returns a creation that this execution has recorded.
fn own() -> Creation {
    super::creation()
}

/// Returns a creation that another execution has recorded, with the fields that count only for that execution.
fn others() -> Creation {
    Creation {
        execution: "run-0".to_owned(),
        placement: zones(&["ap-southeast-1a"]),
        rejections: tried(&[&[]]),
        replaced: true,
        deletion_requested: true,
    }
}

/// Returns what is recorded after AWS had no capacity in these placements.
fn tried(placements: &[&[&str]]) -> Vec<Rejection> {
    rejections(NO_CAPACITY, placements)
}

/// The statuses of <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html>.
#[test]
fn returns_next_step_for_each_status() {
    let wait = |status: &str| Ok(Next::Wait(status.to_owned()));
    let cases = [
        (None, Ok(Next::Create)),
        (Some("available"), Ok(Next::Compare)),
        (Some("create-failed"), Ok(Next::Replace)),
        (Some("creating"), wait("creating")),
        (Some("deleting"), wait("deleting")),
        (Some("modifying"), wait("modifying")),
        (Some("snapshotting"), wait("snapshotting")),
        (Some("hibernating"), Err(ErrorName::UnexpectedStatus)),
        (Some("without a status"), Err(ErrorName::UnexpectedStatus)),
        (Some(""), Err(ErrorName::UnexpectedStatus)),
    ];
    for (status, expected) in cases {
        let found = by_status("bandup-redis", status);

        assert_eq!(found.map_err(|error| error.name()), expected, "{status:?}");
    }
}

#[test]
fn creates_in_first_placement_not_tried_by_execution() {
    let b = zones(&["ap-southeast-1b"]);
    let first = &[][..];
    let a = &["ap-southeast-1a"][..];
    let cases = [
        ("nothing recorded", None, zones(&[])),
        ("nothing tried", Some(own()), zones(&[])),
        (
            "the first tried",
            Some(Creation {
                rejections: tried(&[first]),
                ..own()
            }),
            zones(a),
        ),
        (
            "two tried",
            Some(Creation {
                rejections: tried(&[first, a]),
                ..own()
            }),
            b,
        ),
        // The reply to the request was lost, so the request is repeated in the same placement.
        (
            "requested, and not without capacity",
            Some(Creation {
                placement: zones(a),
                rejections: tried(&[first]),
                ..own()
            }),
            zones(a),
        ),
        ("tried by another execution", Some(others()), zones(&[])),
    ];
    for (case, recorded, placement) in cases {
        let found = creation(&input(&json!({})), recorded.as_ref()).expect(case);

        let is_own = recorded.filter(|recorded| recorded.execution == "run-1");
        let expected = Creation {
            placement,
            rejections: is_own.map(|own| own.rejections).unwrap_or_default(),
            ..own()
        };
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn counts_as_replaced_when_deletion_was_requested() {
    let requested = |replaced, deletion_requested| Creation {
        replaced,
        deletion_requested,
        ..own()
    };
    let cases = [
        ("neither", requested(false, false), false),
        ("deleted", requested(false, true), true),
        ("replaced before", requested(true, false), true),
        ("deleted again", requested(true, true), true),
        ("another execution's", others(), false),
    ];
    for (case, recorded, replaced) in cases {
        let found = creation(&input(&json!({})), Some(&recorded)).expect(case);

        assert_eq!(found, requested(replaced, false), "{case}");
    }
}

#[test]
fn lists_only_placements_tried_without_capacity() {
    let network = |zones: &Value| with(replay::network(), &json!({ "zones": zones }));
    let (first, a) = (&[][..], &["ap-southeast-1a"][..]);
    let b = &["ap-southeast-1b"][..];
    let mut two_nodes = input(&json!({}));
    two_nodes.spec.cache.replicas = serde_json::from_value(json!(1)).expect("a number");
    let one_zone = json!({ "network": network(&json!(["ap-southeast-1a"])) });
    let cases = [
        (
            input(&one_zone),
            rejections("none", &[first, a]),
            "1 node of type `cache.t3.micro`, or doesn't offer it in these zones. Tried: zones chosen by \
             ElastiCache (none); ap-southeast-1a (none). Failed",
        ),
        (
            two_nodes,
            rejections("none", &[first]),
            "2 nodes of type `cache.t3.micro`, or doesn't offer it in these zones. Tried: zones chosen by \
             ElastiCache (none). Failed",
        ),
        (
            input(&json!({})),
            rejections("none", &[b, first, a]),
            "Tried: ap-southeast-1b (none); zones chosen by ElastiCache (none); ap-southeast-1a (none). Failed",
        ),
    ];
    for (input, rejections, expected) in cases {
        let recorded = Creation {
            rejections,
            ..own()
        };

        let error = creation(&input, Some(&recorded)).expect_err(expected);

        assert_eq!(error.name(), ErrorName::InsufficientCapacity);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn replaces_recorded_failed_creation() {
    let requested = || Creation {
        deletion_requested: true,
        ..own()
    };
    let replaced = || Creation {
        replaced: true,
        ..own()
    };
    let a = zones(&["ap-southeast-1a"]);
    let cases = [
        ("this execution's", own(), NO_ADDRESSES, requested()),
        (
            "this execution's, without capacity",
            own(),
            NO_CAPACITY,
            Creation {
                rejections: tried(&[&[]]),
                ..requested()
            },
        ),
        (
            "another execution's",
            others(),
            NO_ADDRESSES,
            Creation {
                placement: a.clone(),
                ..requested()
            },
        ),
        // The existing group has the other execution's placement.
        (
            "another execution's, without capacity",
            others(),
            NO_CAPACITY,
            Creation {
                placement: a.clone(),
                rejections: tried(&[&["ap-southeast-1a"]]),
                ..requested()
            },
        ),
        // The record is from an earlier version of envcache, or has text that can't be read.
        (
            "an unknown execution's",
            Creation::default(),
            NO_ADDRESSES,
            requested(),
        ),
        (
            "replaced already, without capacity",
            replaced(),
            NO_CAPACITY,
            Creation {
                rejections: tried(&[&[]]),
                deletion_requested: true,
                ..replaced()
            },
        ),
    ];
    for (case, recorded, reason, expected) in cases {
        let found = replacement(&input(&json!({})), Some(&recorded), reason).expect(case);

        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn returns_create_failed_when_not_replaced() {
    let replaced = Creation {
        replaced: true,
        ..own()
    };
    let unrecorded = "doesn't say that envcache requested it";
    let again = "This run replaced it, and the new creation failed too";
    let late = "It could not be replaced within 60 minutes";
    let cases = [
        (None, 0, NO_ADDRESSES, unrecorded),
        (None, 0, NO_CAPACITY, unrecorded),
        (None, 3600, NO_CAPACITY, unrecorded),
        (Some(&replaced), 0, NO_ADDRESSES, again),
        (Some(&own()), 3600, NO_ADDRESSES, late),
        (Some(&own()), 3600, NO_CAPACITY, late),
        (Some(&replaced), 3600, NO_CAPACITY, late),
        (Some(&others()), 3600, NO_ADDRESSES, late),
    ];
    for (recorded, waited, reason, expected) in cases {
        let input = input(&json!({ "secondsWaited": waited }));

        let error = replacement(&input, recorded, reason).expect_err(expected);

        assert_eq!(error.name(), ErrorName::CreateFailed);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn replaces_failed_creation_before_deadline() {
    let input = input(&json!({ "secondsWaited": 3599 }));

    let found = replacement(&input, Some(&own()), NO_ADDRESSES);

    assert!(found.is_ok(), "{found:?}");
}

// While a member is still changing, ElastiCache rejects a deletion with InvalidReplicationGroupState. The next round
// then finds the same group, and the record that the first round wrote.
#[test]
fn makes_same_decision_after_rejected_deletion() {
    let input = input(&json!({}));
    for reason in [NO_ADDRESSES, NO_CAPACITY] {
        for recorded in [own(), others()] {
            let first = replacement(&input, Some(&recorded), reason).expect("a replacement");

            let second = replacement(&input, Some(&first), reason).expect("no error");

            assert_eq!(second, first, "{reason}");
        }
    }
}

#[test]
fn counts_rejected_placement_once() {
    let a = &["ap-southeast-1a"][..];
    let recorded = Creation {
        placement: zones(a),
        rejections: tried(&[&[]]),
        ..own()
    };

    let once = with_rejection(&recorded, NO_CAPACITY);
    let twice = with_rejection(&once, "another message");

    assert_eq!(once.rejections, tried(&[&[], a]));
    assert_eq!(twice, once);
}

#[test]
fn quotes_message_without_period_and_shortened() {
    let reason = |message: &str| with_rejection(&own(), message).rejections[0].reason.clone();

    assert_eq!(reason("Not in us-east-1e. "), "Not in us-east-1e");
    assert_eq!(reason(&"é".repeat(300)).chars().count(), 201, "with `…`");
}
