//! Tests with replayed answers of ElastiCache.

mod request_tags;

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::{DeleteOutput, EnsureSubnetGroupOutput};
use replay::elasticache::{accepted, list_tags_for_resource, no_subnet_group, owned_by};
use replay::{Answer, Replay, form, network, reference};
use serde_json::{Value, json};

use crate::{delete, ensure};

const ARN: &str =
    "arn:aws:elasticache:ap-southeast-1:123456789012:subnetgroup:bandup-cached-subnet-group";

/// Returns an answer with one group, in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheSubnetGroups.html>.
fn described(vpc: &str, description: &str, subnets: [&str; 2]) -> Answer {
    let [one, two] = subnets;
    Answer::ok(format!(
        "<DescribeCacheSubnetGroupsResponse xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\">\
         <DescribeCacheSubnetGroupsResult><CacheSubnetGroups><CacheSubnetGroup>\
         <CacheSubnetGroupName>bandup-cached-subnet-group</CacheSubnetGroupName><ARN>{ARN}</ARN>\
         <CacheSubnetGroupDescription>{description}</CacheSubnetGroupDescription><VpcId>{vpc}</VpcId>\
         <Subnets><Subnet><SubnetIdentifier>{one}</SubnetIdentifier></Subnet>\
         <Subnet><SubnetIdentifier>{two}</SubnetIdentifier></Subnet></Subnets>\
         </CacheSubnetGroup></CacheSubnetGroups></DescribeCacheSubnetGroupsResult>\
         </DescribeCacheSubnetGroupsResponse>"
    ))
}

fn up_to_date() -> Answer {
    // The order of subnets doesn't matter.
    described(
        "vpc-0a1b2c3d4e5f60718",
        "Cache of environment bandup",
        ["subnet-1a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60718"],
    )
}

fn absent() -> Answer {
    no_subnet_group("bandup-cached-subnet-group")
}

async fn ensured(replay: &Replay) -> StepResult<EnsureSubnetGroupOutput> {
    ensured_with(replay, json!({})).await
}

async fn ensured_with(replay: &Replay, options: Value) -> StepResult<EnsureSubnetGroupOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({ "network": network() }));
    message["plan"] = json!(options["dryRun"] == true);
    message["spec"]["options"] = options;
    ensure(
        &client,
        "envcache",
        serde_json::from_value(message).expect("the message"),
    )
    .await
}

#[tokio::test]
async fn creates_absent_group_with_subnets_and_tags() {
    let replay = Replay::new([absent(), accepted("CreateCacheSubnetGroup")]);

    let found = ensured(&replay).await.expect("created");

    assert_eq!(found.actions[0].operation, "CreateCacheSubnetGroup");
    assert_eq!(
        replay.forms()[1],
        form([
            ("Action", "CreateCacheSubnetGroup"),
            ("CacheSubnetGroupName", "bandup-cached-subnet-group"),
            ("CacheSubnetGroupDescription", "Cache of environment bandup"),
            ("SubnetIds.SubnetIdentifier.1", "subnet-0a1b2c3d4e5f60718"),
            ("SubnetIds.SubnetIdentifier.2", "subnet-1a1b2c3d4e5f60718"),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
        ])
    );
}

#[tokio::test]
async fn changes_nothing_when_group_is_up_to_date() {
    let replay = Replay::new([up_to_date(), owned_by("envcache")]);

    ensured(&replay).await.expect("an existing group");

    assert_eq!(
        replay.actions(),
        ["DescribeCacheSubnetGroups", "ListTagsForResource"]
    );
}

#[tokio::test]
async fn modifies_group_when_subnets_or_description_differ() {
    for (found, why) in [
        (
            described(
                "vpc-0a1b2c3d4e5f60718",
                "Cache of environment bandup",
                ["subnet-0a1b2c3d4e5f60718", "subnet-2a1b2c3d4e5f60718"],
            ),
            "another subnet",
        ),
        (
            described(
                "vpc-0a1b2c3d4e5f60718",
                "old",
                ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"],
            ),
            "another description",
        ),
    ] {
        let replay = Replay::new([
            found,
            owned_by("envcache"),
            accepted("ModifyCacheSubnetGroup"),
        ]);

        ensured(&replay).await.expect("modified");

        assert_eq!(
            replay.forms()[2],
            form([
                ("Action", "ModifyCacheSubnetGroup"),
                ("CacheSubnetGroupName", "bandup-cached-subnet-group"),
                ("CacheSubnetGroupDescription", "Cache of environment bandup"),
                ("SubnetIds.SubnetIdentifier.1", "subnet-0a1b2c3d4e5f60718"),
                ("SubnetIds.SubnetIdentifier.2", "subnet-1a1b2c3d4e5f60718"),
            ]),
            "{why}"
        );
    }
}

