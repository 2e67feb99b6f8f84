//! The step against replayed answers of EC2.

use aws_sdk_ec2::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::{DeleteOutput, EnsureSecurityGroupOutput};
use replay::{Answer, Replay, form, network, reference};
use serde_json::{Value, json};

use crate::{delete, ensure};

const BACKEND: &str = "sg-0b1b2c3d4e5f60718";

/// The shape of <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>.
fn described(name: &str, stack: &str, rules: &str) -> Answer {
    Answer::ok(format!(
        "<DescribeSecurityGroupsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><securityGroupInfo><item>\
         <groupId>sg-0c1b2c3d4e5f60718</groupId><groupName>{name}</groupName><vpcId>vpc-0a1b2c3d4e5f60718</vpcId>\
         <ipPermissions>{rules}</ipPermissions><tagSet>\
         <item><key>envcache:environment</key><value>bandup</value></item>\
         <item><key>envcache:stack</key><value>{stack}</value></item></tagSet>\
         </item></securityGroupInfo></DescribeSecurityGroupsResponse>"
    ))
}

fn rule(port: u16, source: &str) -> String {
    format!(
        "<item><ipProtocol>tcp</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort>\
         <groups><item><userId>123456789012</userId><groupId>{source}</groupId></item></groups></item>"
    )
}

fn none() -> Answer {
    Answer::ok(
        "<DescribeSecurityGroupsResponse><securityGroupInfo/></DescribeSecurityGroupsResponse>",
    )
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
fn created() -> Answer {
    Answer::ok(
        "<CreateSecurityGroupResponse><return>true</return><groupId>sg-0c1b2c3d4e5f60718</groupId>\
         </CreateSecurityGroupResponse>",
    )
}

fn authorized() -> Answer {
    Answer::ok(
        "<AuthorizeSecurityGroupIngressResponse><return>true</return>\
         </AuthorizeSecurityGroupIngressResponse>",
    )
}

async fn ensured(replay: &Replay) -> StepResult<EnsureSecurityGroupOutput> {
    ensured_with(replay, json!({})).await
}

async fn ensured_with(replay: &Replay, switches: Value) -> StepResult<EnsureSecurityGroupOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({ "network": network() }));
    message["plan"] = json!(switches["dryRun"] == true);
    message["spec"]["switches"] = switches;
    ensure(
        &client,
        "envcache",
        serde_json::from_value(message).expect("the message"),
    )
    .await
}

#[tokio::test]
async fn an_absent_group_is_created_with_its_tags_and_lets_the_backend_in_by_reference() {
    let replay = Replay::new([none(), created(), authorized()]);

    let found = ensured(&replay).await.expect("created");

    assert_eq!(found.security_group_id, "sg-0c1b2c3d4e5f60718");
    assert_eq!(
        replay.forms()[1..],
        [
            form([
                ("Action", "CreateSecurityGroup"),
                ("GroupName", "redis-sg"),
                ("GroupDescription", "Cache of environment bandup"),
                ("VpcId", "vpc-0a1b2c3d4e5f60718"),
                ("TagSpecification.1.ResourceType", "security-group"),
                ("TagSpecification.1.Tag.1.Key", "envcache:environment"),
                ("TagSpecification.1.Tag.1.Value", "bandup"),
                ("TagSpecification.1.Tag.2.Key", "envcache:stack"),
                ("TagSpecification.1.Tag.2.Value", "envcache"),
            ]),
            form([
                ("Action", "AuthorizeSecurityGroupIngress"),
                ("GroupId", "sg-0c1b2c3d4e5f60718"),
                ("IpPermissions.1.IpProtocol", "tcp"),
                ("IpPermissions.1.FromPort", "6379"),
                ("IpPermissions.1.ToPort", "6379"),
                ("IpPermissions.1.Groups.1.GroupId", BACKEND),
                (
                    "IpPermissions.1.Groups.1.Description",
                    "Backend of environment bandup to its cache"
                ),
            ]),
        ],
        "one rule, from the backend's group, and no CIDR"
    );
}

#[tokio::test]
async fn a_group_that_is_as_wanted_is_left_alone() {
    let rules = rule(22, "sg-0d1b2c3d4e5f60718") + &rule(6379, BACKEND);
    let replay = Replay::new([described("redis-sg", "envcache", &rules)]);

    ensured(&replay).await.expect("it is there");

    assert_eq!(replay.actions(), ["DescribeSecurityGroups"]);
}

