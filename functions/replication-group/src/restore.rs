//! Checks what a new cache is restored from: that its data isn't used twice, and that ElastiCache can restore a snapshot.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{DataTieringStatus, Durability, Snapshot};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::EnsureReplicationGroupInput;
use contract::setting::{EngineVersion, RestoreFrom, SnapshotName};
use contract::version::Version;

use crate::find;

/// Checks that a new cache may be restored from the source that the request names, if it names one. `restored_from` is the
/// source in the environment's record.
///
/// Files aren't checked: the function's role can't read them.
///
/// # Errors
/// Returns `Immutable` if the environment's cache had the source already; `NotFound` if the snapshot doesn't exist;
/// `InvalidSpec` if ElastiCache can't restore it; otherwise, ElastiCache's error.
pub async fn check(
    elasticache: &Client,
    input: &EnsureReplicationGroupInput,
    restored_from: Option<&str>,
) -> StepResult<()> {
    let Some(source) = &input.spec.cache.restore_from else {
        return Ok(());
    };
    require_unused(source, input, restored_from)?;
    let RestoreFrom::Snapshot(name) = source else {
        return Ok(());
    };
    let found = find::snapshot(elasticache, name.as_str()).await?;
    let snapshot = found.ok_or_else(|| missing(name))?;
    let Some((problem, remedy)) = problem(&snapshot, input) else {
        return Ok(());
    };
    Err(StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "DescribeSnapshots {name}: the snapshot can't be restored to the requested cache: {problem}. The cache was not \
             created. {remedy}, then start again"
        ),
    ))
}

/// Checks that no cache of the environment was found as requested with the source. Such a cache has disappeared: creating it
/// again from the same data would silently lose what was written since.
fn require_unused(
    source: &RestoreFrom,
    input: &EnsureReplicationGroupInput,
    restored_from: Option<&str>,
) -> StepResult<()> {
    let source = source.to_json();
    if restored_from != Some(source.as_str()) {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "cache.restoreFrom: the cache `{}` doesn't exist anymore, and an earlier run had the same source, {source}. It \
             isn't restored again, because what was written since would be lost without notice. The cache was not created. \
             Remove cache.restoreFrom for an empty cache, or name another source; to use this one again, remove the \
             environment's cache first. Then start again",
            input.spec.cache.name
        ),
    ))
}

fn missing(name: &SnapshotName) -> StepError {
    StepError::new(
        ErrorName::NotFound,
        format!(
            "DescribeSnapshots {name}: there is no such snapshot in the stack's account and Region. The cache was not \
             created. Request a snapshot that exists, then start again"
        ),
    )
}

/// The first major version of Valkey whose files have a format that earlier versions can't read
/// (<https://github.com/valkey-io/valkey/blob/9.0.0/src/rdb.h>).
const NEW_FORMAT: u32 = 9;

