//! Publishes the endpoint.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{
    Endpoint, Endpoints, PublishEndpointInput, PublishEndpointOutput, Published,
};
use contract::parameter::{Parameter, outdated, parameters};
use contract::{
    Action, Adoption, Owner, Ownership, Spec, TagChanges, TagDifference, Tags, tag_changes,
};

use crate::delete::delete;
use crate::find::{Found, pairs, read, tags};
use crate::tag::{self, to_tags};

/// Writes the parameters that are missing or differ, gives them the requested tags, and deletes an owned one that no
/// longer applies. A plan only returns what would be done.
///
/// # Errors
/// Before it writes anything, returns `NotOwned` if a parameter with a requested name is neither owned nor adopted, and
/// `Immutable` if one isn't of the type `String`. Otherwise, returns Systems Manager's error.
pub async fn publish(
    ssm: &Client,
    stack: &str,
    input: PublishEndpointInput,
) -> StepResult<PublishEndpointOutput> {
    let PublishEndpointInput {
        execution,
        plan,
        spec,
        belongs_here,
        former_tags,
        endpoints,
        ..
    } = input;
    let owner = spec.owner(stack);
    let is_known = endpoints.is_some();
    let endpoints = match endpoints {
        Some(endpoints) => endpoints,
        None if plan => unknown(&spec),
        None => {
            return Err(StepError::new(
                ErrorName::Internal,
                "there is no endpoint to publish. The state machine and the functions have different versions. Deploy the \
                 stack again",
            ));
        }
    };
    let mut requested = parameters(
        spec.parameter_prefix.as_str(),
        spec.environment.as_str(),
        &endpoints,
    );
    if !is_known {
        let has_host = |parameter: &&mut Parameter| parameter.value.contains(UNKNOWN);
        for parameter in requested.iter_mut().filter(has_host) {
            UNKNOWN.clone_into(&mut parameter.value);
        }
    }
    let adoption = spec.adoption(belongs_here);
    let outdated = outdated(spec.parameter_prefix.as_str(), &endpoints);
    let changes = plan_changes(
        ssm,
        &owner,
        adoption,
        &spec.tags,
        &former_tags,
        &requested,
        outdated,
    )
    .await?;
    if plan {
        let to_action = |change: &Change<'_>| change.to_action(&spec.tags);
        let actions = changes.iter().map(to_action).collect();
        return Ok(PublishEndpointOutput::Planned { actions });
    }
    let (mut written, mut removed) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Adopt(name) => tag::add(ssm, name, owner.tags().into()).await?,
            Change::RemoveTags(name, removed) => {
                tag::remove(ssm, name, tag_changes::keys(&removed)).await?;
            }
            Change::AddTags(name, added) => tag::add(ssm, name, owner.with_tags(&added)).await?,
            Change::Create(parameter) => {
                create(ssm, &owner, &execution, &spec, parameter).await?;
                written.push(parameter.name.clone());
            }
            Change::Overwrite(parameter, _) => {
                overwrite(ssm, parameter).await?;
                written.push(parameter.name.clone());
            }
            Change::Delete(name) => {
                delete(ssm, &name).await?;
                removed.push(name);
            }
        }
    }
    Ok(PublishEndpointOutput::Published(Published {
        primary_endpoint: endpoints.primary.to_string(),
        url: format!("rediss://{}", endpoints.primary),
        parameters: requested
            .into_iter()
            .map(|parameter| parameter.name)
            .collect(),
        written,
        removed,
    }))
}

/// What a plan shows in place of a value that only ElastiCache knows.
const UNKNOWN: &str = "(known once the cache is available)";

/// Returns the endpoints of a cache that doesn't exist yet: only the port is known.
fn unknown(spec: &Spec) -> Endpoints {
    let endpoint = Endpoint {
        host: UNKNOWN.to_owned(),
        port: u16::try_from(spec.cache.port.get()).unwrap_or_default(),
    };
    Endpoints {
        reader: (spec.cache.replicas.get() > 0).then(|| endpoint.clone()),
        primary: endpoint,
    }
}