#[tokio::test]
async fn a_group_that_an_earlier_run_left_without_its_rule_gets_it() {
    for (rules, why) in [
        (String::new(), "the run ended in between"),
        (
            rule(6379, "sg-0d1b2c3d4e5f60718"),
            "a rule for another source",
        ),
        (rule(6380, BACKEND), "a rule for another port"),
    ] {
        let replay = Replay::new([described("redis-sg", "envcache", &rules), authorized()]);

        ensured(&replay).await.expect("the rule is added");

        assert_eq!(
            replay.actions(),
            ["DescribeSecurityGroups", "AuthorizeSecurityGroupIngress"],
            "{why}"
        );
    }
}

#[tokio::test]
async fn our_rule_for_an_earlier_backend_goes_and_what_others_added_stays() {
    let ours = rule(6379, "sg-0e1b2c3d4e5f60718").replace(
        "</groupId></item></groups>",
        "</groupId><description>Backend of environment bandup to its cache</description></item></groups>",
    );
    let others = rule(6379, "sg-0d1b2c3d4e5f60718");
    let replay = Replay::new([
        described("redis-sg", "envcache", &(ours + &others)),
        authorized(),
        Answer::ok(
            "<RevokeSecurityGroupIngressResponse><return>true</return></RevokeSecurityGroupIngressResponse>",
        ),
    ]);

    ensured(&replay).await.expect("the rule is replaced");

    assert_eq!(replay.forms()[1]["Action"], "AuthorizeSecurityGroupIngress");
    assert_eq!(
        replay.forms()[2],
        form([
            ("Action", "RevokeSecurityGroupIngress"),
            ("GroupId", "sg-0c1b2c3d4e5f60718"),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "6379"),
            ("IpPermissions.1.ToPort", "6379"),
            ("IpPermissions.1.Groups.1.GroupId", "sg-0e1b2c3d4e5f60718"),
            (
                "IpPermissions.1.Groups.1.Description",
                "Backend of environment bandup to its cache"
            ),
        ]),
        "the new backend is let in before the old one is shut out"
    );
}

#[tokio::test]
async fn a_rule_that_is_there_already_is_a_success() {
    let replay = Replay::new([
        described("redis-sg", "envcache", ""),
        Answer::ec2_fault(
            400,
            "InvalidPermission.Duplicate",
            "the specified rule already exists",
        ),
    ]);

    ensured(&replay).await.expect("it is what is wanted");
}

#[tokio::test]
async fn a_group_that_is_not_ours_is_not_touched() {
    // Names are unique without regard to case.
    for (name, stack) in [("redis-sg", "other"), ("Redis-SG", "other")] {
        let replay = Replay::new([described(name, stack, "")]);

        let error = ensured(&replay).await.expect_err("another stack's");

        assert_eq!(error.name(), ErrorName::NotOwned, "{name}");
        assert!(
            error.to_string().contains("sg-0c1b2c3d4e5f60718"),
            "{error}"
        );
        assert_eq!(replay.actions(), ["DescribeSecurityGroups"], "{name}");
    }
}

#[tokio::test]
async fn a_filter_that_matched_by_wildcard_finds_nothing() {
    let replay = Replay::new([
        described("redis-sg-old", "other", ""),
        created(),
        authorized(),
    ]);

    ensured(&replay)
        .await
        .expect("another group is no hindrance");
}

#[tokio::test]
async fn a_group_that_appeared_meanwhile_is_found_by_the_next_try() {
    let replay = Replay::new([
        none(),
        Answer::ec2_fault(
            400,
            "InvalidGroup.Duplicate",
            "The security group 'redis-sg' already exists for VPC 'vpc-0a1b2c3d4e5f60718'",
        ),
    ]);

    let error = ensured(&replay).await.expect_err("it is not seen yet");

    assert_eq!(
        error.name(),
        ErrorName::NotFound,
        "the state machine tries this again"
    );
}

