//! Converts tags, and adds them to a group or removes them.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Tag;
use contract::error::StepResult;

/// Returns tags as EC2 takes them.
pub fn tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Returns the keys and values of tags.
pub fn pairs(tags: &[Tag]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// Adds tags to a group, or overwrites their values.
///
/// # Errors
/// Returns EC2's error.
pub async fn add(ec2: &Client, id: &str, tags: Vec<Tag>) -> StepResult<()> {
    ec2.create_tags()
        .resources(id)
        .set_tags(Some(tags))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("CreateTags", id, error))
}

/// Removes the tags with these keys from a group, whatever their values are. There must be at least one key: without tags,
/// EC2 removes all tags of the group
/// ([DeleteTags](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html)).
///
/// # Errors
/// Returns EC2's error.
pub async fn remove(ec2: &Client, id: &str, keys: Vec<String>) -> StepResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let tags = keys.into_iter().map(|key| Tag::builder().key(key).build());
    ec2.delete_tags()
        .resources(id)
        .set_tags(Some(tags.collect()))
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("DeleteTags", id, error))
}