/// A call that writes.
enum Change<'a> {
    Adopt(&'a str),
    RemoveTags(&'a str, Vec<TagDifference>),
    AddTags(&'a str, Vec<TagDifference>),
    Create(&'a Parameter),
    /// With the current value, for a plan.
    Overwrite(&'a Parameter, String),
    Delete(String),
}

impl Change<'_> {
    /// Returns the change as a plan lists it. `tags` are those of a new parameter.
    fn to_action(&self, tags: &Tags) -> Action {
        match self {
            Self::Adopt(name) => Action::new("AddTagsToResource", *name),
            Self::RemoveTags(name, removed) => {
                Action::new("RemoveTagsFromResource", *name).changes_tags(removed)
            }
            Self::AddTags(name, added) => {
                Action::new("AddTagsToResource", *name).changes_tags(added)
            }
            Self::Create(parameter) => Action::new("PutParameter", &parameter.name)
                .sets("value", &parameter.value)
                .sets_tags(tags),
            Self::Overwrite(parameter, found) => Action::new("PutParameter", &parameter.name)
                .change("value", Some(found.clone()), Some(parameter.value.clone())),
            Self::Delete(name) => Action::new("DeleteParameter", name),
        }
    }
}

/// Returns the changes, in order. Checks the owner tags of every parameter before anything is written. Of the other tags,
/// the requested ones are added and those that only earlier requests named are removed.
async fn plan_changes<'a>(
    ssm: &Client,
    owner: &Owner,
    adoption: Adoption,
    requested_tags: &Tags,
    former_tags: &[String],
    requested: &'a [Parameter],
    outdated: Option<String>,
) -> StepResult<Vec<Change<'a>>> {
    let names = requested.iter().map(|parameter| &parameter.name);
    let found = read(ssm, names.chain(outdated.as_ref()).cloned().collect()).await?;
    let mut changes = Vec::new();
    for parameter in requested {
        let Some(Found { value, kind }) = found.get(&parameter.name) else {
            changes.push(Change::Create(parameter));
            continue;
        };
        let name = parameter.name.as_str();
        let found_tags = tags(ssm, name).await?;
        let ownership =
            owner.classify(&format!("parameter `{name}`"), adoption, pairs(&found_tags))?;
        require_string(name, kind)?;
        // Users who can read a plan may not be allowed to read the parameter itself.
        let shown = match ownership {
            Ownership::Owned => value.clone(),
            Ownership::Adoptable => {
                changes.push(Change::Adopt(name));
                ANOTHER_VALUE.to_owned()
            }
        };
        let TagChanges { remove, add } =
            TagChanges::new(requested_tags, former_tags, ownership, pairs(&found_tags));
        if !remove.is_empty() {
            changes.push(Change::RemoveTags(name, remove));
        }
        if !add.is_empty() {
            changes.push(Change::AddTags(name, add));
        }
        // A value that isn't known yet may turn out to be the one that is published.
        let is_known = parameter.value != UNKNOWN || ownership == Ownership::Adoptable;
        if *value != parameter.value && is_known {
            changes.push(Change::Overwrite(parameter, shown));
        }
    }
    if let Some(name) = outdated.filter(|name| found.contains_key(name))
        && owner.owns(pairs(&tags(ssm, &name).await?))
    {
        changes.push(Change::Delete(name));
    }
    Ok(changes)
}

/// What a plan shows in place of a value that envcache didn't write.
const ANOTHER_VALUE: &str = "another value";

/// Checks that a parameter can hold an endpoint.
///
/// # Errors
/// Returns `Immutable` if it isn't of the type `String`, because envcache doesn't overwrite a secret. Systems Manager
/// may or may not reject that: `HierarchyTypeMismatchException` of
/// [PutParameter](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html) says that a
/// parameter's type never changes, but such a change was observed
/// (<https://github.com/hashicorp/terraform-provider-aws/pull/10819>).
fn require_string(name: &str, kind: &ParameterType) -> StepResult<()> {
    if *kind == ParameterType::String {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "parameter `{name}` is a {kind}, and envcache publishes an endpoint only in a String. No parameter was \
             changed. Delete the parameter if nothing uses it, or, for an environment without a cache, set \
             `parameterPrefix` to another path. Then start again"
        ),
    ))
}

/// Creates a parameter with its tags. `PutParameter` rejects tags together with `Overwrite`
/// ([PutParameter](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html)).
async fn create(
    ssm: &Client,
    owner: &Owner,
    execution: &str,
    spec: &Spec,
    parameter: &Parameter,
) -> StepResult<()> {
    let created_by = spec.options.created_by(execution);
    let tags = to_tags(owner.creation_tags(created_by, &spec.tags))?;
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
            Some("ParameterAlreadyExists") => {
                step::not_yet_visible("PutParameter", &parameter.name, error)
            }
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