#[tokio::test]
async fn what_ec2_does_not_show_yet_or_has_no_room_for_keeps_its_name() {
    for (code, expected) in [
        ("InvalidGroup.NotFound", ErrorName::NotFound),
        (
            "RulesPerSecurityGroupLimitExceeded",
            ErrorName::QuotaExceeded,
        ),
        ("RequestLimitExceeded", ErrorName::Throttled),
    ] {
        let replay = Replay::new([
            none(),
            created(),
            Answer::ec2_fault(400, code, "AWS's own words."),
        ]);

        let error = ensured(&replay).await.expect_err("refused");

        assert_eq!(error.name(), expected, "{code}");
        assert!(
            error
                .to_string()
                .starts_with("AuthorizeSecurityGroupIngress sg-0c1b2c3d4e5f60718"),
            "{error}"
        );
    }
}

/// `DeleteSecurityGroup` on these answers, so many seconds after the cache was deleted.
async fn deleted(replay: &Replay, waited: u32) -> StepResult<DeleteOutput> {
    deleted_with(replay, json!({ "secondsWaited": waited })).await
}

async fn deleted_with(replay: &Replay, more: Value) -> StepResult<DeleteOutput> {
    let client = Client::new(&replay.config());
    let mut message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "securityGroupName": "redis-sg",
        "vpcId": null,
        "secondsWaited": 0,
        "createdBy": null,
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        message[field] = value.clone();
    }
    let message = serde_json::from_value(message).expect("the state's message");
    delete(&client, "envcache", message).await
}

#[tokio::test]
async fn a_removal_reports_a_group_of_its_name_that_is_not_owned() {
    let vpc = json!({ "vpcId": "vpc-0a1b2c3d4e5f60718" });
    let unowned = || described("redis-sg", "another-stack", "");
    let left = "security group redis-sg (sg-0c1b2c3d4e5f60718) has not this stack's tags";
    let cases = [
        (vec![none(), unowned()], vec![left]),
        (vec![none(), none()], vec![]),
        (
            vec![none(), described("redis-sg-2", "another-stack", "")],
            vec![],
        ),
    ];
    for (answers, expected) in cases {
        let replay = Replay::new(answers);

        let found = deleted_with(&replay, vpc.clone()).await.expect("no error");

        let left = match found {
            DeleteOutput::NotOwned { left } => left,
            _ => Vec::new(),
        };
        assert_eq!(left, expected);
        assert_eq!(
            replay.forms()[1]["Filter.1.Value.1"],
            "vpc-0a1b2c3d4e5f60718"
        );
    }
}

#[tokio::test]
async fn a_removal_does_not_report_the_group_that_it_has_just_deleted() {
    let removed =
        "<DeleteSecurityGroupResponse><return>true</return></DeleteSecurityGroupResponse>";
    // EC2 may show it for a while: https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    let replay = Replay::new([ours(), Answer::ok(removed), ours()]);

    let found = deleted_with(&replay, json!({ "vpcId": "vpc-0a1b2c3d4e5f60718" })).await;

    assert!(
        matches!(&found, Ok(DeleteOutput::Absent { .. })),
        "{found:?}"
    );
}

fn ours() -> Answer {
    described("redis-sg", "envcache", "")
}

fn in_use() -> Answer {
    Answer::ec2_fault(
        400,
        "DependencyViolation",
        "resource sg-0c1b2c3d4e5f60718 has a dependent object",
    )
}

#[tokio::test]
async fn what_bears_the_environments_tags_is_deleted_whatever_it_is_called() {
    let replay = Replay::new([
        ours(),
        Answer::ok(
            "<DeleteSecurityGroupResponse><return>true</return></DeleteSecurityGroupResponse>",
        ),
    ]);

    let found = deleted(&replay, 0).await.expect("deleted");

    assert!(
        matches!(&found, DeleteOutput::Absent { outcome, .. } if outcome == "deleted"),
        "{found:?}"
    );
    assert_eq!(
        replay.forms(),
        [
            form([
                ("Action", "DescribeSecurityGroups"),
                ("Filter.1.Name", "tag:envcache:environment"),
                ("Filter.1.Value.1", "bandup"),
                ("Filter.2.Name", "tag:envcache:stack"),
                ("Filter.2.Value.1", "envcache"),
            ]),
            form([
                ("Action", "DeleteSecurityGroup"),
                ("GroupId", "sg-0c1b2c3d4e5f60718"),
            ]),
        ]
    );
}

