//! Reads parameters and their tags.

use std::collections::HashMap;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterType, ResourceTypeForTagging, Tag};
use contract::error::StepResult;

/// A parameter that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value; for a `SecureString`, the ciphertext.
    pub value: String,
    pub kind: ParameterType,
}

/// Returns the named parameters that exist, by their names. Names that don't exist are omitted.
pub async fn read(ssm: &Client, names: Vec<String>) -> StepResult<HashMap<String, Found>> {
    let resource = names.join(", ");
    let found = ssm
        .get_parameters()
        .set_names(Some(names))
        .send()
        .await
        .map_err(|error| step::failure("GetParameters", &resource, error))?;
    Ok(found
        .parameters
        .unwrap_or_default()
        .into_iter()
        .filter_map(|parameter| {
            let (value, kind) = (parameter.value?, parameter.r#type?);
            Some((parameter.name?, Found { value, kind }))
        })
        .collect())
}

/// Returns a parameter's tags.
pub async fn tags(ssm: &Client, name: &str) -> StepResult<Vec<Tag>> {
    Ok(ssm
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(name)
        .send()
        .await
        .map_err(|error| step::failure("ListTagsForResource", name, error))?
        .tag_list
        .unwrap_or_default())
}

/// Returns the keys and values of tags.
pub fn pairs(tags: &[Tag]) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    tags.iter().map(|tag| (Some(tag.key()), Some(tag.value())))
}
