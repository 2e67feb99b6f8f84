//! Checks that the models accept AWS's documented examples, and report each violation in changed ones.

use std::collections::BTreeSet;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Response};
use serde_json::Value;

use super::examples::{EC2_ERROR, EXAMPLES, Example, JSON_ERROR, QUERY_ERROR};
use super::service::text;
use super::{CODE, MODELS, Models};
use crate::gateway::call::Call;
use crate::gateway::fault::Fault;

fn call(service: &str, operation: &str, body: &str) -> Call {
    let mut headers = HeaderMap::new();
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential=ASIA/20261126/ap-southeast-1/{service}/aws4_request, SignedHeaders=host, \
         Signature=0"
    );
    let mut add = |name: &'static str, value: &str| {
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
    };
    add("authorization", &signature);
    if body.starts_with("Action=") {
        add("content-type", "application/x-www-form-urlencoded");
    } else {
        add("x-amz-target", &format!("Prefix.{operation}"));
    }
    Call::read(&headers, &Bytes::copy_from_slice(body.as_bytes()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
}

/// Returns the violations in a request of an example's operation.
fn requested(example: &Example, request: &str) -> Vec<String> {
    let models = Models::default();
    let call = call(example.service, example.operation, request);
    let error_response = models.check_request(&call, request.as_bytes());
    assert_eq!(error_response.is_some(), !models.violations().is_empty());
    models.violations()
}

/// Returns the violations in a response to an example's request.
fn responded(example: &Example, status: u16, body: &str) -> Vec<String> {
    let models = Models::default();
    let call = call(example.service, example.operation, example.request);
    let (answered_status, answer) = answered(&models, &call, status, body);
    if models.violations().is_empty() {
        assert_eq!(
            (answered_status, answer.as_str()),
            (status, body),
            "the response is unchanged"
        );
    } else {
        assert_eq!(answered_status, 400);
        assert!(answer.contains(CODE), "{answer}");
    }
    models.violations()
}

fn answered(models: &Models, call: &Call, status: u16, body: &str) -> (u16, String) {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = status.try_into().expect("a status");
    runtime().block_on(async {
        let response = models.checked(call, response).await.expect("a response");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body");
        (
            status,
            String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        )
    })
}

#[test]
fn accepts_documented_examples() {
    for example in EXAMPLES {
        assert_eq!(requested(&example, example.request), [""; 0]);
        assert_eq!(responded(&example, 200, example.response), [""; 0]);
    }
}

#[test]
fn accepts_documented_errors() {
    let capitalized = JSON_ERROR.replace("message", "Message");
    for (operation, status, body) in [
        ("elasticache DescribeReplicationGroups ", 404, QUERY_ERROR),
        ("ec2 DescribeSubnets ", 400, EC2_ERROR),
        ("dynamodb UpdateItem ", 400, JSON_ERROR),
        ("dynamodb UpdateItem ", 400, &capitalized),
    ] {
        assert_eq!(responded(&example_of(operation), status, body), [""; 0]);
    }
}

/// The beginning of each violation, and the change to a documented request that causes it.
const BROKEN_REQUESTS: &str = r#"
ec2 DescribeSubnets request: Filters[].Nmae is not a member of `Filter`
    Filter.1.Name => Filter.1.Nmae
ec2 DescribeSubnets request: Filters is not a member of `DescribeSubnetsRequest`
    &Version => &Filters.1.Name=vpc-id&Version
ssm PutParameter request: overwrite is not a member of `PutParameterRequest`
    Overwrite => overwrite
dynamodb UpdateItem request: ExpressionAttributeValues.:y.n is not a member of `AttributeValue`
    {"N": "2015"} => {"n": "2015"}
ssm PutParameter request: Name is required in `PutParameterRequest`
    "Name": "EC2TestServerType", =>
elasticache CreateCacheSubnetGroup request: CacheSubnetGroupDescription is required in `CreateCacheSubnetGroupMessage`
    &CacheSubnetGroupDescription=My%20new%20CacheSubnetGroup =>
ssm StartExecutionPreview request: ExecutionInputs has 0 members of the union `ExecutionInputs`
    {"Automation": {}} => {}

ssm PutParameter request: Type is not in the enum `ParameterType`
    "String" => "Text"
ssm PutParameter request: Tier is not in the enum `ParameterTier`
    true => true, "Tier": ""
ssm PutParameter request: KeyId has characters: 257, more than 256
    true => true, "KeyId": "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0"
ssm PutParameter request: KeyId doesn't match `^([a-zA-Z0-9:/_-]+)$` (`ParameterKeyId`)
    true => true, "KeyId": "a b"
dynamodb UpdateItem request: TableName has characters: 0, less than 1
    "Music" => ""
dynamodb UpdateItem request: ExpressionAttributeValues.:t.NS[] is not of type string
    {"S": "Louder Than Ever"} => {"NS": [1]}
dynamodb BatchGetItem request: RequestItems.Forum.Keys has members: 0, less than 1
    [{"Name": {"S": "Amazon DynamoDB"}}] => []
dynamodb BatchGetItem request: RequestItems has entries: 0, less than 1
    {"Forum": {"Keys": [{"Name": {"S": "Amazon DynamoDB"}}]}} => {}
dynamodb BatchGetItem request: RequestItems. has characters: 0, less than 1
    "Forum" => ""
ec2 DescribeSubnets request: MaxResults is 4, less than 5
    &Version => &MaxResults=4&Version
ec2 DescribeSubnets request: MaxResults is 1001, more than 1000
    &Version => &MaxResults=1001&Version

ssm PutParameter request: Overwrite is not of type boolean (`Boolean`)
    true => "true"
ssm PutParameter request: Value is not of type string (`PSParameterValue`): `2`
    "t2.large" => 2
ssm PutParameter request: Value is not of type string (`PSParameterValue`): `null`
    "t2.large" => null
events PutEvents request: Entries[].Resources is not of type list (`EventResourceList`)
    ["resource1", "resource2"] => "resource1"
dynamodb UpdateItem request: Key.Artist is not of type structure (`AttributeValue`)
    {"S": "Acme Band"} => "Acme Band"
dynamodb UpdateItem request: Key is not of type map (`Key`)
    {"Artist": {"S": "Acme Band"}, "SongTitle": {"S": "Happy Day"}} => []
dynamodb UpdateItem request: Key.Artist.B is not of type blob (`BinaryAttributeValue`)
    {"S": "Acme Band"} => {"B": "Acme Band"}
ec2 AuthorizeSecurityGroupIngress request: IpPermissions[].FromPort is not of type integer (`Integer`): `http`
    FromPort=80 => FromPort=http
ec2 AuthorizeSecurityGroupIngress request: IpPermissions[].FromPort is not of type integer (`Integer`): `4294967296`
    FromPort=80 => FromPort=4294967296
elasticache DescribeReplicationGroups request: MaxRecords is not of type integer
    MaxRecords=100 => MaxRecords.1=100
ec2 DescribeSubnets request: Filters[].Values is not of type list
    Filter.1.Value.1=vpc-1a2b3c4d => Filter.1.Value=vpc-1a2b3c4d
elasticache CreateCacheSubnetGroup request: SubnetIds is not a list with members numbered from 1
    SubnetIds.SubnetIdentifier.2 => SubnetIds.SubnetIdentifier.3
elasticache CreateCacheSubnetGroup request: SubnetIds is not a list with members numbered from 1
    SubnetIds.SubnetIdentifier.2 => SubnetIds.member.1
ec2 RunInstances request: NetworkInterfaces[].PrivateIpAddressesSet is not a member of `InstanceNetworkInterfaceSpecification`
    PrivateIpAddresses => PrivateIpAddressesSet
elasticache CreateCacheSubnetGroup request: SubnetIds.SubnetIdentifier.1 is repeated
    SubnetIds.SubnetIdentifier.2 => SubnetIds.SubnetIdentifier.1
elasticache DescribeReplicationGroups request: Version is not `2015-02-02`: `2014-09-30`
    2015-02-02 => 2014-09-30
ssm PutParameter request is not JSON
    { =>
"#;

/// The beginning of each violation, and the change to a documented response that causes it.
const BROKEN_RESPONSES: &str = r#"
elasticache DescribeReplicationGroups response: ReplicationGroups[].Text is not a member of `ReplicationGroup`
    <Description>My replication group</Description> => <Text>My replication group</Text>
ec2 DescribeSubnets response: Subnets[].SubnetId is not a member of `Subnet`
    <subnetId>subnet-9d4a7b6c</subnetId> => <SubnetId>subnet-9d4a7b6c</SubnetId>
elasticache DescribeReplicationGroups response: ReplicationGroups[].Status is repeated
    <PendingModifiedValues /> => <Status>available</Status>
states StartExecution response: startDate is required in `StartExecutionOutput`
    "startDate": 1.486772644911E9 => "startDate": null
elasticache DescribeReplicationGroups response: ReplicationGroups[].MultiAZ is not in the enum `MultiAZStatus`: `on`
    <PendingModifiedValues /> => <MultiAZ>on</MultiAZ>
elasticache DescribeReplicationGroups response: ReplicationGroups[].MultiAZ is not in the enum `MultiAZStatus`: ``
    <PendingModifiedValues /> => <MultiAZ/>
ec2 DescribeSubnets response: Subnets[].State is not in the enum `SubnetState`
    <state>available</state> => <state>ready</state>
ssm PutParameter response: Tier is not in the enum `ParameterTier`
    2 => 2, "Tier": "Basic"
states StartExecution response: executionArn has characters: 0, less than 1
    "arn:aws:states:us-east-1:123456789012:execution:HelloWorld:MyExecution" => ""

elasticache DescribeReplicationGroups response: ReplicationGroups[].AuthTokenEnabled is not of type boolean
    <PendingModifiedValues /> => <AuthTokenEnabled>True</AuthTokenEnabled>
elasticache DescribeReplicationGroups response: ReplicationGroups[].ReplicationGroupCreateTime is not of type timestamp
    <PendingModifiedValues /> => <ReplicationGroupCreateTime>1448668800</ReplicationGroupCreateTime>
elasticache DescribeReplicationGroups response: ReplicationGroups[].NodeGroups[].PrimaryEndpoint.Port is not of type integer
    <Port>6379</Port> => <Port></Port>
elasticache DescribeReplicationGroups response: ReplicationGroups[].PendingModifiedValues is not of type structure
    <PendingModifiedValues /> => <PendingModifiedValues>none</PendingModifiedValues>
elasticache DescribeReplicationGroups response: ReplicationGroups[].Description is not of type string
    <Description>My replication group</Description> => <Description><b>My</b></Description>
elasticache DescribeReplicationGroups response: ReplicationGroups[].MemberClusters[] is in `member`, not in `ClusterId`
    <ClusterId>my-redis-primary</ClusterId> => <member>my-redis-primary</member>
ec2 AuthorizeSecurityGroupIngress response: Return is not of type boolean
    <return>true</return> => <return>yes</return>
ssm PutParameter response: Version is not of type long
    2 => 2.5
events PutEvents response: FailedEntryCount is not of type integer
    "FailedEntryCount": 0 => "FailedEntryCount": 0.5
states StartExecution response: startDate is not of type timestamp
    1.486772644911E9 => "2017-02-11T00:24:04Z"

elasticache DescribeReplicationGroups response is not in a `DescribeReplicationGroupsResponse`
    DescribeReplicationGroupsResponse => DescribeReplicationGroupsReply
elasticache DescribeReplicationGroups response: DescribeReplicationGroupsResult is required
    DescribeReplicationGroupsResult => DescribeReplicationGroupsOutput
elasticache DescribeReplicationGroups response: Metadata is not a member of `ReplicationGroupMessage`
    ResponseMetadata => Metadata
ec2 CreateTags response has an output, but the operation has none: `{"return":"false"}`
    >true< => >false<
ec2 DescribeSubnets response is not XML
    <subnetSet> =>
events PutEvents response is not JSON
    { =>
"#;

/// The beginning of each violation, and the HTTP status and the change to an error that cause it.
const BROKEN_ERRORS: &str = r#"
elasticache DescribeReplicationGroups response: Code has HTTP status 400, not 404
    400 =>
elasticache DescribeReplicationGroups response: Code is neither an error of the operation nor a common one
    404 ReplicationGroupNotFoundFault => ReplicationGroupNotFound
elasticache DescribeReplicationGroups response: Code is neither an error of the operation nor a common one
    404 ReplicationGroupNotFoundFault => CacheClusterNotFound
elasticache DescribeReplicationGroups response: Type is not `Sender`, with HTTP status 404
    404 Sender => Receiver
elasticache DescribeReplicationGroups response: Message is required
    404 not found =>
elasticache DescribeReplicationGroups response: RequestID is not an element of `ErrorResponse`
    404 RequestId => RequestID
elasticache DescribeReplicationGroups response is not an error of the service's protocol
    404 ErrorResponse => Response
ec2 DescribeSubnets response: Code has HTTP status 500, not 400
    500 =>
ec2 DescribeSubnets response: Code has HTTP status 400, not 503
    400 InvalidInstanceID.NotFound => RequestLimitExceeded
ec2 DescribeSubnets response: Code is neither an error of the operation nor a common one
    400 InvalidInstanceID.NotFound => instance not found
ec2 DescribeSubnets response is not an error of the service's protocol
    400 Errors => Error
dynamodb UpdateItem response: Code has HTTP status 404, not 400
    404 =>
dynamodb UpdateItem response: Code has HTTP status 400, not 500
    400 ResourceNotFoundException => InternalServerError
dynamodb UpdateItem response: Code is neither an error of the operation nor a common one
    400 ResourceNotFoundException => TableNotFound
dynamodb UpdateItem response: message is not of type string
    400 "Requested resource not found: Table: tablename not found" => {}
dynamodb UpdateItem response: text is not a member of `ResourceNotFoundException`
    400 "message" => "text"
dynamodb UpdateItem response is not an error of the service's protocol
    400 __type => type
"#;

#[test]
fn reports_each_broken_request() {
    for (violation, change) in cases(BROKEN_REQUESTS) {
        let example = example_of(violation);
        assert_reported(
            &requested(&example, &changed(example.request, change)),
            violation,
        );
    }
}

#[test]
fn reports_each_broken_response() {
    for (violation, change) in cases(BROKEN_RESPONSES) {
        let example = example_of(violation);
        assert_reported(
            &responded(&example, 200, &changed(example.response, change)),
            violation,
        );
    }
}

#[test]
fn reports_each_broken_error() {
    for (violation, change) in cases(BROKEN_ERRORS) {
        let example = example_of(violation);
        let (status, change) = change.split_once(' ').expect("a status");
        let body = match example.service {
            "elasticache" => QUERY_ERROR,
            "ec2" => EC2_ERROR,
            _ => JSON_ERROR,
        };
        let status = status.parse().expect("a status");
        assert_reported(
            &responded(&example, status, &changed(body, change)),
            violation,
        );
    }
}

/// Returns a table's violations, each with its change.
fn cases(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = table.lines().filter(|line| !line.is_empty());
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?.trim())))
}