#[tokio::test]
async fn what_is_gone_or_not_ours_is_a_success_and_nothing_else_is_deleted() {
    let vanished = Answer::ec2_fault(400, "InvalidGroup.NotFound", "does not exist");
    let cases = [
        vec![none()],
        // A filter's value is a pattern to EC2: what it shows is compared again.
        vec![described("redis-sg", "another-stack", "")],
        vec![ours(), vanished],
    ];
    for answers in cases {
        let found = deleted(&Replay::new(answers), 0).await.expect("a success");

        assert!(
            matches!(&found, DeleteOutput::Absent { outcome, .. } if outcome == "not there"),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_rollback_keeps_and_reports_a_group_that_its_run_did_not_create() {
    let replay = Replay::new([ours()]);

    let found = deleted_with(&replay, json!({ "createdBy": "failed-run" })).await;

    let expected = "security group sg-0c1b2c3d4e5f60718 was not made by the failed run";
    assert!(
        matches!(&found, Ok(DeleteOutput::NotOwned { left }) if *left == [expected]),
        "{found:?}"
    );
    assert_eq!(replay.forms().len(), 1, "nothing is deleted");
}

#[tokio::test]
async fn what_is_in_use_is_waited_for_and_then_told_with_who_uses_it() {
    let waits = deleted(&Replay::new([ours(), in_use(), none()]), 885).await;
    assert!(
        matches!(
            waits,
            Ok(DeleteOutput::Waiting {
                wait_seconds: 15,
                ..
            })
        ),
        "{waits:?}"
    );
    let referring = described("web", "other", &rule(443, "sg-0c1b2c3d4e5f60718")).replaced(
        "<groupId>sg-0c1b2c3d4e5f60718</groupId><groupName>",
        "<groupId>sg-0d1b2c3d4e5f60718</groupId><groupName>",
    );
    let cases = [
        (
            referring,
            "an inbound rule of sg-0d1b2c3d4e5f60718 refers to it",
        ),
        (
            described("web", "other", ""),
            "a network interface is in it",
        ),
        (
            Answer::ec2_fault(403, "UnauthorizedOperation", "no"),
            "a network interface is in it",
        ),
    ];
    for (users, expected) in cases {
        let replay = Replay::new([ours(), in_use(), users]);

        let error = deleted(&replay, 900).await.expect_err("it is given up");

        assert_eq!(error.name(), ErrorName::InUse, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_plan_tells_what_would_be_done_and_does_nothing() {
    let authorize = json!({
        "operation": "AuthorizeSecurityGroupIngress",
        "resource": "redis-sg",
        "changes": [{ "field": "inbound rule", "found": null, "wanted": format!("tcp 6379 from {BACKEND}") }],
    });
    let create =
        json!({ "operation": "CreateSecurityGroup", "resource": "redis-sg", "changes": [] });
    let cases = [
        (none(), json!([create, authorize])),
        (described("redis-sg", "envcache", ""), json!([authorize])),
        (
            described("redis-sg", "envcache", &rule(6379, BACKEND)),
            json!([]),
        ),
    ];
    for (answer, expected) in cases {
        let replay = Replay::new([answer]);

        let found = ensured_with(&replay, json!({ "dryRun": true }))
            .await
            .expect("a plan");

        assert_eq!(serde_json::to_value(found.actions).expect("JSON"), expected);
        assert_eq!(
            replay.actions(),
            ["DescribeSecurityGroups"],
            "nothing is written"
        );
    }
}

#[tokio::test]
async fn a_group_that_nobody_owns_is_adopted_where_that_is_asked_for() {
    let by_hand = || {
        described("redis-sg", "envcache", &rule(6379, BACKEND))
            .replaced("envcache:environment", "team")
            .replaced("envcache:stack", "purpose")
    };
    let tagged = Answer::ok("<CreateTagsResponse><return>true</return></CreateTagsResponse>");
    let replay = Replay::new([by_hand(), tagged]);

    ensured_with(&replay, json!({ "adopt": true }))
        .await
        .expect("adopted");
    let refused = ensured(&Replay::new([by_hand()]))
        .await
        .expect_err("not asked for");

    assert_eq!(
        replay.forms()[1],
        form([
            ("Action", "CreateTags"),
            ("ResourceId.1", "sg-0c1b2c3d4e5f60718"),
            ("Tag.1.Key", "envcache:environment"),
            ("Tag.1.Value", "bandup"),
            ("Tag.2.Key", "envcache:stack"),
            ("Tag.2.Value", "envcache"),
        ])
    );
    assert_eq!(refused.name(), ErrorName::NotOwned);
    assert!(refused.to_string().contains("\"adopt\": true"), "{refused}");
}
