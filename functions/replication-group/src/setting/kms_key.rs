//! `cache.kmsKey`: the key that encrypts the cache at rest.
//!
//! ElastiCache describes a cache with the key's ARN (<https://github.com/floci-io/floci/pull/2632>), so the function finds
//! the ARN of the requested key first.

use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Comparison, Creation, Found, Setting};

pub struct KmsKey;

impl Setting for KmsKey {
    fn field(&self) -> &'static str {
        "cache.kmsKey"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["KmsKeyId"]
    }

    fn change(&self) -> Change {
        Change::Never(None)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(requested(input)?))
    }

    /// A cache without a key is encrypted with AWS's default key.
    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(json!(found.group.kms_key_id()))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.set_kms_key_id(requested(input).map(str::to_owned))
    }

    fn compare(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Comparison {
        let Some(wanted) = self.requested(input) else {
            return Comparison::Equal;
        };
        let arn = wanted.as_str().unwrap_or_default();
        if found
            .group
            .kms_key_id()
            .is_some_and(|key| is_same(key, arn))
        {
            return Comparison::Equal;
        }
        match &input.spec.cache.kms_key {
            Some(key) if key.is_alias() => {
                Comparison::Rejected(wanted, format!("`{key}` refers to this key now"))
            }
            _ => Comparison::Different(wanted),
        }
    }

    /// A cache keeps its key if the request omits it.
    fn to_keep(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<Value> {
        input.spec.cache.kms_key.as_ref()?;
        self.found(found)
    }
}

/// Returns whether ElastiCache's `KmsKeyId` is the key with this ARN. AWS's reference calls it an ID.
fn is_same(found: &str, arn: &str) -> bool {
    let id = arn.rsplit_once(":key/").map_or(arn, |(_, id)| id);
    found == arn || found == id
}

/// Returns the ARN of the requested key, or the key as the request names it if the function hasn't found its ARN.
fn requested(input: &EnsureReplicationGroupInput) -> Option<&str> {
    let key = input.spec.cache.kms_key.as_ref()?;
    Some(input.kms_key_arn.as_deref().unwrap_or(key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn key_is_recognized_by_its_arn_and_by_its_id() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = format!("arn:aws:kms:ap-southeast-1:123456789012:key/{id}");
        for (found, expected) in [(arn.as_str(), true), (id, true), ("1234abcd", false)] {
            assert_eq!(is_same(found, &arn), expected, "{found}");
        }
    }
}
