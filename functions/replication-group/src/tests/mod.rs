//! Tests of the steps with replayed answers of ElastiCache, KMS, and DynamoDB. The files test these modules:
//!
//! - `adopt`: the adoption in `ensure`
//! - `adoption`: `adoption`, and its table in `docs/adopt.md`
//! - `change`: `compare` and `change`
//! - `check`: `check`
//! - `claim`: the writes to the record in `ensure`
//! - `create`: `create` and `placement`
//! - `decide`: `decide`, without answers
//! - `delete`: `delete`
//! - `key`: `key`, and `cache.kmsKey` in `ensure`
//! - `logs`: the delivery of logs
//! - `parameter_group`: the parameter group, and `parameter_group`
//! - `plan`: `plan`
//! - `replace`: the replacement of a failed creation in `ensure`, and `reason`
//! - `restore`: `restore`, and `cache.restoreFrom` in `ensure`
//! - `setting`: each setting
//! - `tags`: `tag`, and the comparison of tags
//! - `unrecovered`: failed members, missing replicas, and names that are taken in `ensure`
//! - `upgrade`: `version`
//! - `window`: `pending` and `timing`

mod adopt;
mod adoption;
mod change;
mod check;
mod claim;
mod create;
mod decide;
mod delete;
mod key;
mod logs;
mod parameter_group;
mod plan;
mod replace;
mod restore;
mod setting;
mod tags;
mod unrecovered;
mod upgrade;
mod window;

use contract::error::StepResult;
use contract::message::EnsureReplicationGroupOutput;
use record::{Creation, Rejection, Table};
use replay::dynamodb::{condition_failed, get_item};
use replay::elasticache::{accepted, list_tags_for_resource, no_cache as absent, owned_by};
use replay::{Answer, Replay, owner_tags, reference};
use serde_json::{Value, json};

use crate::{Clients, ensure};

const ARN: &str = "arn:aws:elasticache:ap-southeast-1:123456789012:replicationgroup:bandup-redis";
const THIS_RUN: &str =
    "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision:run-1";
const OTHER_RUN: &str =
    "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision:run-2";
const KEY_ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const KEY_ARN: &str =
    "arn:aws:kms:ap-southeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html>, with the
/// values of the reference setup, this status, and the changes of a case.
fn described(status: &str, change: impl Fn(String) -> String) -> Answer {
    let body = format!(
        "<DescribeReplicationGroupsResponse xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\">\
         <DescribeReplicationGroupsResult><ReplicationGroups><ReplicationGroup>\
         <ReplicationGroupId>bandup-redis</ReplicationGroupId><ARN>{ARN}</ARN>\
         <Description>in memory db for bandup</Description><Status>{status}</Status>\
         <MemberClusters><ClusterId>bandup-redis-001</ClusterId></MemberClusters>\
         <NodeGroups><NodeGroup><NodeGroupId>0001</NodeGroupId><Status>available</Status>\
         <PrimaryEndpoint><Port>6379</Port><Address>master.bandup-redis.q68zge.apse1.cache.amazonaws.com</Address></PrimaryEndpoint>\
         <ReaderEndpoint><Port>6379</Port><Address>replica.bandup-redis.q68zge.apse1.cache.amazonaws.com</Address></ReaderEndpoint>\
         <NodeGroupMembers><NodeGroupMember><CacheClusterId>bandup-redis-001</CacheClusterId></NodeGroupMember></NodeGroupMembers>\
         </NodeGroup></NodeGroups>\
         <CacheNodeType>cache.t3.micro</CacheNodeType><ClusterEnabled>false</ClusterEnabled>\
         <AutomaticFailover>disabled</AutomaticFailover><MultiAZ>disabled</MultiAZ>\
         <AtRestEncryptionEnabled>true</AtRestEncryptionEnabled>\
         <TransitEncryptionEnabled>true</TransitEncryptionEnabled>\
         <AutoMinorVersionUpgrade>true</AutoMinorVersionUpgrade>\
         <SnapshotRetentionLimit>1</SnapshotRetentionLimit><SnapshotWindow>03:00-04:00</SnapshotWindow>\
         </ReplicationGroup></ReplicationGroups></DescribeReplicationGroupsResult>\
         </DescribeReplicationGroupsResponse>"
    );
    Answer::ok(change(body))
}

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheClusters.html>.
fn member(change: impl Fn(String) -> String) -> Answer {
    Answer::ok(change(
        "<DescribeCacheClustersResponse><DescribeCacheClustersResult><CacheClusters><CacheCluster>\
         <CacheClusterId>bandup-redis-001</CacheClusterId><CacheClusterStatus>available</CacheClusterStatus>\
         <Engine>valkey</Engine><EngineVersion>8.0.1</EngineVersion>\
         <CacheParameterGroup><CacheParameterGroupName>default.valkey8</CacheParameterGroupName>\
         <ParameterApplyStatus>in-sync</ParameterApplyStatus><CacheNodeIdsToReboot/></CacheParameterGroup>\
         <ReplicationGroupId>bandup-redis</ReplicationGroupId>\
         <PreferredMaintenanceWindow>sun:05:00-sun:06:00</PreferredMaintenanceWindow>\
         <CacheSubnetGroupName>bandup-cached-subnet-group</CacheSubnetGroupName>\
         <SecurityGroups><member><SecurityGroupId>sg-0c1b2c3d4e5f60718</SecurityGroupId><Status>active</Status></member></SecurityGroups>\
         </CacheCluster></CacheClusters></DescribeCacheClustersResult></DescribeCacheClustersResponse>"
            .to_owned(),
    ))
}

