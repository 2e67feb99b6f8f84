//! Takes over a cache that nobody's tags claim.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{ReplicationGroup, Tag};
use contract::Owner;
use contract::error::StepResult;

use crate::change::Answer;
use crate::find::are_tags_unavailable;

/// Gives the group our tags. ElastiCache gives them to its members too
/// ([AddTagsToResource](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_AddTagsToResource.html)).
pub async fn adopt(
    elasticache: &Client,
    owner: &Owner,
    group: &ReplicationGroup,
) -> StepResult<Answer> {
    let arn = group.arn().unwrap_or_default();
    let tags = owner
        .tags()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    let answer = elasticache
        .add_tags_to_resource()
        .resource_name(arn)
        .set_tags(Some(tags.to_vec()))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(Answer::Accepted),
        Err(error) if are_tags_unavailable(step::code(&error)) => Ok(Answer::StillChanging),
        Err(error) => Err(step::failure("AddTagsToResource", arn, error)),
    }
}