#[tokio::test]
async fn changes_nothing_when_group_is_unowned_or_in_another_vpc() {
    let elsewhere = described(
        "vpc-ffffffffffffffff0",
        "Cache of environment bandup",
        ["subnet-8a1b2c3d4e5f60718", "subnet-9a1b2c3d4e5f60718"],
    );
    for (found, stack, expected) in [
        (up_to_date(), "other", ErrorName::NotOwned),
        (elsewhere, "envcache", ErrorName::Immutable),
    ] {
        let replay = Replay::new([found, owned_by(stack)]);

        let error = ensured(&replay).await.expect_err("not to be changed");

        assert_eq!(error.name(), expected);
        assert_eq!(replay.actions().len(), 2, "{expected}: only reads");
    }
}

#[tokio::test]
async fn keeps_the_error_name_when_elasticache_rejects_creation() {
    for (code, expected) in [
        ("CacheSubnetGroupAlreadyExists", ErrorName::NotFound),
        ("CacheSubnetGroupQuotaExceeded", ErrorName::QuotaExceeded),
        ("ServiceLinkedRoleNotFoundFault", ErrorName::AccessDenied),
        ("InvalidSubnet", ErrorName::NotFound),
        ("SubnetNotAllowedFault", ErrorName::InvalidSpec),
    ] {
        let replay = Replay::new([absent(), Answer::query_fault(400, code, "AWS's own words.")]);

        let error = ensured(&replay).await.expect_err("rejected");

        assert_eq!(error.name(), expected, "{code}");
        assert!(
            error
                .to_string()
                .starts_with("CreateCacheSubnetGroup bandup-cached-subnet-group: "),
            "{error}"
        );
    }
}

/// Returns ElastiCache's answer to a modification without changes.
/// <https://docs.ansible.com/ansible/latest/collections/community/aws/elasticache_subnet_group_module.html> matches this
/// message.
fn nothing_to_modify() -> Answer {
    Answer::query_fault(
        400,
        "InvalidParameterCombination",
        "No modifications were requested.",
    )
}

/// Returns a group with another description than requested.
fn differing() -> Answer {
    up_to_date().replaced("Cache of environment bandup", "created manually")
}

#[tokio::test]
async fn succeeds_when_nothing_to_modify_and_nothing_differs() {
    let answers = [
        differing(),
        owned_by("envcache"),
        nothing_to_modify(),
        up_to_date(),
    ];
    let replay = Replay::new(answers);

    ensured(&replay).await.expect("another run modified it");

    assert_eq!(replay.actions()[3], "DescribeCacheSubnetGroups");
}

#[tokio::test]
async fn is_not_found_when_group_was_deleted_meanwhile() {
    let answers = [
        differing(),
        owned_by("envcache"),
        nothing_to_modify(),
        absent(),
    ];

    let error = ensured(&Replay::new(answers))
        .await
        .expect_err("it no longer exists");

    assert_eq!(error.name(), ErrorName::NotFound);
}

#[tokio::test]
async fn names_the_difference_when_nothing_to_modify_twice() {
    let replay = Replay::new([
        differing(),
        owned_by("envcache"),
        nothing_to_modify(),
        differing(),
        nothing_to_modify(),
        differing(),
    ]);

    let error = ensured(&replay).await.expect_err("twice");

    assert_eq!(error.name(), ErrorName::Immutable);
    let expected = "description is `created manually`, requested `Cache of environment bandup`";
    assert!(error.to_string().contains(expected), "{error}");
}

