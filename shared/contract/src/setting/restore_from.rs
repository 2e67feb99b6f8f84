//! `cache.restoreFrom`.

use serde::{Deserialize, Serialize};

use super::arn::is_partition;
use crate::checked::{Check, checked_text, described, length, require};

checked_text!(
    /// The name of an ElastiCache snapshot, which "is stored as a lowercase string"
    /// ([CreateSnapshot](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateSnapshot.html)): with
    /// uppercase letters, the same snapshot would count as another source. AWS documents no other rule. Manual snapshots are
    /// named like caches, and automatic ones `automatic.{cache}-{date}`
    /// ([describe-snapshots](https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-snapshots.html)). Only AWS
    /// knows whether it exists.
    SnapshotName,
    snapshot_name,
    rule "1 to 255 lowercase letters, digits, hyphens, and dots; it begins with a letter.",
    schema { "maxLength": 255, "pattern": "^[a-z][a-z0-9.-]*$" }
);
checked_text!(
    /// The ARN of an RDB file in Amazon S3. "The Amazon S3 object name in the ARN cannot contain any commas"
    /// ([CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)).
    /// Only AWS knows whether it exists.
    FileArn,
    file_arn,
    rule "`arn:aws:s3:::{bucket}/{key}`, without a comma.",
    schema {
        "pattern": "^arn:aws(-[a-z]+)*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\\u0020-\\u002b\\u002d-\\u007e]{1,1024}$"
    }
);

/// What a new cache is filled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RestoreFromFields", into = "RestoreFromFields")]
pub enum RestoreFrom {
    /// A snapshot of ElastiCache.
    Snapshot(SnapshotName),
    /// RDB files in Amazon S3.
    Files(Files),
}

impl RestoreFrom {
    /// Returns it as JSON text, as a plan and the environment's record have it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts always becomes JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The ARNs of RDB files, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<FileArn>", into = "Vec<FileArn>")]
pub struct Files(Vec<FileArn>);

/// The largest number of files. AWS documents none; a cache without cluster mode has one.
const MOST_FILES: usize = 20;

impl Files {
    /// Returns the ARNs, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = &FileArn> {
        self.0.iter()
    }
}

impl TryFrom<Vec<FileArn>> for Files {
    type Error = String;

    fn try_from(arns: Vec<FileArn>) -> Result<Self, String> {
        if !(1..=MOST_FILES).contains(&arns.len()) {
            return Err(format!(
                "{} files given, but a restore needs 1 to {MOST_FILES}",
                arns.len()
            ));
        }
        for (index, arn) in arns.iter().enumerate() {
            if arns[..index].contains(arn) {
                return Err(format!("`{arn}` is listed twice"));
            }
        }
        Ok(Self(arns))
    }
}

impl From<Files> for Vec<FileArn> {
    fn from(files: Files) -> Self {
        files.0
    }
}

/// The fields in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RestoreFromFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Files>,
}

impl TryFrom<RestoreFromFields> for RestoreFrom {
    type Error = &'static str;

    fn try_from(fields: RestoreFromFields) -> Result<Self, Self::Error> {
        match (fields.snapshot, fields.files) {
            (Some(name), None) => Ok(Self::Snapshot(name)),
            (None, Some(files)) => Ok(Self::Files(files)),
            (None, None) => Err("missing field `snapshot` or `files`"),
            (Some(_), Some(_)) => {
                Err("`snapshot` and `files` exclude each other: remove one of them")
            }
        }
    }
}

impl From<RestoreFrom> for RestoreFromFields {
    fn from(source: RestoreFrom) -> Self {
        match source {
            RestoreFrom::Snapshot(name) => Self {
                snapshot: Some(name),
                files: None,
            },
            RestoreFrom::Files(files) => Self {
                snapshot: None,
                files: Some(files),
            },
        }
    }
}

described!(
    RestoreFrom,
    "object",
    "`{\"snapshot\": name}` or `{\"files\": [ARN]}`.",
    {
        "additionalProperties": false,
        "properties": {
            "snapshot": {
                "description": "The name of a snapshot. 1 to 255 lowercase letters, digits, hyphens, and dots; it begins with a \
                                letter.",
                "type": "string",
                "maxLength": 255,
                "pattern": "^[a-z][a-z0-9.-]*$"
            },
            "files": {
                "description": "The ARNs of RDB files in Amazon S3, 1 to 20 of them, each once. \
                                `arn:aws:s3:::{bucket}/{key}`, without a comma.",
                "type": "array",
                "minItems": 1,
                "maxItems": 20,
                "uniqueItems": true,
                "items": {
                    "type": "string",
                    "pattern": "^arn:aws(-[a-z]+)*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\\u0020-\\u002b\\u002d-\\u007e]{1,1024}$"
                }
            }
        }
    }
);

fn snapshot_name(text: &str) -> Check {
    length(text, 255)?;
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    require(
        text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(is_allowed),
        "is not the name of a snapshot: it begins with a letter, and has lowercase letters, digits, hyphens, and dots",
    )
}