/// Returns the example that a violation refers to.
fn example_of(violation: &str) -> Example {
    EXAMPLES
        .into_iter()
        .find(|example| {
            violation.starts_with(&format!("{} {} ", example.service, example.operation))
        })
        .unwrap_or_else(|| panic!("no example: {violation}"))
}

/// Returns a text in which a part is replaced as in `part => other`.
fn changed(text: &str, change: &str) -> String {
    let (part, other) = change.split_once("=>").expect("a change");
    let (part, other) = (part.trim(), other.trim());
    assert!(text.contains(part), "`{part}` is not in {text}");
    // A name is replaced everywhere, because both tags of an element contain it.
    if part.chars().all(char::is_alphanumeric) && !part.is_empty() {
        text.replace(part, other)
    } else {
        text.replacen(part, other, 1)
    }
}

/// Checks the beginning of the first violation: a change may cause more than one.
fn assert_reported(found: &[String], violation: &str) {
    assert!(
        matches!(found, [first, ..] if first.starts_with(violation)),
        "expected `{violation}`, found {found:#?}"
    );
}

#[test]
fn reports_calls_without_a_model() {
    for (call, rule) in [
        (
            call("sqs", "SendMessage", "{}"),
            "is of a service without a model",
        ),
        (
            call("ssm", "PutParameters", "{}"),
            "is not an operation of the model",
        ),
    ] {
        let models = Models::default();
        assert!(models.check_request(&call, b"{}").is_some());
        let violation = format!("{} {} request {rule}", call.service, call.operation);
        assert_reported(&models.violations(), &violation);
    }
}

