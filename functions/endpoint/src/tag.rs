//! Converts tags, and adds them to a parameter or removes them.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ResourceTypeForTagging, Tag};
use contract::error::{ErrorName, StepError, StepResult};

/// Returns tags as Systems Manager takes them.
pub fn to_tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> StepResult<Vec<Tag>> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            StepError::new(ErrorName::Internal, format!("a parameter's tags: {error}"))
        })
}

/// Adds tags to a parameter, or overwrites their values.
pub async fn add(ssm: &Client, name: &str, tags: Vec<(&str, &str)>) -> StepResult<()> {
    ssm.add_tags_to_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(name)
        .set_tags(Some(to_tags(tags)?))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("AddTagsToResource", name, error))
}

/// Removes the tags with these keys from a parameter.
pub async fn remove(ssm: &Client, name: &str, keys: Vec<String>) -> StepResult<()> {
    ssm.remove_tags_from_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(name)
        .set_tag_keys(Some(keys))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("RemoveTagsFromResource", name, error))
}
