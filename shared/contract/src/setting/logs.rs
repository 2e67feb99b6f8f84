//! `cache.logs`.

use serde::{Deserialize, Serialize};

use crate::checked::described;
use crate::value::ReplicationGroupId;

/// Which of the cache's logs ElastiCache delivers to CloudWatch Logs, at least one, and for how long they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LogsFields", into = "LogsFields")]
pub struct Logs {
    /// The slow log; none if it isn't delivered.
    pub slow: Option<Log>,
    /// The engine log; none if it isn't delivered.
    pub engine: Option<Log>,
    /// How long the entries are kept; none if the request omits it.
    pub retention_days: Option<LogRetentionDays>,
}

impl Logs {
    /// Returns how a log is delivered; none if it isn't.
    #[must_use]
    pub const fn get(&self, kind: LogKind) -> Option<Log> {
        match kind {
            LogKind::Slow => self.slow,
            LogKind::Engine => self.engine,
        }
    }

    /// Returns how long the entries are kept: as requested, or the default.
    #[must_use]
    pub fn retention(&self) -> LogRetentionDays {
        self.retention_days.unwrap_or_default()
    }

    /// Returns the logs that are delivered, in the order of [`LogKind::ALL`].
    pub fn kinds(&self) -> impl Iterator<Item = LogKind> {
        LogKind::ALL
            .into_iter()
            .filter(move |kind| self.get(*kind).is_some())
    }
}

/// A log of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// The commands that took longest.
    Slow,
    /// What the engine reports about itself.
    Engine,
}

impl LogKind {
    /// Every log.
    pub const ALL: [Self; 2] = [Self::Slow, Self::Engine];

    /// Returns the log's name in a request.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Engine => "engine",
        }
    }

    /// Returns the name of the log group that a cache's log is delivered to.
    ///
    /// CloudWatch Logs recommends the prefix for the groups that services deliver to: a resource policy of the account covers
    /// all groups with the prefix, and so stays below its limit of 5,120 characters
    /// ([size limit](https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html)). For new deliveries, AWS creates a
    /// policy of the log group instead, unless one of the account allows the delivery already
    /// ([vended logs](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html)).
    #[must_use]
    pub fn group_name(self, cache: &ReplicationGroupId) -> String {
        self.group_name_of(cache.as_str())
    }

    /// Returns the name of the log group of the cache with this ID, as ElastiCache returns it.
    #[must_use]
    pub fn group_name_of(self, cache: &str) -> String {
        format!("/aws/vendedlogs/elasticache/{cache}/{}-log", self.field())
    }
}

/// How a log is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "LogFields", into = "LogFields")]
pub struct Log {
    /// The format of its entries.
    pub format: LogFormat,
}

/// The format of a log's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// A JSON object.
    #[default]
    Json,
    /// A line of text.
    Text,
}

impl LogFormat {
    /// Returns the format's name in a request and in ElastiCache's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// The number of days that CloudWatch Logs keeps log entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i32")]
pub struct LogRetentionDays(i32);

/// The values that
/// [PutRetentionPolicy](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html)
/// accepts.
const RETENTIONS: [i32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

impl LogRetentionDays {
    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl Default for LogRetentionDays {
    fn default() -> Self {
        Self(30)
    }
}

impl TryFrom<i64> for LogRetentionDays {
    type Error = String;

    fn try_from(days: i64) -> Result<Self, String> {
        let known = RETENTIONS
            .into_iter()
            .find(|known| i64::from(*known) == days);
        known.map(Self).ok_or_else(|| {
            let all = RETENTIONS.map(|days| days.to_string()).join(", ");
            format!("{days} is not one of the numbers of days that CloudWatch Logs accepts: {all}")
        })
    }
}

impl From<LogRetentionDays> for i32 {
    fn from(days: LogRetentionDays) -> Self {
        days.0
    }
}

/// The fields of `logs` in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogsFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<Log>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<Log>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_days: Option<LogRetentionDays>,
}

/// The fields of a log in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LogFields {
    format: Option<LogFormat>,
}

impl TryFrom<LogsFields> for Logs {
    type Error = &'static str;

