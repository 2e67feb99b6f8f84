//! Tests with replayed answers of EC2.

mod tags;

use aws_sdk_ec2::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::{DeleteOutput, EnsureSecurityGroupOutput};
use replay::{Answer, Replay, form, network, reference};
use serde_json::{Value, json};

use crate::{delete, ensure};

const BACKEND: &str = "sg-0b1b2c3d4e5f60718";

/// Returns an answer with one group, in the format of
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>.
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

/// Returns the answer to
/// [CreateSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html).
fn created() -> Answer {
    Answer::ok(
        "<CreateSecurityGroupResponse><return>true</return><groupId>sg-0c1b2c3d4e5f60718</groupId>\
         </CreateSecurityGroupResponse>",
    )
}

/// Returns the answer to a write that returns nothing else, such as
/// [CreateTags](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html) or
/// [DeleteTags](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html).
fn done(operation: &str) -> Answer {
    Answer::ok(format!(
        "<{operation}Response><return>true</return></{operation}Response>"
    ))
}

fn authorized() -> Answer {
    done("AuthorizeSecurityGroupIngress")
}

async fn ensured(replay: &Replay) -> StepResult<EnsureSecurityGroupOutput> {
    ensured_with(replay, json!({})).await
}

async fn ensured_with(replay: &Replay, options: Value) -> StepResult<EnsureSecurityGroupOutput> {
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
async fn creates_absent_group_with_tags_and_backend_rule() {
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
async fn changes_nothing_when_group_is_up_to_date() {
    let rules = rule(22, "sg-0d1b2c3d4e5f60718") + &rule(6379, BACKEND);
    let replay = Replay::new([described("redis-sg", "envcache", &rules)]);

    ensured(&replay).await.expect("an existing group");

    assert_eq!(replay.actions(), ["DescribeSecurityGroups"]);
}

#[tokio::test]
async fn adds_the_missing_rule_to_an_existing_group() {
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

/// Returns the rule for the backend of an earlier request.
fn earlier(port: u16, source: &str) -> String {
    rule(port, source).replace(
        "</groupId></item></groups>",
        "</groupId><description>Backend of environment bandup to its cache</description></item></groups>",
    )
}

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html>. Each rule has an ID, a
/// port, and a source; the last value is whether it is outbound.
fn rules(shown: &[(&str, u16, &str, bool)]) -> Answer {
    let rules: String = shown
        .iter()
        .map(|(id, port, source, is_egress)| {
            format!(
                "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>sg-0c1b2c3d4e5f60718</groupId>\
                 <groupOwnerId>123456789012</groupOwnerId><isEgress>{is_egress}</isEgress><ipProtocol>tcp</ipProtocol>\
                 <fromPort>{port}</fromPort><toPort>{port}</toPort>\
                 <referencedGroupInfo><groupId>{source}</groupId><userId>123456789012</userId></referencedGroupInfo></item>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet>{rules}</securityGroupRuleSet>\
         </DescribeSecurityGroupRulesResponse>"
    ))
}

/// Returns the answer to
/// [RevokeSecurityGroupIngress](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html).
fn revoked() -> Answer {
    done("RevokeSecurityGroupIngress")
}

/// Returns the IDs of the rules that were revoked, in their order.
fn revocations(replay: &Replay) -> Vec<String> {
    let requests = replay.forms().into_iter();
    requests
        .filter(|request| request["Action"] == "RevokeSecurityGroupIngress")
        .map(|request| request["SecurityGroupRuleId.1"].clone())
        .collect()
}

const EARLIER: &str = "sg-0e1b2c3d4e5f60718";
const EVEN_EARLIER: &str = "sg-0f1b2c3d4e5f60718";
const OTHERS: &str = "sg-0d1b2c3d4e5f60718";

#[tokio::test]
async fn revokes_rule_for_earlier_backend_by_id_and_no_other() {
    let replay = Replay::new([
        described(
            "redis-sg",
            "envcache",
            &(earlier(6379, EARLIER) + &rule(6379, OTHERS)),
        ),
        authorized(),
        rules(&[
            ("sgr-1", 6379, OTHERS, false),
            ("sgr-2", 6379, EARLIER, true),
            ("sgr-3", 6380, EARLIER, false),
            ("sgr-4", 6379, EARLIER, false),
            ("sgr-5", 6379, BACKEND, false),
        ]),
        revoked(),
    ]);

    ensured(&replay).await.expect("the rule is replaced");

    let forms = replay.forms();
    assert_eq!(forms[1]["Action"], "AuthorizeSecurityGroupIngress");
    assert_eq!(
        forms[2],
        form([
            ("Action", "DescribeSecurityGroupRules"),
            ("Filter.1.Name", "group-id"),
            ("Filter.1.Value.1", "sg-0c1b2c3d4e5f60718"),
        ])
    );
    assert_eq!(
        forms[3],
        form([
            ("Action", "RevokeSecurityGroupIngress"),
            ("GroupId", "sg-0c1b2c3d4e5f60718"),
            ("SecurityGroupRuleId.1", "sgr-4"),
        ]),
        "the new rule is added before the old one is revoked"
    );
}

/// For a rule for all traffic, `DescribeSecurityGroups` returns no ports, and `DescribeSecurityGroupRules` returns -1.
#[tokio::test]
async fn outdated_rule_for_all_traffic_is_revoked() {
    let all = |text: String, tag: &str| {
        text.replace("<ipProtocol>tcp", "<ipProtocol>-1").replace(
            &format!("<fromPort>6379</fromPort><toPort>6379</toPort>{tag}"),
            tag,
        )
    };
    let shown = rules(&[("sgr-1", 6379, EARLIER, false)])
        .replaced("<ipProtocol>tcp", "<ipProtocol>-1")
        .replaced("Port>6379<", "Port>-1<");
    let replay = Replay::new([
        described(
            "redis-sg",
            "envcache",
            &(all(earlier(6379, EARLIER), "<groups>") + &rule(6379, BACKEND)),
        ),
        shown,
        revoked(),
    ]);

    ensured(&replay).await.expect("the rule is revoked");

    assert_eq!(revocations(&replay), ["sgr-1"]);
}

#[tokio::test]
async fn revokes_each_outdated_rule_when_one_no_longer_exists() {
    let not_found = Answer::ec2_fault(
        400,
        "InvalidSecurityGroupRuleId.NotFound",
        "The security group rule ID 'sgr-1' does not exist",
    );
    let outdated = earlier(6379, EARLIER) + &earlier(6379, EVEN_EARLIER) + &rule(6379, BACKEND);
    let replay = Replay::new([
        described("redis-sg", "envcache", &outdated),
        rules(&[
            ("sgr-1", 6379, EARLIER, false),
            ("sgr-2", 6379, EVEN_EARLIER, false),
        ]),
        not_found,
        revoked(),
    ]);

    ensured(&replay).await.expect("both are revoked");

    assert_eq!(revocations(&replay), ["sgr-1", "sgr-2"]);
}

#[tokio::test]
async fn rejected_revocation_names_the_rule() {
    let replay = Replay::new([
        described(
            "redis-sg",
            "envcache",
            &(earlier(6379, EARLIER) + &rule(6379, BACKEND)),
        ),
        rules(&[("sgr-1", 6379, EARLIER, false)]),
        Answer::ec2_fault(403, "UnauthorizedOperation", "no"),
    ]);

    let error = ensured(&replay).await.expect_err("denied");

    assert_eq!(error.name(), ErrorName::AccessDenied);
    let expected = "RevokeSecurityGroupIngress sgr-1";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[tokio::test]
async fn succeeds_when_the_rule_already_exists() {
    let replay = Replay::new([
        described("redis-sg", "envcache", ""),
        Answer::ec2_fault(
            400,
            "InvalidPermission.Duplicate",
            "the specified rule already exists",
        ),
    ]);

    ensured(&replay).await.expect("the rule exists");
}

#[tokio::test]
async fn rejects_group_of_another_stack_and_changes_nothing() {
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

/// Filters are case-sensitive and names are not, so the filter matches any letters.
#[tokio::test]
async fn group_whose_name_differs_in_case_is_found_and_named_as_it_is() {
    for (adopt, plan) in [(false, true), (false, false), (true, false)] {
        let unowned = described("Redis-SG", "envcache", &rule(6379, BACKEND))
            .replaced("envcache:environment", "team")
            .replaced("envcache:stack", "purpose");
        let replay = Replay::new([unowned, done("CreateTags")]);

        let found = ensured_with(&replay, json!({ "adopt": adopt, "dryRun": plan })).await;

        let request = &replay.forms()[0];
        assert_eq!(request["Filter.2.Name"], "group-name");
        assert_eq!(request["Filter.2.Value.1"], "?????-??");
        match found {
            Ok(found) => {
                assert!(adopt, "{found:?}");
                assert_eq!(found.security_group_id, "sg-0c1b2c3d4e5f60718");
            }
            Err(error) => {
                assert!(!adopt, "{error}");
                assert_eq!(error.name(), ErrorName::NotOwned);
                assert!(error.to_string().contains("`Redis-SG`"), "{error}");
            }
        }
    }
}

/// Groups whose names differ only in case may exist from before EC2 rejected such names.
#[tokio::test]
async fn group_with_the_exact_name_is_preferred() {
    let both = described("Redis-SG", "other", "").replaced(
        "</securityGroupInfo>",
        "<item><groupId>sg-0d1b2c3d4e5f60718</groupId><groupName>redis-sg</groupName><tagSet>\
         <item><key>envcache:environment</key><value>bandup</value></item>\
         <item><key>envcache:stack</key><value>envcache</value></item></tagSet></item></securityGroupInfo>",
    );
    let replay = Replay::new([both, authorized()]);

    let found = ensured(&replay).await.expect("an owned group");

    assert_eq!(found.security_group_id, "sg-0d1b2c3d4e5f60718");
}

#[tokio::test]
async fn ignores_group_that_only_the_wildcard_matches() {
    let replay = Replay::new([
        described("redis-sg-old", "other", ""),
        created(),
        authorized(),
    ]);

    ensured(&replay).await.expect("the other group is ignored");
}

#[tokio::test]
async fn is_not_found_when_a_new_group_is_not_visible_yet() {
    let replay = Replay::new([
        none(),
        Answer::ec2_fault(
            400,
            "InvalidGroup.Duplicate",
            "The security group 'redis-sg' already exists for VPC 'vpc-0a1b2c3d4e5f60718'",
        ),
    ]);

    let error = ensured(&replay).await.expect_err("it is not visible yet");

    assert_eq!(
        error.name(),
        ErrorName::NotFound,
        "the state machine retries this"
    );
}

#[tokio::test]
async fn keeps_the_error_name_when_ec2_rejects_the_rule() {
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

        let error = ensured(&replay).await.expect_err("rejected");

        assert_eq!(error.name(), expected, "{code}");
        assert!(
            error
                .to_string()
                .starts_with("AuthorizeSecurityGroupIngress sg-0c1b2c3d4e5f60718"),
            "{error}"
        );
    }
}

/// Runs `DeleteSecurityGroup` with these answers, `waited` seconds after the cache was deleted.
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
async fn reports_unowned_group_with_the_environments_name() {
    let vpc = json!({ "vpcId": "vpc-0a1b2c3d4e5f60718" });
    let unowned = || described("redis-sg", "another-stack", "");
    let left = "security group redis-sg (sg-0c1b2c3d4e5f60718) doesn't have this stack's tags";
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
async fn does_not_report_group_that_it_has_just_deleted() {
    let without_tags = owned().replaced("envcache:", "removed:");
    // EC2 may show it for a while, with or without its tags:
    // https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    for shown in [owned(), without_tags] {
        let replay = Replay::new([owned(), done("DeleteSecurityGroup"), shown]);

        let found = deleted_with(&replay, json!({ "vpcId": "vpc-0a1b2c3d4e5f60718" })).await;

        assert!(
            matches!(&found, Ok(DeleteOutput::Absent { .. })),
            "{found:?}"
        );
    }
}

fn owned() -> Answer {
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
async fn deletes_groups_with_the_environments_tags() {
    let replay = Replay::new([owned(), done("DeleteSecurityGroup")]);

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
async fn deletes_nothing_when_no_owned_group_exists() {
    let vanished = Answer::ec2_fault(400, "InvalidGroup.NotFound", "does not exist");
    let cases = [
        vec![none()],
        // A filter's value is a pattern, so the tags are compared again.
        vec![described("redis-sg", "another-stack", "")],
        vec![owned(), vanished],
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
async fn rollback_keeps_group_that_its_run_did_not_create() {
    let replay = Replay::new([owned()]);

    let found = deleted_with(&replay, json!({ "createdBy": "failed-run" })).await;

    let expected = "security group sg-0c1b2c3d4e5f60718 was not created by the failed run";
    assert!(
        matches!(&found, Ok(DeleteOutput::NotOwned { left }) if *left == [expected]),
        "{found:?}"
    );
    assert_eq!(replay.forms().len(), 1, "nothing is deleted");
}

/// Returns another stack's group with these inbound and outbound rules.
fn other(inbound: &str, outbound: &str) -> Answer {
    described("web", "other", inbound)
        .replaced(
            "<groupId>sg-0c1b2c3d4e5f60718</groupId><groupName>",
            "<groupId>sg-0d1b2c3d4e5f60718</groupId><groupName>",
        )
        .replaced(
            "</ipPermissions>",
            &format!("</ipPermissions><ipPermissionsEgress>{outbound}</ipPermissionsEgress>"),
        )
}

#[tokio::test]
async fn waits_15_minutes_for_group_in_use_and_names_its_users() {
    let reference = || rule(443, "sg-0c1b2c3d4e5f60718");
    let denied = || Answer::ec2_fault(403, "UnauthorizedOperation", "no");
    let cases = [
        (
            [other(&reference(), ""), none()],
            "an inbound rule of sg-0d1b2c3d4e5f60718 references it",
        ),
        (
            [none(), other("", &reference())],
            "an outbound rule of sg-0d1b2c3d4e5f60718 references it",
        ),
        (
            [
                other(&reference(), &reference()),
                other(&reference(), &reference()),
            ],
            "an inbound rule of sg-0d1b2c3d4e5f60718 references it; an outbound rule of sg-0d1b2c3d4e5f60718 references it",
        ),
        // EC2 finds the group itself, and one with another reference.
        (
            [owned(), other("", &rule(443, OTHERS))],
            "a network interface probably uses it",
        ),
        (
            [denied(), none()],
            "the rules that reference it could not be read (DescribeSecurityGroups",
        ),
        (
            [denied(), other("", &reference())],
            "an outbound rule of sg-0d1b2c3d4e5f60718 references it",
        ),
    ];
    for (users, expected) in cases {
        let answers = || [vec![owned(), in_use()], users.to_vec()].concat();
        let first = Replay::new(answers());

        let waits = deleted(&first, 0).await.expect("it waits");
        let error = deleted(&Replay::new(answers()), 900)
            .await
            .expect_err("the wait is over");

        let DeleteOutput::Waiting { outcome, .. } = waits else {
            panic!("{waits:?}");
        };
        assert!(outcome.contains(expected), "{outcome}");
        assert_eq!(error.name(), ErrorName::InUse, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        let filters = first.forms().split_off(2);
        let filters: Vec<_> = filters
            .iter()
            .map(|request| request["Filter.1.Name"].as_str())
            .collect();
        assert_eq!(
            filters,
            ["ip-permission.group-id", "egress.ip-permission.group-id"]
        );
    }
}

#[tokio::test]
async fn plan_lists_actions_and_writes_nothing() {
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
async fn adopts_unowned_group_only_when_requested() {
    let unowned = || {
        described("redis-sg", "envcache", &rule(6379, BACKEND))
            .replaced("envcache:environment", "team")
            .replaced("envcache:stack", "purpose")
    };
    let replay = Replay::new([unowned(), done("CreateTags")]);

    ensured_with(&replay, json!({ "adopt": true }))
        .await
        .expect("adopted");
    let rejected = ensured(&Replay::new([unowned()]))
        .await
        .expect_err("not requested");

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
    assert_eq!(rejected.name(), ErrorName::NotOwned);
    assert!(
        rejected.to_string().contains("\"adopt\": true"),
        "{rejected}"
    );
}
