//! Tests that each write to ElastiCache requires the claim.

use contract::error::ErrorName;
use contract::message::EnsureReplicationGroupOutput;
use replay::Answer;
use replay::dynamodb::get_item;
use serde_json::{Value, json};

use super::{
    Aws, OTHER_RUN, THIS_RUN, absent, accepted, creation, described, events, held, member, message,
    owned, rejected, same, taken_over, unowned, with, writing_rounds, written,
};

fn is_claim_lost(output: &EnsureReplicationGroupOutput) -> bool {
    matches!(output, EnsureReplicationGroupOutput::ClaimLost { reason }
        if reason.starts_with("another run has taken over environment `bandup`"))
}

#[tokio::test]
async fn reads_record_with_strong_consistency() {
    let aws = Aws::new([described("creating", same)]);

    aws.ensure(message(&json!({}))).await.expect("it waits");

    assert_eq!(
        aws.dynamodb.documents(),
        [(
            "GetItem".to_owned(),
            json!({
                "TableName": "environments",
                "Key": { "environment": { "S": "bandup" } },
                "ConsistentRead": true
            })
        )]
    );
}

#[tokio::test]
async fn makes_no_elasticache_call_when_claim_is_already_lost() {
    let cases = [
        (
            "another execution's",
            get_item(&json!({ "holder": OTHER_RUN })),
        ),
        ("released", get_item(&json!({ "environment": "bandup" }))),
        ("no record", Answer::ok("{}")),
        // The holder is compared by its ARN: two state machines can have executions of the same name.
        ("the name only", get_item(&json!({ "holder": "run-1" }))),
    ];
    for (case, record) in cases {
        let aws = Aws::answering([absent()], [record, written()]);

        let found = aws.ensure(message(&json!({}))).await.expect("an output");

        assert!(is_claim_lost(&found), "{case}: {found:?}");
        assert!(aws.elasticache.actions().is_empty(), "{case}");
        assert!(aws.record_writes().is_empty(), "{case}");
    }
}

#[tokio::test]
async fn writes_record_once_before_each_elasticache_write() {
    for round in writing_rounds() {
        let write = round.write;
        let aws = Aws::new(round.elasticache);

        aws.ensure(round.message).await.expect(write);

        assert_eq!(aws.elasticache_writes(), [write]);
        assert_eq!(aws.record_writes().len(), 1, "{write}");
    }
}

// Also checks the order of the two writes: the record is written first, because ElastiCache receives no write.
#[tokio::test]
async fn writes_nothing_when_claim_is_lost_before_write() {
    for round in writing_rounds() {
        let write = round.write;
        let record = get_item(&held(Some(&creation())));
        let aws = Aws::answering(round.elasticache, [record, taken_over()]);

        let found = aws.ensure(round.message).await.expect("an output");

        assert!(is_claim_lost(&found), "{write}: {found:?}");
        assert_eq!(
            aws.record_writes().len(),
            1,
            "{write}: the conditional write"
        );
        assert!(aws.elasticache_writes().is_empty(), "{write}");
    }
}

#[tokio::test]
async fn writes_record_only_while_holding_environment() {
    for round in writing_rounds() {
        let write = round.write;
        let aws = Aws::new(round.elasticache);

        aws.ensure(round.message).await.expect(write);

        let update = &aws.record_writes()[0];
        assert_eq!(update["TableName"], "environments", "{write}");
        assert_eq!(update["Key"], json!({ "environment": { "S": "bandup" } }));
        assert_eq!(
            update["ConditionExpression"], "holder = :read_holder",
            "{write}"
        );
        let values = &update["ExpressionAttributeValues"];
        assert_eq!(values[":read_holder"], json!({ "S": THIS_RUN }), "{write}");
    }
}

#[tokio::test]
async fn records_identity_and_creation_or_replacement() {
    for round in writing_rounds() {
        let write = round.write;
        let aws = Aws::new(round.elasticache);

        aws.ensure(round.message).await.expect(write);

        let update = &aws.record_writes()[0];
        let has_creation = ["CreateReplicationGroup", "DeleteReplicationGroup"].contains(&write);
        let more = if has_creation {
            ", creation = :creation"
        } else {
            ""
        };
        let expected = format!("SET cacheIdentity = :cacheIdentity{more} ADD version :one");
        assert_eq!(update["UpdateExpression"], expected, "{write}");
        let identity = &update["ExpressionAttributeValues"][":cacheIdentity"]["S"];
        let identity: Value = serde_json::from_str(identity.as_str().expect("text")).expect("JSON");
        assert_eq!(identity, replay::identity(), "{write}");
        assert_eq!(aws.recorded().len(), usize::from(has_creation), "{write}");
    }
}

#[tokio::test]
async fn returns_claim_lost_when_another_run_takes_over() {
    // Between the request, which finds no capacity, and the write that records it.
    let aws = Aws::answering(
        [absent(), rejected("InsufficientCacheClusterCapacity")],
        [get_item(&held(None)), written(), taken_over()],
    );

    let found = aws.ensure(message(&json!({}))).await.expect("an output");

    assert!(is_claim_lost(&found), "{found:?}");
    assert_eq!(aws.record_writes().len(), 2);
}

#[tokio::test]
async fn keeps_record_when_nothing_changes() {
    let cases = [
        ("waits", vec![described("creating", same)]),
        (
            "up to date",
            vec![described("available", same), owned(), member(same)],
        ),
    ];
    for (case, answers) in cases {
        let aws = Aws::new(answers);

        aws.ensure(message(&json!({}))).await.expect(case);

        assert!(aws.record_writes().is_empty(), "{case}");
    }
}

#[tokio::test]
async fn keeps_record_when_group_is_rejected() {
    let late = json!({ "secondsWaited": 3600 });
    let available = || described("available", same);
    let failed = || vec![described("create-failed", same), events(&[]), events(&[])];
    let message = || message(&json!({}));
    let other_port = super::message(&json!({ "port": 7000 }));
    let cases = [
        (vec![available(), unowned()], message(), ErrorName::NotOwned),
        (
            vec![available(), owned(), member(same)],
            other_port,
            ErrorName::Immutable,
        ),
        (
            vec![described("hibernating", same)],
            message(),
            ErrorName::UnexpectedStatus,
        ),
        (failed(), with(message(), &late), ErrorName::CreateFailed),
        (vec![absent()], with(message(), &late), ErrorName::Timeout),
    ];
    for (answers, message, expected) in cases {
        let aws = Aws::new(answers);

        let error = aws.ensure(message).await.expect_err(expected.as_str());

        assert_eq!(error.name(), expected, "{error}");
        assert!(aws.record_writes().is_empty(), "{expected}");
        assert!(aws.elasticache_writes().is_empty(), "{expected}");
    }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
#[tokio::test]
async fn returns_aws_error_when_dynamodb_rejects_call() {
    let denied = || Answer::json_fault(400, "AccessDeniedException", "AWS's message.");
    let cases = [
        (vec![denied()], "GetItem bandup: "),
        (vec![get_item(&held(None)), denied()], "UpdateItem bandup: "),
    ];
    for (answers, expected) in cases {
        let aws = Aws::answering([absent(), accepted("CreateReplicationGroup")], answers);

        let error = aws.ensure(message(&json!({}))).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::AccessDenied);
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(aws.elasticache_writes().is_empty(), "{expected}");
    }
}