    fn try_from(fields: LogsFields) -> Result<Self, Self::Error> {
        if fields.slow.is_none() && fields.engine.is_none() {
            return Err("missing field `slow` or `engine`");
        }
        Ok(Self {
            slow: fields.slow,
            engine: fields.engine,
            retention_days: fields.retention_days,
        })
    }
}

impl From<Logs> for LogsFields {
    fn from(logs: Logs) -> Self {
        Self {
            slow: logs.slow,
            engine: logs.engine,
            retention_days: logs.retention_days,
        }
    }
}

impl From<LogFields> for Log {
    fn from(fields: LogFields) -> Self {
        Self {
            format: fields.format.unwrap_or_default(),
        }
    }
}

impl From<Log> for LogFields {
    fn from(log: Log) -> Self {
        Self {
            format: Some(log.format),
        }
    }
}

described!(
    Logs,
    "object",
    "`{\"slow\": {\"format\": \"json\"}, \"engine\": {\"format\": \"text\"}, \"retentionDays\": 30}`, with one log or both.",
    {
        "additionalProperties": false,
        "properties": {
            "slow": {
                "description": "The slow log: the commands that took longest.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "format": { "description": "`json` or `text`.", "type": "string", "enum": ["json", "text"], "default": "json" }
                }
            },
            "engine": {
                "description": "The engine log: what the engine reports about itself.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "format": { "description": "`json` or `text`.", "type": "string", "enum": ["json", "text"], "default": "json" }
                }
            },
            "retentionDays": {
                "description": "How many days CloudWatch Logs keeps the entries, also after the cache is removed.",
                "type": "integer",
                "enum": RETENTIONS,
                "default": 30
            }
        }
    }
);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LogKind, Logs, RETENTIONS};

    fn logs(value: &Value) -> Result<Logs, String> {
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn at_least_one_log_is_delivered() {
        let cases = [
            (json!({ "slow": {} }), None),
            (json!({ "engine": { "format": "text" } }), None),
            (
                json!({ "slow": { "format": null }, "engine": null, "retentionDays": null }),
                None,
            ),
            (json!({}), Some("missing field `slow` or `engine`")),
            (
                json!({ "retentionDays": 7 }),
                Some("missing field `slow` or `engine`"),
            ),
            (
                json!({ "slow": null, "engine": null }),
                Some("missing field `slow` or `engine`"),
            ),
            (
                json!({ "slow": { "format": "JSON" } }),
                Some("unknown variant `JSON`"),
            ),
            (
                json!({ "slow": { "level": 1 } }),
                Some("unknown field `level`"),
            ),
            (json!({ "command": {} }), Some("unknown field `command`")),
            (json!({ "slow": true }), Some("invalid type")),
            (
                json!({ "slow": {}, "retentionDays": 2 }),
                Some("2 is not one of the numbers of days"),
            ),
            (
                json!({ "slow": {}, "retentionDays": 0 }),
                Some("0 is not one of the numbers of days"),
            ),
            (
                json!({ "slow": {}, "retentionDays": "7" }),
                Some("invalid type: string"),
            ),
        ];
        for (value, expected) in cases {
            match (logs(&value), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(rule)) => assert!(error.contains(rule), "{value}: {error}"),
                (found, _) => panic!("{value}: {found:?}"),
            }
        }
    }

    #[test]
    fn default_format_is_filled_in_and_retention_stays_omitted() {
        let found = logs(&json!({ "slow": {} })).expect("logs");

        assert_eq!(found.retention().get(), 30);
        assert_eq!(
            serde_json::to_value(found).expect("JSON"),
            json!({ "slow": { "format": "json" } })
        );
    }

    #[test]
    fn accepts_every_retention_of_cloudwatch_logs() {
        for days in RETENTIONS {
            let found = logs(&json!({ "engine": {}, "retentionDays": days })).expect("logs");

            assert_eq!(found.retention().get(), days);
        }
    }

    #[test]
    fn each_log_has_a_group_of_its_own() {
        let names = LogKind::ALL.map(|kind| kind.group_name_of("bandup-redis"));

        assert_eq!(
            names,
            [
                "/aws/vendedlogs/elasticache/bandup-redis/slow-log",
                "/aws/vendedlogs/elasticache/bandup-redis/engine-log"
            ]
        );
    }
}