/// The rules of a [bucket's name](https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html) and of an
/// [object's key](https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html), of which only the keys in ASCII are
/// accepted.
fn file_arn(text: &str) -> Check {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let is_file = match parts[..] {
        ["arn", partition, "s3", "", "", object] => {
            is_partition(partition)
                && object
                    .split_once('/')
                    .is_some_and(|(bucket, key)| is_bucket(bucket) && is_key(key))
        }
        _ => false,
    };
    require(
        is_file,
        "is not the ARN of a file in Amazon S3, such as `arn:aws:s3:::backups/sessions.rdb`, without a comma",
    )
}

fn is_bucket(name: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    (3..=63).contains(&bytes.len())
        && ends.into_iter().flatten().all(|byte| is_end(*byte))
        && bytes
            .iter()
            .all(|byte| is_end(*byte) || b".-".contains(byte))
}

fn is_key(key: &str) -> bool {
    let is_allowed = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b',';
    (1..=1024).contains(&key.len()) && key.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{RestoreFrom, file_arn, snapshot_name};
    use crate::checked::assert_checks;

    #[test]
    fn checks_names_of_snapshots() {
        let longest = "a".repeat(255);
        let too_long = "a".repeat(256);
        let rule = "is not the name of a snapshot";
        assert_checks(
            snapshot_name,
            &[
                ("bandup-redis-final-1795341600000", ""),
                ("automatic.bandup-redis-2026-11-22-03-00", ""),
                ("sessions", ""),
                (longest.as_str(), ""),
                ("", "1 to 255 characters"),
                (too_long.as_str(), "1 to 255 characters"),
                ("1-snapshot", rule),
                ("Sessions", rule),
                ("sessionS", rule),
                ("a_b", rule),
                ("a b", rule),
                (
                    "arn:aws:elasticache:eu-west-1:123456789012:snapshot:a",
                    rule,
                ),
            ],
        );
    }

    #[test]
    fn checks_arns_of_files() {
        let rule = "is not the ARN of a file";
        let key = |length: usize| format!("arn:aws:s3:::backups/{}", "k".repeat(length));
        let bucket = |length: usize| format!("arn:aws:s3:::{}/a.rdb", "b".repeat(length));
        let valid = [
            "arn:aws:s3:::backups/sessions.rdb".to_owned(),
            "arn:aws-us-gov:s3:::my.backups-1/2026/11/a b~:+.rdb".to_owned(),
            key(1024),
            bucket(3),
            bucket(63),
        ];
        let invalid = [
            String::new(),
            "s3://backups/sessions.rdb".to_owned(),
            "arn:aws:s3:::backups".to_owned(),
            "arn:aws:s3:::backups/".to_owned(),
            "arn:aws:s3:::backups/a,b.rdb".to_owned(),
            "arn:aws:s3:::backups/\u{e9}.rdb".to_owned(),
            "arn:aws:s3:::Backups/a.rdb".to_owned(),
            "arn:aws:s3:::-backups/a.rdb".to_owned(),
            "arn:aws:s3:eu-west-1::backups/a.rdb".to_owned(),
            "arn:aws:sqs:::backups/a.rdb".to_owned(),
            key(1025),
            bucket(2),
            bucket(64),
        ];
        for (texts, rule) in [(valid.iter(), ""), (invalid.iter(), rule)] {
            for text in texts {
                assert_checks(file_arn, &[(text.as_str(), rule)]);
            }
        }
    }

    #[test]
    fn source_is_a_snapshot_or_files() {
        let file = "arn:aws:s3:::backups/a.rdb";
        let cases = [
            (json!({ "snapshot": "a" }), None),
            (json!({ "snapshot": "a", "files": null }), None),
            (json!({ "files": [file] }), None),
            (json!({}), Some("missing field `snapshot` or `files`")),
            (
                json!({ "snapshot": "a", "files": [file] }),
                Some("exclude each other"),
            ),
            (json!({ "files": [] }), Some("0 files given")),
            (json!({ "files": [file, file] }), Some("is listed twice")),
            (json!({ "file": file }), Some("unknown field `file`")),
            (json!({ "snapshot": 1 }), Some("invalid type: integer `1`")),
        ];
        for (value, expected) in cases {
            let found = serde_json::from_value::<RestoreFrom>(value.clone());

            match (found, expected) {
                (Ok(_), None) => {}
                (Err(error), Some(rule)) => {
                    assert!(error.to_string().contains(rule), "{value}: {error}");
                }
                (found, _) => panic!("{value}: {found:?}"),
            }
        }
    }

    #[test]
    fn json_of_a_source_is_that_of_a_request() {
        let value = json!({ "snapshot": "sessions" });
        let source: RestoreFrom = serde_json::from_value(value.clone()).expect("a source");

        let text = source.to_json();

        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read, value);
    }
}
