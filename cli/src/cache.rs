//! The replication groups that ElastiCache has now.

use std::collections::BTreeMap;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::ReplicationGroup;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::account::aws_error;

/// An environment's cache, as ElastiCache returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cache {
    /// No run has requested a cache from ElastiCache.
    NotRequested,
    /// It exists, with this status, such as `available`.
    Exists(String),
    /// A run requested it, but it doesn't exist.
    Missing,
    /// The call failed, for this reason.
    Unreadable(String),
}

/// The replication groups of one call, or why it failed.
#[derive(Debug)]
pub struct Caches(Result<BTreeMap<String, String>, String>);

impl Default for Caches {
    /// Returns an empty list, without a call.
    fn default() -> Self {
        Self(Ok(BTreeMap::new()))
    }
}

impl Caches {
    /// Reads every replication group.
    pub async fn all(elasticache: &Client) -> Self {
        let groups: Result<Vec<_>, _> = elasticache
            .describe_replication_groups()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await;
        Self(match groups {
            Ok(groups) => Ok(statuses(groups)),
            Err(error) => Err(aws_error("DescribeReplicationGroups", error).to_string()),
        })
    }

    /// Reads one replication group.
    pub async fn one(elasticache: &Client, id: &str) -> Self {
        let answer = elasticache
            .describe_replication_groups()
            .replication_group_id(id)
            .send()
            .await;
        Self(match answer {
            Ok(answer) => Ok(statuses(answer.replication_groups.unwrap_or_default())),
            // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html
            Err(error) if error.code() == Some("ReplicationGroupNotFoundFault") => {
                Ok(BTreeMap::new())
            }
            Err(error) => Err(aws_error("DescribeReplicationGroups", error).to_string()),
        })
    }

    /// Returns the cache with this ID.
    pub fn find(&self, id: Option<&str>) -> Cache {
        match (id, &self.0) {
            (None, _) => Cache::NotRequested,
            (Some(_), Err(reason)) => Cache::Unreadable(reason.clone()),
            (Some(id), Ok(statuses)) => match statuses.get(id) {
                Some(status) => Cache::Exists(status.clone()),
                None => Cache::Missing,
            },
        }
    }
}

fn statuses(groups: Vec<ReplicationGroup>) -> BTreeMap<String, String> {
    groups
        .into_iter()
        .filter_map(|group| {
            Some((
                group.replication_group_id?,
                group.status.unwrap_or_default(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::Client;
    use replay::elasticache::no_cache;
    use replay::{Answer, Replay};

    use super::{Cache, Caches};

    #[tokio::test]
    async fn finds_the_cache_of_an_environment() {
        let cases = [
            (
                Answer::ok(
                    "<DescribeReplicationGroupsResponse><DescribeReplicationGroupsResult><ReplicationGroups>\
                     <ReplicationGroup><ReplicationGroupId>bandup-redis</ReplicationGroupId><Status>modifying</Status>\
                     </ReplicationGroup></ReplicationGroups></DescribeReplicationGroupsResult>\
                     </DescribeReplicationGroupsResponse>",
                ),
                Cache::Exists("modifying".to_owned()),
            ),
            (no_cache(), Cache::Missing),
            (
                Answer::query_fault(403, "AccessDenied", "no"),
                Cache::Unreadable("DescribeReplicationGroups: AccessDenied: no".to_owned()),
            ),
        ];
        for (answer, expected) in cases {
            let replay = Replay::new([answer]);
            let elasticache = Client::new(&replay.config());

            let caches = Caches::one(&elasticache, "bandup-redis").await;

            assert_eq!(caches.find(Some("bandup-redis")), expected);
            assert_eq!(caches.find(None), Cache::NotRequested);
        }
    }
}