fn owned() -> Answer {
    owned_by("envcache")
}

/// Returns the tags of a group that was created outside envcache: none.
fn unowned() -> Answer {
    list_tags_for_resource(&[])
}

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html>, with the source,
/// message, and date of each event.
fn events(shown: &[(&str, &str, &str)]) -> Answer {
    let events: String = shown
        .iter()
        .map(|(source, message, date)| {
            format!(
                "<Event><SourceIdentifier>{source}</SourceIdentifier><Message>{message}</Message><Date>{date}</Date></Event>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeEventsResponse><DescribeEventsResult><Events>{events}</Events></DescribeEventsResult></DescribeEventsResponse>"
    ))
}

/// Returns a response in the format of <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>, with
/// these changes to the metadata of an enabled key.
fn described_key(changes: &Value) -> Answer {
    let metadata = with(
        json!({
            "AWSAccountId": "123456789012",
            "Arn": KEY_ARN,
            "CreationDate": 1.499_288_695_918E9,
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "Description": "",
            "Enabled": true,
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "KeyId": KEY_ID,
            "KeyManager": "CUSTOMER",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyState": "Enabled",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "MultiRegion": false,
            "Origin": "AWS_KMS"
        }),
        changes,
    );
    Answer::ok(json!({ "KeyMetadata": metadata }).to_string())
}

fn rejected(code: &str) -> Answer {
    Answer::query_fault(400, code, "AWS's message.")
}

fn same(body: String) -> String {
    body
}

/// Returns `EnsureReplicationGroup`'s input with these cache settings.
fn message(cache: &Value) -> Value {
    let mut message = reference(json!({
        "executionArn": THIS_RUN,
        "network": replay::network(),
        "securityGroupId": "sg-0c1b2c3d4e5f60718",
        "parameterGroup": null,
        "formerParameterGroups": [],
        "pendingParameters": [],
        "defaultEngineVersion": "8.2",
        "secondsWaited": 0
    }));
    for (field, value) in cache.as_object().into_iter().flatten() {
        message["spec"]["cache"][field] = value.clone();
    }
    message
}

/// Returns the message with these fields changed.
fn with(mut message: Value, changes: &Value) -> Value {
    for (field, value) in changes.as_object().into_iter().flatten() {
        message[field] = value.clone();
    }
    message
}

/// Returns the message with `adopt` set.
fn adopting(mut message: Value) -> Value {
    message["spec"]["options"] = json!({ "adopt": true });
    message
}

/// Returns the creation that this execution records before its first request to ElastiCache.
fn creation() -> Creation {
    Creation {
        execution: "run-1".to_owned(),
        ..Creation::default()
    }
}

/// Returns what is recorded after AWS rejected these placements for this reason.
fn rejections(reason: &str, placements: &[&[&str]]) -> Vec<Rejection> {
    let rejection = |placed: &&[&str]| Rejection {
        placement: zones(placed),
        reason: reason.to_owned(),
    };
    placements.iter().map(rejection).collect()
}

fn zones(zones: &[&str]) -> Vec<String> {
    zones.iter().map(|zone| (*zone).to_owned()).collect()
}

/// Returns the attributes of a record that this execution holds.
fn held(creation: Option<&Creation>) -> Value {
    let mut record = json!({ "environment": "bandup", "holder": THIS_RUN });
    if let Some(creation) = creation {
        let creation = serde_json::to_string(creation).expect("JSON");
        record["creation"] = json!(creation);
    }
    record
}

/// Returns the record of an environment that has a cache, with the observations of an execution.
fn with_observed(observed: &Value) -> Value {
    let mut record = held(None);
    record["cacheIdentity"] = json!(replay::identity().to_string());
    record["observed"] = json!(observed.to_string());
    record
}

/// Returns the answer to a successful write to DynamoDB.
fn written() -> Answer {
    Answer::ok("{}")
}

/// Returns the answer to a write to the record after another execution has taken over the environment.
fn taken_over() -> Answer {
    condition_failed(Some(
        &json!({ "environment": "bandup", "holder": OTHER_RUN }),
    ))
}

/// AWS in one round: its answers, and the requests that it received.
struct Aws {
    elasticache: Replay,
    kms: Replay,
    dynamodb: Replay,
}

impl Aws {
    /// Returns an AWS in which ElastiCache gives these answers, and KMS describes an enabled key. This execution holds the
    /// environment and has recorded a creation, and its writes to the record succeed.
    fn new(elasticache: impl IntoIterator<Item = Answer>) -> Self {
        Self::with_record(&held(Some(&creation())), elasticache)
    }

    /// Returns an AWS as `new` does, but with this record.
    fn with_record(record: &Value, elasticache: impl IntoIterator<Item = Answer>) -> Self {
        Self::answering(elasticache, [get_item(record), written(), written()])
    }

    fn answering(
        elasticache: impl IntoIterator<Item = Answer>,
        dynamodb: impl IntoIterator<Item = Answer>,
    ) -> Self {
        Self {
            elasticache: Replay::new(elasticache),
            kms: Replay::new([described_key(&json!({}))]),
            dynamodb: Replay::new(dynamodb),
        }
    }

    /// Returns the same AWS, but with this answer of KMS.
    fn with_key(self, answer: Answer) -> Self {
        Self {
            kms: Replay::new([answer]),
            ..self
        }
    }

    async fn ensure(&self, message: Value) -> StepResult<EnsureReplicationGroupOutput> {
        let clients = Clients {
            elasticache: aws_sdk_elasticache::Client::new(&self.elasticache.config()),
            kms: aws_sdk_kms::Client::new(&self.kms.config()),
            records: Table {
                dynamodb: aws_sdk_dynamodb::Client::new(&self.dynamodb.config()),
                name: "environments".to_owned(),
            },
        };
        let input = serde_json::from_value(message).expect("the state's message");
        ensure(&clients, "envcache", input).await
    }

    /// Returns the names of the write requests to ElastiCache.
    fn elasticache_writes(&self) -> Vec<String> {
        let mut actions = self.elasticache.actions();
        actions.retain(|action| !action.starts_with("Describe") && !action.starts_with("List"));
        actions
    }

    /// Returns the keys that KMS was asked to describe.
    fn described_keys(&self) -> Vec<Value> {
        let requests = self.kms.documents().into_iter();
        requests
            .map(|(operation, mut request)| {
                assert_eq!(operation, "DescribeKey");
                request["KeyId"].take()
            })
            .collect()
    }

    /// Returns the write requests to the record.
    fn record_writes(&self) -> Vec<Value> {
        let requests = self.dynamodb.documents().into_iter();
        requests
            .filter(|(operation, _)| operation != "GetItem")
            .map(|(_, request)| request)
            .collect()
    }

    /// Returns the observations that the round wrote to the record, in order.
    fn observed(&self) -> Vec<Value> {
        let writes = self.record_writes();
        writes
            .iter()
            .filter_map(|write| {
                let observed = &write["ExpressionAttributeValues"][":observed"]["S"];
                Some(serde_json::from_str(observed.as_str()?).expect("JSON"))
            })
            .collect()
    }

    /// Returns the creations that the round wrote to the record, in order.
    fn recorded(&self) -> Vec<Creation> {
        let writes = self.record_writes();
        writes
            .iter()
            .filter_map(|write| {
                let creation = &write["ExpressionAttributeValues"][":creation"]["S"];
                Some(serde_json::from_str(creation.as_str()?).expect("a creation"))
            })
            .collect()
    }
}

fn waiting(outcome: &str, wait_seconds: u32) -> EnsureReplicationGroupOutput {
    EnsureReplicationGroupOutput::Waiting {
        outcome: outcome.to_owned(),
        wait_seconds,
    }
}

/// Returns the answer for a cache cluster that doesn't exist.
fn no_cluster() -> Answer {
    Answer::query_fault(
        404,
        "CacheClusterNotFound",
        "CacheCluster not found: bandup-redis",
    )
}

/// A round that writes to ElastiCache unless something prevents it.
struct WritingRound {
    /// The operation of the write.
    write: &'static str,
    message: Value,
    /// ElastiCache's answers, including the answer to the write.
    elasticache: Vec<Answer>,
}

/// Returns one round for each kind of write.
fn writing_rounds() -> [WritingRound; 5] {
    let round = |write, message, found: Vec<Answer>| WritingRound {
        write,
        message,
        elasticache: [found, vec![accepted(write)]].concat(),
    };
    let available = || described("available", same);
    let with_former_tag = list_tags_for_resource(&owner_tags("envcache", &[("team", "web")]));
    [
        round(
            "CreateReplicationGroup",
            message(&json!({})),
            vec![absent()],
        ),
        round(
            "DeleteReplicationGroup",
            message(&json!({})),
            vec![described("create-failed", same), events(&[]), events(&[])],
        ),
        round(
            "AddTagsToResource",
            adopting(message(&json!({}))),
            vec![available(), unowned(), member(same)],
        ),
        round(
            "ModifyReplicationGroup",
            message(&json!({ "description": "cache" })),
            vec![available(), owned(), member(same)],
        ),
        round(
            "RemoveTagsFromResource",
            with(message(&json!({})), &json!({ "formerTags": ["team"] })),
            vec![available(), with_former_tag, member(same)],
        ),
    ]
}
