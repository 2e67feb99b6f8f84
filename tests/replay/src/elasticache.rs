//! Answers of ElastiCache that the tests of several crates need.

use crate::{Answer, owner_tags};

/// Returns the answer to
/// [ListTagsForResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html), with
/// these tags.
#[must_use]
pub fn list_tags_for_resource(tags: &[(&str, &str)]) -> Answer {
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    Answer::ok(format!(
        "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList>{tags}</TagList></ListTagsForResourceResult>\
         </ListTagsForResourceResponse>"
    ))
}

/// Returns the answer to `ListTagsForResource` for a resource of the reference setup that this stack owns.
#[must_use]
pub fn owned_by(stack: &str) -> Answer {
    list_tags_for_resource(&owner_tags(stack, &[]))
}

/// Returns the answer to a write, such as
/// [AddTagsToResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html) or
/// [RemoveTagsFromResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_RemoveTagsFromResource.html).
/// Its result is empty, because no step reads it.
#[must_use]
pub fn accepted(operation: &str) -> Answer {
    Answer::ok(format!(
        "<{operation}Response><{operation}Result/></{operation}Response>"
    ))
}

/// Returns the answer to
/// [DescribeReplicationGroups](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html)
/// when the cache of the reference setup doesn't exist.
#[must_use]
pub fn no_cache() -> Answer {
    Answer::query_fault(
        404,
        "ReplicationGroupNotFoundFault",
        "ReplicationGroup bandup-redis not found.",
    )
}

/// Returns the answer to
/// [DescribeCacheSubnetGroups](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheSubnetGroups.html)
/// when this group doesn't exist.
#[must_use]
pub fn no_subnet_group(name: &str) -> Answer {
    Answer::query_fault(
        400,
        "CacheSubnetGroupNotFoundFault",
        &format!("CacheSubnetGroup {name} not found."),
    )
}
