//! `cache.logs`: the logs that ElastiCache delivers to the cache's own log groups. A delivery to another destination isn't
//! envcache's: it stays unless the request names the log.

use aws_sdk_elasticache::types::{
    CloudWatchLogsDestinationDetails, DestinationDetails, DestinationType,
    LogDeliveryConfiguration, LogDeliveryConfigurationRequest, LogDeliveryConfigurationStatus,
    LogFormat as SdkFormat, LogType, ReplicationGroup,
};
use contract::message::{EnsureReplicationGroupInput, LogError};
use contract::setting::{Log, LogFormat, LogKind};
use serde_json::{Map, Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct Logs;

impl Setting for Logs {
    fn field(&self) -> &'static str {
        "cache.logs"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["LogDeliveryConfigurations"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Logs)
    }

    /// The retention isn't part of the value: it is that of the log groups.
    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(value(|kind| requested(input, kind).map(format_of)))
    }

    fn found(&self, found: Found<'_>) -> Option<Value> {
        Some(value(|kind| {
            let format = own(found.group, kind)?.log_format();
            Some(format.map_or("unknown", SdkFormat::as_str))
        }))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        let kinds = LogKind::ALL.into_iter();
        let all = kinds.filter_map(|kind| Some(enabled(input, kind, requested(input, kind)?)));
        all.fold(call, Creation::log_delivery_configurations)
    }

    /// Only of the logs that differ.
    fn modify(
        &self,
        call: Modification,
        found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        let change = |kind| {
            let format = own(found.group, kind).map(|own| own.log_format().map(SdkFormat::as_str));
            match (format, requested(input, kind)) {
                (None, None) => None,
                (Some(_), None) => Some(disabled(kind)),
                (Some(format), Some(log)) if format == Some(format_of(log)) => None,
                (_, Some(log)) => Some(enabled(input, kind, log)),
            }
        };
        let changed = LogKind::ALL.into_iter().filter_map(change);
        changed.fold(call, Modification::log_delivery_configurations)
    }

    /// A request that names logs keeps them as it names them.
    fn to_keep(&self, found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<Value> {
        if input.spec.cache.logs.is_some() {
            return None;
        }
        self.found(found)
    }
}

/// Returns the setting's value in the form of a request, with each log's format; null if no log has one.
fn value<'a>(format: impl Fn(LogKind) -> Option<&'a str>) -> Value {
    let formats = LogKind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind.field().to_owned(), json!({ "format": format(kind)? }))));
    let logs: Map<_, _> = formats.collect();
    if logs.is_empty() {
        Value::Null
    } else {
        Value::Object(logs)
    }
}

fn requested(input: &EnsureReplicationGroupInput, kind: LogKind) -> Option<Log> {
    input.spec.cache.logs.as_ref()?.get(kind)
}

fn format_of(log: Log) -> &'static str {
    log.format.as_str()
}

const fn log_type(kind: LogKind) -> LogType {
    match kind {
        LogKind::Slow => LogType::SlowLog,
        LogKind::Engine => LogType::EngineLog,
    }
}

fn enabled(
    input: &EnsureReplicationGroupInput,
    kind: LogKind,
    log: Log,
) -> LogDeliveryConfigurationRequest {
    let log_group = CloudWatchLogsDestinationDetails::builder()
        .log_group(kind.group_name(&input.spec.cache.name))
        .build();
    let destination = DestinationDetails::builder()
        .cloud_watch_logs_details(log_group)
        .build();
    let format = match log.format {
        LogFormat::Json => SdkFormat::Json,
        LogFormat::Text => SdkFormat::Text,
    };
    LogDeliveryConfigurationRequest::builder()
        .log_type(log_type(kind))
        .destination_type(DestinationType::CloudWatchLogs)
        .destination_details(destination)
        .log_format(format)
        .enabled(true)
        .build()
}

/// Turns a delivery off: the request names only the log
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CLI_Log.html>).
fn disabled(kind: LogKind) -> LogDeliveryConfigurationRequest {
    LogDeliveryConfigurationRequest::builder()
        .log_type(log_type(kind))
        .enabled(false)
        .build()
}

/// Returns the delivery of a log to the cache's own log group; none if it isn't delivered there, or no longer.
fn own(group: &ReplicationGroup, kind: LogKind) -> Option<&LogDeliveryConfiguration> {
    configurations(group, kind)
        .filter(|found| found.status() != Some(&LogDeliveryConfigurationStatus::Disabling))
        .find(|found| is_own(group, kind, found))
}

fn configurations(
    group: &ReplicationGroup,
    kind: LogKind,
) -> impl Iterator<Item = &LogDeliveryConfiguration> {
    group
        .log_delivery_configurations()
        .iter()
        .filter(move |found| found.log_type() == Some(&log_type(kind)))
}

/// Returns whether a log is delivered to the cache's own log group.
fn is_own(group: &ReplicationGroup, kind: LogKind, found: &LogDeliveryConfiguration) -> bool {
    let log_group = found
        .destination_details()
        .and_then(DestinationDetails::cloud_watch_logs_details)
        .and_then(CloudWatchLogsDestinationDetails::log_group);
    let id = group.replication_group_id().unwrap_or_default();
    log_group == Some(kind.group_name_of(id).as_str())
}

/// Returns the deliveries to the cache's own log groups.
fn all_own(group: &ReplicationGroup) -> impl Iterator<Item = (LogKind, &LogDeliveryConfiguration)> {
    LogKind::ALL.into_iter().flat_map(move |kind| {
        configurations(group, kind)
            .filter(move |found| is_own(group, kind, found))
            .map(move |found| (kind, found))
    })
}

/// Returns the deliveries that another tool set up and the request doesn't name, each in words.
pub fn others(found: Found<'_>, input: &EnsureReplicationGroupInput) -> Vec<String> {
    let group = found.group;
    let described = |configuration: &LogDeliveryConfiguration| {
        let destination = configuration.destination_type()?;
        Some(format!("{} to {destination}", configuration.log_type()?))
    };
    let is_other = |configuration: &&LogDeliveryConfiguration| {
        !LogKind::ALL.into_iter().any(|kind| {
            let is_named = requested(input, kind).is_some() || is_own(group, kind, configuration);
            is_named && configuration.log_type() == Some(&log_type(kind))
        })
    };
    let configurations = group.log_delivery_configurations().iter();
    configurations
        .filter(is_other)
        .filter_map(described)
        .collect()
}

/// Returns what ElastiCache is doing with a delivery to one of the cache's own log groups, in words; none if all deliveries are
/// active, off, or failed.
pub fn changing(group: &ReplicationGroup) -> Option<String> {
    use LogDeliveryConfigurationStatus::{Disabling, Enabling, Modifying};
    let (kind, status) = all_own(group).find_map(|(kind, found)| match found.status()? {
        status @ (Disabling | Enabling | Modifying) => Some((kind, status)),
        _ => None,
    })?;
    Some(format!("{status} the delivery of its {} log", kind.field()))
}

/// Returns the deliveries to the cache's own log groups that failed, with ElastiCache's message.
pub fn errors(group: &ReplicationGroup) -> Vec<LogError> {
    all_own(group)
        .filter(|(_, found)| found.status() == Some(&LogDeliveryConfigurationStatus::Error))
        .map(|(kind, found)| LogError {
            log: kind.field().to_owned(),
            message: found.message().unwrap_or("no message").to_owned(),
        })
        .collect()
}
