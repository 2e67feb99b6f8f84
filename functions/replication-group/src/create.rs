//! Creates the cache.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::error::ProvideErrorMetadata;
use aws_sdk_elasticache::types::{ClusterMode, NetworkType, Tag};
use contract::Owner;
use contract::error::StepResult;
use contract::message::EnsureReplicationGroupInput;

/// What became of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    Accepted,
    /// A run at the same time, or this call's own first try, whose answer was lost.
    AlreadyExists,
    /// A cache cluster has the name, as AWS's answer says. Its reference lists this answer for cache clusters only.
    NameTaken(String),
    /// AWS has no capacity for the node type there.
    NoCapacity,
}

/// Requests the replication group; ElastiCache chooses the zones if there are none. Encryption is requested explicitly, and
/// `TransitEncryptionMode` is left out: with encryption in transit on, it means `required`
/// ([CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)).
pub async fn create(
    elasticache: &Client,
    owner: &Owner,
    wanted: &EnsureReplicationGroupInput,
    zones: &[String],
    engine_version: &str,
) -> StepResult<Requested> {
    let cache = &wanted.spec.cache;
    let tags = owner
        .creation_tags(wanted.spec.options.created_by(&wanted.execution))
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    let answer = elasticache
        .create_replication_group()
        .replication_group_id(cache.name.as_str())
        .replication_group_description(cache.description.as_str())
        .engine("valkey")
        .engine_version(engine_version)
        .cache_node_type(cache.node_type.as_str())
        .cluster_mode(ClusterMode::Disabled)
        .num_cache_clusters(cache.nodes())
        .automatic_failover_enabled(cache.fails_over())
        .multi_az_enabled(cache.fails_over())
        .set_preferred_cache_cluster_azs((!zones.is_empty()).then(|| zones.to_vec()))
        .network_type(NetworkType::Ipv4)
        .port(cache.port.get())
        .cache_subnet_group_name(cache.subnet_group_name.as_str())
        .security_group_ids(&wanted.security_group_id)
        .at_rest_encryption_enabled(true)
        .transit_encryption_enabled(true)
        .snapshot_retention_limit(cache.snapshot_retention_days.get())
        .set_tags(Some(tags.collect()))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Requested::Accepted),
        Err(error) if step::code(&error) == Some("ReplicationGroupAlreadyExists") => {
            Ok(Requested::AlreadyExists)
        }
        Err(error) if step::code(&error) == Some("CacheClusterAlreadyExists") => {
            let message = error.message().unwrap_or("a cache cluster has this name");
            Ok(Requested::NameTaken(
                message.trim_end_matches('.').to_owned(),
            ))
        }
        Err(error) if step::code(&error) == Some("InsufficientCacheClusterCapacity") => {
            Ok(Requested::NoCapacity)
        }
        // ElastiCache has no fault of its own for a security group that it does not see yet.
        Err(error)
            if step::code(&error) == Some("InvalidParameterValue")
                && error
                    .message()
                    .is_some_and(|text| text.contains(&wanted.security_group_id)) =>
        {
            Err(step::not_yet_visible(
                "CreateReplicationGroup",
                &wanted.security_group_id,
                error,
            ))
        }
        Err(error) => Err(step::failure(
            "CreateReplicationGroup",
            cache.name.as_str(),
            error,
        )),
    }
}