/// Runs `DeleteSubnetGroup` with these answers, `waited` seconds after the cache was deleted.
async fn deleted(replay: &Replay, waited: u32) -> StepResult<DeleteOutput> {
    deleted_all(replay, waited, &["bandup-cached-subnet-group"]).await
}

async fn deleted_all(replay: &Replay, waited: u32, names: &[&str]) -> StepResult<DeleteOutput> {
    let client = Client::new(&replay.config());
    let message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "subnetGroupNames": names,
        "sharedSubnetGroup": null,
        "secondsWaited": waited,
        "createdBy": null,
    });
    let message = serde_json::from_value(message).expect("the state's message");
    delete(&client, "envcache", message).await
}

#[tokio::test]
async fn shared_group_is_left_without_a_call() {
    let replay = Replay::new([]);
    let client = Client::new(&replay.config());
    let message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "subnetGroupNames": [],
        "sharedSubnetGroup": "vpc-caches",
        "secondsWaited": 0,
        "createdBy": null,
    });
    let message = serde_json::from_value(message).expect("the state's message");

    let found = delete(&client, "envcache", message).await;

    assert_eq!(
        serde_json::to_value(found.expect("no error")).expect("JSON"),
        json!({
            "status": "notOwned",
            "left": ["cache subnet group vpc-caches is shared (network.subnetGroup)"]
        })
    );
    assert!(replay.forms().is_empty());
}

#[tokio::test]
async fn shared_group_is_not_changed_and_must_be_unowned() {
    for (owner, expected) in [
        (list_tags_for_resource(&[("team", "web")]), Ok(0)),
        (
            owned_by("another-stack"),
            Err("envcache:environment=bandup and envcache:stack=another-stack"),
        ),
    ] {
        let replay = Replay::new([up_to_date(), owner]);
        let found = ensured_shared(&replay).await;

        assert_eq!(
            replay.actions(),
            ["DescribeCacheSubnetGroups", "ListTagsForResource"]
        );
        match (found, expected) {
            (Ok(found), Ok(actions)) => assert_eq!(found.actions.len(), actions),
            (Err(error), Err(tags)) => {
                assert_eq!(error.name(), ErrorName::NotOwned);
                assert!(error.to_string().contains(tags), "{error}");
            }
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }
}

/// Runs `EnsureSubnetGroup` for a request with a shared subnet group.
async fn ensured_shared(replay: &Replay) -> StepResult<EnsureSubnetGroupOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({ "network": network() }));
    let requested = message["spec"]["network"]
        .as_object_mut()
        .expect("a network");
    requested.remove("subnets");
    requested.insert("subnetGroup".to_owned(), json!("vpc-caches"));
    message["spec"]["cache"]["subnetGroupName"] = json!("vpc-caches");
    message["plan"] = json!(false);
    let message = serde_json::from_value(message).expect("the state's message");

    ensure(&client, "envcache", message).await
}

#[tokio::test]
async fn deletes_only_owned_groups() {
    let removed = Answer::ok("<DeleteCacheSubnetGroupResponse/>");
    let vanished = absent();
    let absent_as = |outcome: &str| json!({ "status": "absent", "outcome": outcome });
    let left = "cache subnet group bandup-cached-subnet-group doesn't have this stack's tags";
    let cases = [
        (vec![absent()], absent_as("not there")),
        (
            vec![up_to_date(), owned_by("envcache"), removed],
            absent_as("deleted"),
        ),
        (
            vec![up_to_date(), owned_by("envcache"), vanished],
            absent_as("not there"),
        ),
        (vec![up_to_date(), absent()], absent_as("not there")),
        (
            vec![up_to_date(), owned_by("another-stack")],
            json!({ "status": "notOwned", "left": [left] }),
        ),
    ];
    for (answers, expected) in cases {
        let found = deleted(&Replay::new(answers), 0).await.expect("no error");

        assert_eq!(serde_json::to_value(found).expect("JSON"), expected);
    }
}

