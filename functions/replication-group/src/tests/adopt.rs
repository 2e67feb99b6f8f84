//! Tests of a run that adopts an available group.

use contract::error::ErrorName;
use replay::form;
use serde_json::json;

use super::{
    ARN, Aws, accepted, adopting, described, held, member, message, owned_by, rejected, same,
    unowned, waiting,
};

#[tokio::test]
async fn adds_owner_tags_when_adopting_unowned_group() {
    let aws = Aws::with_record(
        &held(None),
        [
            described("available", same),
            unowned(),
            member(same),
            accepted("AddTagsToResource"),
        ],
    );

    let found = aws
        .ensure(adopting(message(&json!({}))))
        .await
        .expect("adopted");

    assert_eq!(found, waiting("adopted", 30));
    assert_eq!(
        aws.elasticache.forms()[3],
        form([
            ("Action", "AddTagsToResource"),
            ("ResourceName", ARN),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
        ])
    );
    // If the record had a creation, envcache would own a create-failed group of this name.
    assert!(aws.recorded().is_empty());
}

#[tokio::test]
async fn adopts_before_changing() {
    let aws = Aws::new([
        described("available", same),
        unowned(),
        member(same),
        accepted("AddTagsToResource"),
    ]);
    let differing = message(&json!({ "description": "cache" }));

    let found = aws.ensure(adopting(differing)).await.expect("adopted");

    assert_eq!(found, waiting("adopted", 30));
    assert_eq!(aws.elasticache_writes(), ["AddTagsToResource"]);
}

#[tokio::test]
async fn rejects_adoption_when_difference_is_immutable() {
    let unencrypted = |body: String| {
        body.replace(
            "<TransitEncryptionEnabled>true",
            "<TransitEncryptionEnabled>false",
        )
    };
    let aws = Aws::new([described("available", unencrypted), unowned(), member(same)]);

    let error = aws
        .ensure(adopting(message(&json!({}))))
        .await
        .expect_err("encryption can't be changed");

    assert_eq!(error.name(), ErrorName::Immutable);
    assert!(aws.elasticache_writes().is_empty());
}

#[tokio::test]
async fn rejects_adoption_when_another_stack_owns_group() {
    let aws = Aws::new([described("available", same), owned_by("another-stack")]);

    let error = aws
        .ensure(adopting(message(&json!({}))))
        .await
        .expect_err("owned by another stack");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert!(aws.elasticache_writes().is_empty());
}

#[tokio::test]
async fn waits_when_changing_group_rejects_tags() {
    let aws = Aws::new([
        described("available", same),
        unowned(),
        member(same),
        rejected("InvalidReplicationGroupState"),
    ]);

    let found = aws
        .ensure(adopting(message(&json!({}))))
        .await
        .expect("it waits");

    assert_eq!(found, waiting("found changing", 30));
}
