//! Publishes the endpoint.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterType, Tag};
use contract::Owner;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{PublishEndpointInput, Published};
use contract::parameter::{Parameter, outdated, parameters};

use crate::delete::delete;
use crate::find::{pairs, read, tags};

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
    let names = wanted.iter().map(|parameter| &parameter.name);
    let found = read(ssm, names.chain(outdated.as_ref()).cloned().collect()).await?;
    for name in found.keys().filter(|name| Some(*name) != outdated.as_ref()) {
        owner.require(
            &format!("parameter `{name}`"),
            pairs(&tags(ssm, name).await?),
        )?;
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
        && owner.owns(pairs(&tags(ssm, &name).await?))
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