#[tokio::test]
async fn deletes_the_groups_of_earlier_requests_too() {
    let removed = || Answer::ok("<DeleteCacheSubnetGroupResponse/>");
    let former = || up_to_date().replaced("bandup-cached-subnet-group", "former");
    let names = ["bandup-cached-subnet-group", "former"];
    let replay = Replay::new([absent(), former(), owned_by("envcache"), removed()]);

    let found = deleted_all(&replay, 0, &names).await.expect("deleted");

    assert!(
        matches!(&found, DeleteOutput::Absent { outcome, .. } if outcome == "deleted"),
        "{found:?}"
    );
    let requests = replay.forms();
    assert_eq!(requests[3]["Action"], "DeleteCacheSubnetGroup");
    assert_eq!(requests[3]["CacheSubnetGroupName"], "former");
}

#[tokio::test]
async fn waits_15_minutes_for_group_that_another_cache_uses() {
    let answers = || {
        [
            up_to_date(),
            owned_by("envcache"),
            Answer::query_fault(
                400,
                "CacheSubnetGroupInUse",
                "is currently in use by a cache cluster.",
            ),
        ]
    };

    let waits = deleted(&Replay::new(answers()), 0).await.expect("it waits");
    let error = deleted(&Replay::new(answers()), 900)
        .await
        .expect_err("the wait is over");

    assert!(
        matches!(
            waits,
            DeleteOutput::Waiting {
                wait_seconds: 15,
                ..
            }
        ),
        "{waits:?}"
    );
    assert_eq!(error.name(), ErrorName::InUse);
    assert!(
        error.to_string().contains("another cache uses it"),
        "{error}"
    );
}

#[tokio::test]
async fn plan_lists_actions_and_writes_nothing() {
    let outdated = described(
        "vpc-0a1b2c3d4e5f60718",
        "Cache of environment bandup",
        ["subnet-1a1b2c3d4e5f60718", "subnet-2a1b2c3d4e5f60718"],
    );
    let cases = [
        (vec![absent()], vec!["CreateCacheSubnetGroup"]),
        (vec![up_to_date(), owned_by("envcache")], vec![]),
        (
            vec![outdated, owned_by("envcache")],
            vec!["ModifyCacheSubnetGroup"],
        ),
    ];
    for (answers, expected) in cases {
        let replay = Replay::new(answers);

        let found = ensured_with(&replay, json!({ "dryRun": true }))
            .await
            .expect("a plan");

        let planned: Vec<_> = found
            .actions
            .iter()
            .map(|action| &action.operation)
            .collect();
        assert_eq!(planned, expected);
        let wrote = replay
            .actions()
            .iter()
            .any(|action| expected.contains(&action.as_str()));
        assert!(!wrote, "{:?}", replay.actions());
    }
}

#[tokio::test]
async fn plan_lists_only_the_fields_that_differ() {
    let vpc = "vpc-0a1b2c3d4e5f60718";
    let description = "Cache of environment bandup";
    let requested = ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"];
    let other_order = [requested[1], requested[0]];
    let other = [requested[0], "subnet-2a1b2c3d4e5f60718"];
    let cases = [
        (described(vpc, description, other_order), vec![]),
        (described(vpc, description, other), vec!["network.subnets"]),
        (described(vpc, "cache", other_order), vec!["description"]),
        (
            described(vpc, "cache", other),
            vec!["network.subnets", "description"],
        ),
    ];
    for (group, expected) in cases {
        let replay = Replay::new([group, owned_by("envcache")]);

        let found = ensured_with(&replay, json!({ "dryRun": true }))
            .await
            .expect("a plan");

        let changes = found.actions.iter().flat_map(|action| &action.changes);
        let fields: Vec<_> = changes.map(|change| change.field.as_str()).collect();
        assert_eq!(fields, expected);
    }
}

#[tokio::test]
async fn adopts_unowned_group_only_when_requested() {
    let unowned = || list_tags_for_resource(&[]);
    let replay = Replay::new([up_to_date(), unowned(), accepted("AddTagsToResource")]);

    ensured_with(&replay, json!({ "adopt": true }))
        .await
        .expect("adopted");
    let rejected = ensured(&Replay::new([up_to_date(), unowned()]))
        .await
        .expect_err("not requested");

    assert_eq!(
        replay.forms()[2],
        form([
            ("Action", "AddTagsToResource"),
            ("ResourceName", ARN),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
        ])
    );
    assert_eq!(rejected.name(), ErrorName::NotOwned);
    assert!(
        rejected.to_string().contains("\"adopt\": true"),
        "{rejected}"
    );
}