#[test]
fn lists_a_violation_once() {
    let models = Models::default();
    let call = call("ssm", "PutParameter", "{}");
    for _ in 0..2 {
        let (_, answer) = answered(&models, &call, 200, "{\"Version\": 1.5}");
        assert!(
            answer.contains("ssm PutParameter response: Version is not of type long"),
            "{answer}"
        );
    }
    assert_eq!(models.violations().len(), 1);
}

/// The operations that the functions and the state machines call.
const OPERATIONS: [(&str, &str); 45] = [
    ("dynamodb", "GetItem"),
    ("dynamodb", "UpdateItem"),
    ("ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "CreateSecurityGroup"),
    ("ec2", "CreateTags"),
    ("ec2", "DeleteSecurityGroup"),
    ("ec2", "DeleteTags"),
    ("ec2", "DescribeSecurityGroupRules"),
    ("ec2", "DescribeSecurityGroups"),
    ("ec2", "DescribeSubnets"),
    ("ec2", "DescribeVpcs"),
    ("ec2", "RevokeSecurityGroupIngress"),
    ("elasticache", "AddTagsToResource"),
    ("elasticache", "CreateCacheSubnetGroup"),
    ("elasticache", "CreateReplicationGroup"),
    ("elasticache", "DecreaseReplicaCount"),
    ("elasticache", "DeleteCacheSubnetGroup"),
    ("elasticache", "DeleteReplicationGroup"),
    ("elasticache", "DescribeCacheClusters"),
    ("elasticache", "DescribeCacheSubnetGroups"),
    ("elasticache", "DescribeEvents"),
    ("elasticache", "DescribeReplicationGroups"),
    ("elasticache", "DescribeSnapshots"),
    ("elasticache", "IncreaseReplicaCount"),
    ("elasticache", "ListTagsForResource"),
    ("elasticache", "ModifyCacheSubnetGroup"),
    ("elasticache", "ModifyReplicationGroup"),
    ("elasticache", "RemoveTagsFromResource"),
    ("events", "PutEvents"),
    ("kms", "DescribeKey"),
    ("logs", "CreateLogGroup"),
    ("logs", "DescribeLogGroups"),
    ("logs", "ListTagsForResource"),
    ("logs", "PutRetentionPolicy"),
    ("logs", "TagResource"),
    ("logs", "UntagResource"),
    ("ssm", "AddTagsToResource"),
    ("ssm", "DeleteParameter"),
    ("ssm", "GetParameters"),
    ("ssm", "ListTagsForResource"),
    ("ssm", "PutParameter"),
    ("ssm", "RemoveTagsFromResource"),
    ("states", "DescribeExecution"),
    ("states", "GetExecutionHistory"),
    ("states", "StartExecution"),
];

/// An injected fault must be an error that AWS can return.
#[test]
fn accepts_injected_faults() {
    let runtime = runtime();
    let mut found = Vec::new();
    for (service, operation) in OPERATIONS {
        let body = match service {
            "ec2" | "elasticache" => format!("Action={operation}"),
            _ => "{}".to_owned(),
        };
        let call = call(service, operation, &body);
        for fault in Fault::ALL {
            if let Some(error_response) = fault.error_response(&call) {
                let models = Models::default();
                runtime
                    .block_on(models.checked(&call, error_response.answer(&call)))
                    .expect("a response");
                found.extend(models.violations());
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn accepts_operation_specific_faults() {
    let operations: [(Fault, &[&str]); 3] = [
        (
            Fault::InvalidState,
            &["DeleteReplicationGroup", "ModifyReplicationGroup"],
        ),
        (
            Fault::TagsUnavailable,
            &[
                "AddTagsToResource",
                "ListTagsForResource",
                "RemoveTagsFromResource",
            ],
        ),
        (
            Fault::NothingToModify,
            &["ModifyCacheSubnetGroup", "ModifyReplicationGroup"],
        ),
    ];
    assert_eq!(
        operations.map(|(fault, _)| fault),
        Fault::OPERATION_SPECIFIC
    );
    let runtime = runtime();
    for (fault, operations) in operations {
        for operation in operations {
            let call = call("elasticache", operation, &format!("Action={operation}"));
            let error_response = fault.error_response(&call).expect("an error");
            let models = Models::default();
            runtime
                .block_on(models.checked(&call, error_response.answer(&call)))
                .expect("a response");
            assert_eq!(models.violations(), Vec::<String>::new(), "{fault}");
        }
    }
}

/// Patterns that can't be compiled aren't checked.
#[test]
fn compiles_patterns_of_botocore_models() {
    let mut count = 0;
    let mut failed = Vec::new();
    for (service, model) in &MODELS {
        for (name, shape) in &model.as_ref().expect("a model").shapes {
            if let Some(pattern) = &shape.pattern {
                count += 1;
                if pattern.compiled().is_none() {
                    failed.push(format!("{service} {name}"));
                }
            }
        }
    }
    failed.sort();
    assert!(count > 150, "{count} patterns");
    // No operation in `OPERATIONS` uses these.
    assert_eq!(
        failed,
        [
            "logs ResourceType",
            "ssm CloudConnectorIamRoleArn",
            "ssm InstancePropertyFilterValue",
            "ssm InstancePropertyStringFilterKey",
        ]
    );
}

/// The traits of operations, shapes, and members that the checks use.
const READ: [&str; 21] = [
    "enum",
    "error",
    "errors",
    "fault",
    "input",
    "key",
    "locationName",
    "max",
    "member",
    "members",
    "min",
    "name",
    "output",
    "pattern",
    "queryName",
    "required",
    "resultWrapper",
    "shape",
    "type",
    "union",
    "value",
];

/// The traits that don't restrict requests or responses.
const IRRELEVANT: [&str; 22] = [
    "box",
    "contextParam",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "documentation",
    "endpoint",
    "endpointdiscovery",
    "endpointoperation",
    "event",
    "eventstream",
    "exception",
    "http",
    "idempotencyToken",
    "idempotent",
    "operationContextParams",
    "readonly",
    "retryable",
    "sensitive",
    "staticContextParams",
    "synthetic",
    // The element around such a structure in query responses is also in the outputs' members.
    "wrapper",
];

/// An unknown trait would be ignored silently.
#[test]
fn knows_all_traits_of_the_models() {
    let mut traits = BTreeSet::new();
    for name in [
        "dynamodb",
        "ec2",
        "elasticache",
        "events",
        "kms",
        "logs",
        "ssm",
        "stepfunctions",
    ] {
        let model: Value = serde_json::from_str(&text(name).expect("a model")).expect("JSON");
        for part in [&model["operations"], &model["shapes"]] {
            for described in part.as_object().expect("an object").values() {
                add_traits(described, &mut traits);
            }
        }
    }
    let known: BTreeSet<_> = READ
        .into_iter()
        .chain(IRRELEVANT)
        .map(str::to_owned)
        .collect();

    assert_eq!(traits, known);
}

fn add_traits(described: &Value, traits: &mut BTreeSet<String>) {
    for (name, value) in described.as_object().into_iter().flatten() {
        traits.insert(name.clone());
        match name.as_str() {
            "member" | "key" | "value" | "input" | "output" => add_traits(value, traits),
            "members" => value
                .as_object()
                .into_iter()
                .flatten()
                .for_each(|(_, member)| add_traits(member, traits)),
            "errors" => value
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|error| add_traits(error, traits)),
            _ => {}
        }
    }
}