/// Returns why ElastiCache can't restore a snapshot to the requested cache, and what to do; none if it may. The rules are
/// those of [restoring](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-restoring.html),
/// [data tiering](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html), and durability
/// ([snapshots](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Durability.Configuring.html),
/// [cluster mode](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Durability.Limitations.html)).
///
/// Whether a snapshot of Redis OSS can be restored to Valkey, and whether one can be while another cache is restored from
/// it, isn't documented: ElastiCache decides.
fn problem(snapshot: &Snapshot, input: &EnsureReplicationGroupInput) -> Option<(String, String)> {
    let other = "Request another snapshot";
    let engine = snapshot.engine().unwrap_or_default();
    let cache = &input.spec.cache;
    match snapshot.snapshot_status() {
        None | Some("available" | "restoring") => {}
        Some(status @ ("creating" | "copying")) => {
            let remedy = "Wait until it is available, or request another one";
            return Some((format!("its status is {status}"), remedy.to_owned()));
        }
        Some(status) => return Some((format!("its status is {status}"), other.to_owned())),
    }
    if !matches!(engine, "" | "valkey" | "redis") {
        return Some((format!("its engine is {engine}"), other.to_owned()));
    }
    if let Some(shards) = snapshot.num_node_groups().filter(|shards| *shards > 1) {
        let problem = format!("it has {shards} shards, and the cache has one");
        return Some((problem, other.to_owned()));
    }
    if let Some(Durability::Async | Durability::Sync) = snapshot.durability() {
        let problem = "it has durability, which a restore preserves and a cache without cluster mode can't have";
        return Some((problem.to_owned(), other.to_owned()));
    }
    let is_tiered = snapshot.data_tiering() == Some(&DataTieringStatus::Enabled);
    if is_tiered && !cache.node_type.has_data_tiering() {
        return Some((
            format!("it has data tiering, and `{}` doesn't", cache.node_type),
            "Request a cache.nodeType of the family r6gd, or another snapshot".to_owned(),
        ));
    }
    let read = |text: Option<&str>| text.and_then(Version::read);
    let found = read(snapshot.engine_version()).filter(|_| engine == "valkey")?;
    let wanted = read(cache.engine_version.as_ref().map(EngineVersion::as_str))?;
    (found.major >= NEW_FORMAT && wanted.major < NEW_FORMAT).then(|| {
        (
            format!("it is of Valkey {found}, whose files Valkey {wanted} can't read"),
            format!("Request a cache.engineVersion of {found}, or another snapshot"),
        )
    })
}

/// Returns whether ElastiCache rejects the creation because of the source. For files, it has no error code of its own, and no
/// documentation lists the messages.
pub fn rejects(code: &str, message: &str) -> bool {
    let names_source = || {
        let message = message.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| message.contains(word));
        // The settings of automatic snapshots aren't meant.
        names(&["snapshot", "s3", "bucket", "rdb"]) && !names(&["window", "retention"])
    };
    match code {
        "SnapshotNotFoundFault" | "InvalidSnapshotState" => true,
        "InvalidParameterValue" | "InvalidParameterCombination" => names_source(),
        _ => false,
    }
}

/// Returns the error for a creation that ElastiCache rejects because of the source.
pub fn rejected(input: &EnsureReplicationGroupInput, code: &str, message: &str) -> StepError {
    let name = match code {
        "SnapshotNotFoundFault" => ErrorName::NotFound,
        _ => ErrorName::InvalidSpec,
    };
    let remedy = match &input.spec.cache.restore_from {
        Some(RestoreFrom::Files(_)) => {
            "Check that each file of cache.restoreFrom exists in a bucket of the stack's Region, is encrypted with SSE-S3 or not \
             at all, and can be read by ElastiCache (see docs/restore.md)"
        }
        _ => {
            "Check that the snapshot of cache.restoreFrom exists, is available, and fits the requested cache"
        }
    };
    StepError::new(
        name,
        format!(
            "CreateReplicationGroup {}: {code}: {}. The cache was not created. {remedy}, or request another source, then start \
             again",
            input.spec.cache.name,
            message.trim_end_matches('.')
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::rejects;

    /// The first two messages are assumptions: AWS documents none.
    #[test]
    fn recognizes_rejection_of_the_source() {
        let cases = [
            (
                "InvalidParameterValue",
                "Unable to fetch metadata from S3 for bucket: backups and object: sessions.rdb.",
                true,
            ),
            ("InvalidParameterCombination", "Snapshot has shards.", true),
            ("SnapshotNotFoundFault", "", true),
            ("InvalidSnapshotState", "", true),
            (
                "InvalidParameterValue",
                "Invalid snapshot retention limit: 36.",
                false,
            ),
            (
                "InvalidParameterValue",
                "Snapshot window must be at least 60 minutes.",
                false,
            ),
            ("InvalidParameterValue", "Invalid node type.", false),
            ("AccessDenied", "Not authorized on the snapshot.", false),
        ];
        for (code, message, expected) in cases {
            assert_eq!(rejects(code, message), expected, "{message}");
        }
    }
}
