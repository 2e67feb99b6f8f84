//! Creates or updates the security group.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    IpPermission, ResourceType, SecurityGroup, SecurityGroupRule, TagSpecification,
};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{
    Drift, EnsureSecurityGroupInput, EnsureSecurityGroupOutput, ResolvedNetwork,
};
use contract::{Owner, Spec, TagChanges, tag_changes};

use crate::change::{self, Change, Found};
use crate::find;
use crate::rule;
use crate::tag::{self, pairs, tags};

/// Creates the security group, or gives the existing one the requested tags, and allows inbound traffic from the backend.
/// Revokes envcache's own rules for an earlier backend or port. Reports rules that envcache didn't create, and keeps
/// them. A plan only returns what would be done.
///
/// # Errors
/// Returns `NotOwned` if a group with the requested name is neither owned nor adopted, and `NotFound`, which the state
/// machine retries, if EC2 doesn't return a new group yet. Otherwise, returns EC2's error.
pub async fn ensure(
    ec2: &Client,
    stack: &str,
    input: EnsureSecurityGroupInput,
) -> StepResult<EnsureSecurityGroupOutput> {
    let EnsureSecurityGroupInput {
        execution,
        plan,
        spec,
        belongs_here,
        former_tags,
        network,
        ..
    } = input;
    let owner = spec.owner(stack);
    let name = spec.cache.security_group_name.as_str();
    let found = match find::by_name(ec2, &network.vpc_id, name).await? {
        Some(group) => Some(found(&owner, &spec, belongs_here, &former_tags, group)?),
        None => None,
    };
    let requested = rule::requested(&spec, &network);
    let changes = change::plan_changes(found.as_ref(), &requested);
    let actions = changes
        .iter()
        .map(|change| change.to_action(name, &spec.tags))
        .collect();
    let rules = found.as_ref().map_or(&[][..], |found| &found.rules);
    let drift = Drift {
        inbound_rules: rule::others(rules, &requested),
    };
    let mut id = found
        .as_ref()
        .map(|found| found.id.clone())
        .unwrap_or_default();
    if !plan {
        for change in changes {
            match change {
                Change::Create => id = create(ec2, &owner, &execution, &spec, &network).await?,
                Change::Adopt => tag::add(ec2, &id, tags(owner.tags())).await?,
                Change::RemoveTags(removed) => {
                    tag::remove(ec2, &id, tag_changes::keys(&removed)).await?;
                }
                Change::AddTags(added) => {
                    tag::add(ec2, &id, tags(owner.with_tags(&added))).await?;
                }
                Change::Authorize(rule) => authorize(ec2, &id, rule).await?,
                Change::Revoke(rules) => revoke(ec2, &id, &rules).await?,
            }
        }
    }
    Ok(EnsureSecurityGroupOutput {
        security_group_id: id,
        actions,
        drift,
    })
}

/// Returns an existing group if it is owned or adopted.
fn found(
    owner: &Owner,
    spec: &Spec,
    belongs_here: bool,
    former_tags: &[String],
    group: SecurityGroup,
) -> StepResult<Found> {
    let requested = spec.cache.security_group_name.as_str();
    let Some(id) = group.group_id else {
        return Err(StepError::new(
            ErrorName::Internal,
            format!("DescribeSecurityGroups {requested}: EC2 returned the group without an ID"),
        ));
    };
    // It may differ in case from the one requested.
    let name = group.group_name.as_deref().unwrap_or(requested);
    let tags = group.tags.unwrap_or_default();
    let ownership = owner.classify(
        &format!("security group `{name}` ({id})"),
        spec.adoption(belongs_here),
        pairs(&tags),
    )?;
    Ok(Found {
        id,
        ownership,
        tags: TagChanges::new(&spec.tags, former_tags, ownership, pairs(&tags)),
        rules: group.ip_permissions.unwrap_or_default(),
    })
}

/// Creates the group with its tags in one call, so that a crash leaves nothing untagged.
async fn create(
    ec2: &Client,
    owner: &Owner,
    execution: &str,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> StepResult<String> {
    let name = spec.cache.security_group_name.as_str();
    let created_by = spec.options.created_by(execution);
    let created = ec2
        .create_security_group()
        .vpc_id(&network.vpc_id)
        .group_name(name)
        .description(format!("Cache of environment {}", spec.environment))
        .tag_specifications(
            TagSpecification::builder()
                .resource_type(ResourceType::SecurityGroup)
                .set_tags(Some(tags(owner.creation_tags(created_by, &spec.tags))))
                .build(),
        )
        .send()
        .await
        .map_err(|error| match step::code(&error) {
            Some("InvalidGroup.Duplicate") => {
                step::not_yet_visible("CreateSecurityGroup", name, error)
            }
            _ => step::failure("CreateSecurityGroup", name, error),
        })?;
    created.group_id.ok_or_else(|| {
        StepError::new(
            ErrorName::NotFound,
            format!("CreateSecurityGroup {name}: EC2 returned no ID. Start again"),
        )
    })
}

/// Adds a rule. `InvalidPermission.Duplicate` means that it already exists.
async fn authorize(ec2: &Client, id: &str, rule: IpPermission) -> StepResult<()> {
    let answer = ec2
        .authorize_security_group_ingress()
        .group_id(id)
        .ip_permissions(rule)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) if step::code(&error) == Some("InvalidPermission.Duplicate") => Ok(()),
        Err(error) => Err(step::failure("AuthorizeSecurityGroupIngress", id, error)),
    }
}

/// Revokes each of these rules by its ID, in a call of its own: one call for several rules may revoke none of them if
/// one no longer exists. A rule that no longer exists counts as revoked.
async fn revoke(ec2: &Client, id: &str, rules: &[IpPermission]) -> StepResult<()> {
    let shown = find::rules(ec2, id).await?;
    let outdated = shown
        .iter()
        .filter(|shown| rules.iter().any(|rule| rule::is_shown_as(rule, shown)))
        .filter_map(SecurityGroupRule::security_group_rule_id);
    for rule in outdated {
        let answer = ec2
            .revoke_security_group_ingress()
            .group_id(id)
            .security_group_rule_ids(rule)
            .send()
            .await;
        match answer {
            Ok(_) => {}
            Err(error) if step::code(&error) == Some("InvalidSecurityGroupRuleId.NotFound") => {}
            Err(error) => return Err(step::failure("RevokeSecurityGroupIngress", rule, error)),
        }
    }
    Ok(())
}
