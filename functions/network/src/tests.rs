//! Tests with replayed answers of EC2 and ElastiCache.

use contract::error::{ErrorName, StepResult};
use contract::message::ResolveNetworkOutput;
use replay::elasticache::no_subnet_group;
use replay::{Answer, Replay, form};
use serde_json::{Value, json};

use crate::{Clients, resolve};

fn request() -> Value {
    json!({
        "environment": "bandup",
        "network": {
            "vpc": "band-up-vpc",
            "subnets": ["private-database-subnet-1", "private-database-subnet-2"],
            "backendSecurityGroup": "ecs-backend-sg"
        }
    })
}

/// Returns an answer in the format of <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>.
fn vpcs(found: &[(&str, &str)]) -> Answer {
    let items: String = found
        .iter()
        .map(|(id, name)| {
            format!(
                "<item><vpcId>{id}</vpcId><state>available</state><cidrBlock>10.0.0.0/16</cidrBlock>\
                 <tagSet><item><key>Name</key><value>{name}</value></item></tagSet></item>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <vpcSet>{items}</vpcSet></DescribeVpcsResponse>"
    ))
}

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>.
fn subnets(found: &[(&str, &str, &str)], next: &str) -> Answer {
    let items: String = found
        .iter()
        .map(|(id, name, zone)| {
            format!(
                "<item><subnetId>{id}</subnetId><availabilityZone>{zone}</availabilityZone>\
                 <tagSet><item><key>Name</key><value>{name}</value></item></tagSet></item>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeSubnetsResponse><subnetSet>{items}</subnetSet>{next}</DescribeSubnetsResponse>"
    ))
}

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>.
fn security_groups(found: &[(&str, &str)]) -> Answer {
    let items: String = found
        .iter()
        .map(|(id, name)| {
            format!("<item><groupId>{id}</groupId><groupName>{name}</groupName></item>")
        })
        .collect();
    Answer::ok(format!(
        "<DescribeSecurityGroupsResponse><securityGroupInfo>{items}</securityGroupInfo>\
         </DescribeSecurityGroupsResponse>"
    ))
}

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheSubnetGroups.html>.
fn subnet_group(vpc: &str, subnets: &[(&str, &str)]) -> Answer {
    let subnets: String = subnets
        .iter()
        .map(|(id, zone)| {
            format!(
                "<Subnet><SubnetIdentifier>{id}</SubnetIdentifier>\
                 <SubnetAvailabilityZone><Name>{zone}</Name></SubnetAvailabilityZone></Subnet>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeCacheSubnetGroupsResponse><DescribeCacheSubnetGroupsResult><CacheSubnetGroups><CacheSubnetGroup>\
         <CacheSubnetGroupName>vpc-caches</CacheSubnetGroupName><VpcId>{vpc}</VpcId><Subnets>{subnets}</Subnets>\
         </CacheSubnetGroup></CacheSubnetGroups></DescribeCacheSubnetGroupsResult></DescribeCacheSubnetGroupsResponse>"
    ))
}

fn shared_request() -> Value {
    let mut request = request();
    request["network"] = json!({
        "vpc": "band-up-vpc",
        "subnetGroup": "vpc-caches",
        "backendSecurityGroup": "ecs-backend-sg"
    });
    request
}

#[tokio::test]
async fn takes_subnets_and_zones_from_shared_subnet_group() {
    let [vpc, _, backend] = reference_network();
    let found = [
        ("subnet-0b1b2c3d", "ap-southeast-1b"),
        ("subnet-0a1b2c3d", "ap-southeast-1a"),
        ("subnet-0c1b2c3d", "ap-southeast-1b"),
    ];
    let group = subnet_group("vpc-0a1b2c3d4e5f60718", &found);
    let replay = Replay::new([vpc, group, backend]);

    let found = resolved(&replay, shared_request())
        .await
        .expect("a network");

    assert_eq!(
        found.network.subnet_ids,
        ["subnet-0b1b2c3d", "subnet-0a1b2c3d", "subnet-0c1b2c3d"]
    );
    assert_eq!(found.network.zones, ["ap-southeast-1a", "ap-southeast-1b"]);
    assert_eq!(found.spec.cache.subnet_group_name.as_str(), "vpc-caches");
    let asked = &replay.forms()[1];
    assert_eq!(asked["Action"], "DescribeCacheSubnetGroups");
    assert_eq!(asked["CacheSubnetGroupName"], "vpc-caches");
}

#[tokio::test]
async fn rejects_shared_subnet_group_that_does_not_fit() {
    let vpc = "vpc-0a1b2c3d4e5f60718";
    let two_zones = [
        ("subnet-0a1b2c3d", "ap-southeast-1a"),
        ("subnet-0b1b2c3d", "ap-southeast-1b"),
    ];
    let cases = [
        (
            no_subnet_group("vpc-caches"),
            ErrorName::NotFound,
            "network.subnetGroup: there is no cache subnet group `vpc-caches` in this account and Region. Nothing was",
        ),
        (
            subnet_group("vpc-0000000000000000a", &two_zones),
            ErrorName::InvalidSpec,
            "network.subnetGroup: cache subnet group `vpc-caches` is in VPC vpc-0000000000000000a, but network.vpc is \
             vpc-0a1b2c3d4e5f60718.",
        ),
        (
            subnet_group(vpc, &two_zones[..1]),
            ErrorName::InvalidSpec,
            "network.subnetGroup: all subnets are in one Availability Zone, ap-southeast-1a,",
        ),
    ];
    for (answer, name, message) in cases {
        let [vpc, _, _] = reference_network();

        let error = resolved(&Replay::new([vpc, answer]), shared_request())
            .await
            .expect_err(message);

        assert_eq!(error.name(), name, "{error}");
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

fn reference_network() -> [Answer; 3] {
    [
        vpcs(&[("vpc-0a1b2c3d4e5f60718", "band-up-vpc")]),
        subnets(
            &[
                (
                    "subnet-0a1b2c3d",
                    "private-database-subnet-1",
                    "ap-southeast-1a",
                ),
                (
                    "subnet-0b1b2c3d",
                    "private-database-subnet-2",
                    "ap-southeast-1b",
                ),
            ],
            "",
        ),
        security_groups(&[("sg-0a1b2c3d", "ecs-backend-sg")]),
    ]
}

async fn resolved(replay: &Replay, request: Value) -> StepResult<ResolveNetworkOutput> {
    let clients = Clients {
        ec2: aws_sdk_ec2::Client::new(&replay.config()),
        elasticache: aws_sdk_elasticache::Client::new(&replay.config()),
    };
    let message = json!({
        "environment": "bandup",
        "execution": "run-1",
        "policy": { "adoption": "manual", "allowedNodeTypes": "", "allowLogDelivery": "false" },
        "request": request,
    });
    let input = serde_json::from_value(message).expect("the message");
    resolve(&clients, input).await
}

#[tokio::test]
async fn resolves_names_and_fills_in_every_default() {
    let replay = Replay::new(reference_network());

    let found = resolved(&replay, request()).await.expect("a network");

    assert_eq!(
        serde_json::to_value(found.network).expect("JSON"),
        json!({
            "vpcId": "vpc-0a1b2c3d4e5f60718",
            "subnetIds": ["subnet-0a1b2c3d", "subnet-0b1b2c3d"],
            "zones": ["ap-southeast-1a", "ap-southeast-1b"],
            "backendSecurityGroupId": "sg-0a1b2c3d"
        })
    );
    assert_eq!(found.spec.cache.name.as_str(), "bandup-redis");
    assert_eq!(
        replay.forms(),
        [
            form([
                ("Action", "DescribeVpcs"),
                ("Filter.1.Name", "tag:Name"),
                ("Filter.1.Value.1", "band-up-vpc"),
            ]),
            form([
                ("Action", "DescribeSubnets"),
                ("Filter.1.Name", "vpc-id"),
                ("Filter.1.Value.1", "vpc-0a1b2c3d4e5f60718"),
            ]),
            form([
                ("Action", "DescribeSecurityGroups"),
                ("Filter.1.Name", "vpc-id"),
                ("Filter.1.Value.1", "vpc-0a1b2c3d4e5f60718"),
                ("Filter.2.Name", "group-name"),
                ("Filter.2.Value.1", "ecs-backend-sg"),
            ]),
        ],
        "subnets and groups are looked up only in the VPC"
    );
}

#[tokio::test]
async fn filters_by_id_when_request_has_ids() {
    let replay = Replay::new(reference_network());
    let mut request = request();
    request["network"] = json!({
        "vpc": "vpc-0a1b2c3d4e5f60718",
        "subnets": ["subnet-0b1b2c3d", "subnet-0a1b2c3d"],
        "backendSecurityGroup": "sg-0a1b2c3d"
    });

    let found = resolved(&replay, request).await.expect("a network");

    assert_eq!(
        found.network.subnet_ids,
        ["subnet-0b1b2c3d", "subnet-0a1b2c3d"]
    );
    let forms = replay.forms();
    assert_eq!(forms[0]["Filter.1.Name"], "vpc-id");
    assert_eq!(forms[2]["Filter.2.Name"], "group-id");
}

#[tokio::test]
async fn reads_further_pages() {
    let [vpcs, _, groups] = reference_network();
    let replay = Replay::new([
        vpcs,
        subnets(
            &[(
                "subnet-0a1b2c3d",
                "private-database-subnet-1",
                "ap-southeast-1a",
            )],
            "<nextToken>more</nextToken>",
        ),
        subnets(
            &[(
                "subnet-0b1b2c3d",
                "private-database-subnet-2",
                "ap-southeast-1b",
            )],
            "",
        ),
        groups,
    ]);

    let found = resolved(&replay, request()).await.expect("a network");

    assert_eq!(found.network.subnet_ids.len(), 2);
    assert_eq!(replay.forms()[2]["NextToken"], "more");
}

#[tokio::test]
async fn names_the_field_when_a_name_is_missing_or_ambiguous() {
    let [vpc, subnet, _] = reference_network();
    let cases = [
        (
            vec![vpcs(&[])],
            ErrorName::NotFound,
            "network.vpc: there is no VPC",
        ),
        (
            vec![vpcs(&[
                ("vpc-0a1b2c3d", "band-up-vpc"),
                ("vpc-0b1b2c3d", "band-up-vpc"),
            ])],
            ErrorName::Ambiguous,
            "network.vpc: there is more than one VPC",
        ),
        (
            vec![vpc.clone(), subnets(&[], "")],
            ErrorName::NotFound,
            "network.subnets: there is no subnet",
        ),
        (
            // Names are case-sensitive.
            vec![
                vpc,
                subnet,
                security_groups(&[("sg-0a1b2c3d", "ECS-Backend-SG")]),
            ],
            ErrorName::NotFound,
            "network.backendSecurityGroup: there is no security group",
        ),
    ];
    for (answers, name, message) in cases {
        let replay = Replay::new(answers);

        let error = resolved(&replay, request())
            .await
            .expect_err("no match, or several");

        assert_eq!(error.name(), name, "{error}");
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn makes_no_call_when_the_request_is_invalid() {
    let replay = Replay::new([]);

    let error = resolved(&replay, json!({ "environment": "Bandup" }))
        .await
        .expect_err("an invalid name");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    assert!(replay.forms().is_empty());
}

#[tokio::test]
async fn names_the_call_when_it_is_denied() {
    let replay = Replay::new([Answer::ec2_fault(
        403,
        "UnauthorizedOperation",
        "You are not authorized to perform this operation.",
    )]);

    let error = resolved(&replay, request())
        .await
        .expect_err("it is denied");

    assert_eq!(error.name(), ErrorName::AccessDenied);
    assert!(
        error
            .to_string()
            .starts_with("DescribeVpcs band-up-vpc: UnauthorizedOperation"),
        "{error}"
    );
}

#[tokio::test]
async fn rejects_what_the_stack_does_not_allow_before_ec2_is_called() {
    let replay = Replay::new([]);
    let mut adopting = request();
    adopting["adopt"] = json!(true);
    adopting["event"] = json!({ "id": "7bf73129", "time": "2026-11-22T10:00:00Z" });

    let error = resolved(&replay, adopting).await.expect_err("an event");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    assert!(error.to_string().starts_with("adopt: "), "{error}");
}
