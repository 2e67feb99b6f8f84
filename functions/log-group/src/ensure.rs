//! Creates or updates the log groups.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureLogGroupInput, EnsureLogGroupOutput};
use contract::setting::Logs;
use contract::{Action, Owner, Ownership, Spec, TagChanges, TagDifference, tag_changes};

use crate::find;
use crate::tag::{self, tags};

/// Creates the log group of each requested log, or gives the existing one the requested tags and retention. A plan only returns
/// what would be done.
///
/// Every group is compared before the first one is changed, so that a run that rejects one changes none. The groups of an
/// environment that was removed have its owner tags, so a new cache of the environment uses them again.
///
/// # Errors
/// Returns `NotOwned` if a group is neither owned nor adopted, `InvalidSpec` if the request omits the retention and the adoption
/// of a group would change it, and `NotFound`, which the state machine retries, if CloudWatch Logs doesn't return a new group
/// yet. Otherwise, returns the error of CloudWatch Logs.
pub async fn ensure(
    logs: &Client,
    stack: &str,
    input: EnsureLogGroupInput,
) -> StepResult<EnsureLogGroupOutput> {
    let spec = &input.spec;
    let Some(requested) = &spec.cache.logs else {
        return Ok(EnsureLogGroupOutput {
            actions: Vec::new(),
        });
    };
    let owner = spec.owner(stack);
    let mut all = Vec::new();
    for kind in requested.kinds() {
        let name = kind.group_name(&spec.cache.name);
        let found = find::log_group(logs, &name).await?;
        let changes = changes(logs, &owner, &input, requested, found.as_ref());
        all.push((name, changes.await?, found));
    }
    let mut actions = Vec::new();
    for (name, changes, found) in &all {
        let action = |change| to_action(change, name, found.as_ref(), spec);
        actions.extend(changes.iter().map(action));
    }
    if !input.plan {
        for (name, changes, found) in &all {
            let arn = found.as_ref().map(find::arn).unwrap_or_default();
            for change in changes {
                make(logs, &owner, spec, (name.as_str(), arn), change).await?;
            }
        }
    }
    Ok(EnsureLogGroupOutput { actions })
}

/// Returns the changes that give a log group the requested tags and retention.
async fn changes(
    logs: &Client,
    owner: &Owner,
    input: &EnsureLogGroupInput,
    requested: &Logs,
    found: Option<&LogGroup>,
) -> StepResult<Vec<Change>> {
    let retention = requested.retention().get();
    let keep = Change::Keep(retention);
    let Some(group) = found else {
        return Ok(vec![Change::Create, keep]);
    };
    let found = find::tags(logs, group).await?;
    let ownership = owner.classify_or(
        &format!("log group `{}`", group.log_group_name().unwrap_or_default()),
        Some(ALTERNATIVE),
        input.spec.adoption(input.belongs_here),
        find::pairs(&found),
    )?;
    if ownership == Ownership::Adoptable {
        require_retention(requested, group)?;
    }
    let TagChanges { remove, add } = TagChanges::new(
        &input.spec.tags,
        &input.former_tags,
        ownership,
        find::pairs(&found),
    );
    let changes = [
        (ownership == Ownership::Adoptable).then_some(Change::Adopt),
        (!remove.is_empty()).then_some(Change::RemoveTags(remove)),
        (!add.is_empty()).then_some(Change::AddTags(add)),
        (group.retention_in_days() != Some(retention)).then_some(keep),
    ];
    Ok(changes.into_iter().flatten().collect())
}

/// What to do instead of an adoption. A request can't name another log group, because its name derives from that of the cache.
const ALTERNATIVE: &str = "delete the log group if nothing uses it, remove the log from `cache.logs`, or, for a new cache, \
                           request another `cache.name`";

/// Checks that the request contains the retention if the adoption of this group would change it, because CloudWatch Logs deletes
/// the entries that are older than the retention
/// ([PutRetentionPolicy](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html)).
fn require_retention(requested: &Logs, group: &LogGroup) -> StepResult<()> {
    let (found, default) = (group.retention_in_days(), requested.retention().get());
    if requested.retention_days.is_some() || found == Some(default) {
        return Ok(());
    }
    let (kept, remedy) = found.map_or_else(
        || {
            let remedy =
                "Set `cache.logs.retentionDays` to the number of days to keep them, at most 3653";
            ("forever".to_owned(), remedy.to_owned())
        },
        |days| {
            let remedy = format!("To keep the retention, set `cache.logs.retentionDays` to {days}");
            (format!("for {days} days"), remedy)
        },
    );
    Err(StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "log group `{}` keeps its entries {kept}, and the request omits `cache.logs.retentionDays`, whose default is \
             {default}: the adoption would change how long CloudWatch Logs keeps them. Nothing was changed. {remedy}, then \
             start again",
            group.log_group_name().unwrap_or_default()
        ),
    ))
}

/// A call that writes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Create,
    Adopt,
    RemoveTags(Vec<TagDifference>),
    AddTags(Vec<TagDifference>),
    /// Keeps the entries for this number of days. A new log group keeps them forever.
    Keep(i32),
}

/// Returns the change as a plan lists it.
fn to_action(change: &Change, name: &str, found: Option<&LogGroup>, spec: &Spec) -> Action {
    match change {
        Change::Create => Action::new("CreateLogGroup", name).sets_tags(&spec.tags),
        Change::Adopt => Action::new("TagResource", name),
        Change::RemoveTags(removed) => Action::new("UntagResource", name).changes_tags(removed),
        Change::AddTags(added) => Action::new("TagResource", name).changes_tags(added),
        Change::Keep(days) => {
            let found = found.and_then(LogGroup::retention_in_days);
            Action::new("PutRetentionPolicy", name).change(
                "cache.logs.retentionDays",
                found.map(|days| days.to_string()),
                Some(days.to_string()),
            )
        }
    }
}

/// Makes a change to the log group with this name and this ARN, which is empty if the group doesn't exist yet.
async fn make(
    logs: &Client,
    owner: &Owner,
    spec: &Spec,
    (name, arn): (&str, &str),
    change: &Change,
) -> StepResult<()> {
    match change {
        Change::Create => create(logs, owner, spec, name).await,
        Change::Adopt => tag::add(logs, arn, tags(owner.tags())).await,
        Change::RemoveTags(removed) => tag::remove(logs, arn, tag_changes::keys(removed)).await,
        Change::AddTags(added) => tag::add(logs, arn, tags(owner.with_tags(added))).await,
        Change::Keep(days) => logs
            .put_retention_policy()
            .log_group_name(name)
            .retention_in_days(*days)
            .send()
            .await
            .map(drop)
            .map_err(|error| find::failure("PutRetentionPolicy", name, error)),
    }
}

/// Creates a log group. Its tags don't name the execution, because neither a removal nor a rollback deletes it.
async fn create(logs: &Client, owner: &Owner, spec: &Spec, name: &str) -> StepResult<()> {
    logs.create_log_group()
        .log_group_name(name)
        .set_tags(Some(tags(owner.creation_tags(None, &spec.tags))))
        .send()
        .await
        .map(drop)
        .map_err(|error| match step::code(&error) {
            Some("ResourceAlreadyExistsException") => {
                step::not_yet_visible("CreateLogGroup", name, error)
            }
            _ => step::failure("CreateLogGroup", name, error),
        })
}
