//! The cache's endpoint in Parameter Store.

use std::collections::HashMap;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterType, ResourceTypeForTagging, Tag};
use contract::Owner;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{PublishEndpointInput, Published};
use contract::parameter::{Parameter, outdated, parameters};

/// Writes the parameters that are missing or differ, and no others. One of ours that no longer applies goes.
///
/// # Errors
/// `NotOwned` where a parameter of a wanted name is not ours, before anything is written; else what
/// Systems Manager answered.
pub async fn publish(
    ssm: &Client,
    stack: &str,
    input: PublishEndpointInput,
) -> StepResult<Published> {
    let PublishEndpointInput { spec, endpoints } = input;
    let owner = spec.owner(stack);
    let wanted = parameters(
        spec.parameter_prefix.as_str(),
        spec.environment.as_str(),
        &endpoints,
    );
    let outdated = outdated(spec.parameter_prefix.as_str(), &endpoints);
    let found = read(ssm, &wanted, outdated.as_ref()).await?;
    for name in found.keys().filter(|name| Some(*name) != outdated.as_ref()) {
        require_ownership(ssm, &owner, name).await?;
    }
    let mut written = Vec::new();
    for parameter in &wanted {
        match found.get(&parameter.name) {
            Some(value) if *value == parameter.value => continue,
            Some(_) => overwrite(ssm, parameter).await?,
            None => create(ssm, &owner, parameter).await?,
        }
        written.push(parameter.name.clone());
    }
    let mut removed = Vec::new();
    if let Some(name) = outdated.filter(|name| found.contains_key(name))
        && is_ours(ssm, &owner, &name).await?
    {
        delete(ssm, &name).await?;
        removed.push(name);
    }
    Ok(Published {
        primary_endpoint: endpoints.primary.to_string(),
        url: format!("rediss://{}", endpoints.primary),
        parameters: wanted.into_iter().map(|parameter| parameter.name).collect(),
        written,
        removed,
    })
}

/// The parameters that exist, name and value. A name that does not exist is left out, which is no error.
async fn read(
    ssm: &Client,
    wanted: &[Parameter],
    outdated: Option<&String>,
) -> StepResult<HashMap<String, String>> {
    let names: Vec<_> = wanted
        .iter()
        .map(|parameter| &parameter.name)
        .chain(outdated)
        .cloned()
        .collect();
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
        .filter_map(|parameter| Some((parameter.name?, parameter.value?)))
        .collect())
}

async fn require_ownership(ssm: &Client, owner: &Owner, name: &str) -> StepResult<()> {
    let tags = ssm
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(name)
        .send()
        .await
        .map_err(|error| step::failure("ListTagsForResource", name, error))?
        .tag_list
        .unwrap_or_default();
    owner.require(
        &format!("parameter `{name}`"),
        tags.iter().map(|tag| (Some(tag.key()), Some(tag.value()))),
    )
}

/// Whether a parameter that is in nobody's way is ours.
async fn is_ours(ssm: &Client, owner: &Owner, name: &str) -> StepResult<bool> {
    match require_ownership(ssm, owner, name).await {
        Ok(()) => Ok(true),
        Err(error) if error.name() == ErrorName::NotOwned => Ok(false),
        Err(error) => Err(error),
    }
}

/// `ParameterNotFound` says that it is gone already, which is what is wanted.
async fn delete(ssm: &Client, name: &str) -> StepResult<()> {
    match ssm.delete_parameter().name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) if step::code(&error) == Some("ParameterNotFound") => Ok(()),
        Err(error) => Err(step::failure("DeleteParameter", name, error)),
    }
}

/// A new parameter with its tags. `PutParameter` refuses tags together with `Overwrite`
/// ([PutParameter](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html)).
async fn create(ssm: &Client, owner: &Owner, parameter: &Parameter) -> StepResult<()> {
    let tags = owner
        .tags()
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            StepError::new(
                ErrorName::Internal,
                format!("the tags of parameter {}: {error}", parameter.name),
            )
        })?;
    ssm.put_parameter()
        .name(&parameter.name)
        .value(&parameter.value)
        .description(&parameter.description)
        .r#type(ParameterType::String)
        .set_tags(Some(tags))
        .send()
        .await
        .map(drop)
        .map_err(|error| match step::code(&error) {
            Some("ParameterAlreadyExists") => step::unseen("PutParameter", &parameter.name, error),
            _ => step::failure("PutParameter", &parameter.name, error),
        })
}

async fn overwrite(ssm: &Client, parameter: &Parameter) -> StepResult<()> {
    ssm.put_parameter()
        .name(&parameter.name)
        .value(&parameter.value)
        .description(&parameter.description)
        .r#type(ParameterType::String)
        .overwrite(true)
        .send()
        .await
        .map(drop)
        .map_err(|error| step::failure("PutParameter", &parameter.name, error))
}

#[cfg(test)]
mod tests;
