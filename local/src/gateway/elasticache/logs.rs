//! The delivery of a cache's logs. MiniStack stores it only when it creates a cache.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::{Call, invalid_value};
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::upstream::Upstream;
use crate::gateway::xml::Element;

/// The deliveries of a cache, by the type of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    by_type: BTreeMap<String, Delivery>,
    /// Whether ElastiCache is applying the last change.
    is_changing: bool,
}

/// The delivery of a log to CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivery {
    log_group: String,
    format: String,
    /// The status while ElastiCache applies the last change to it.
    changing: &'static str,
    /// Why ElastiCache can't deliver the log; none if it can.
    error: Option<String>,
}

/// A requested delivery.
struct Requested<'a> {
    log_type: &'a str,
    is_enabled: bool,
    log_group: Option<&'a str>,
    format: Option<&'a str>,
}

/// Returns whether a call changes deliveries.
pub fn changes_deliveries(call: &Call) -> bool {
    call.field(&parameter(1, "LogType")).is_some()
}

fn parameter(number: usize, field: &str) -> String {
    format!("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.{number}.{field}")
}

fn requested(call: &Call) -> Vec<Requested<'_>> {
    let configuration = |number| {
        let field = |name| call.field(&parameter(number, name));
        Some(Requested {
            log_type: field("LogType")?,
            is_enabled: field("Enabled") != Some("false"),
            log_group: field("DestinationDetails.CloudWatchLogsDetails.LogGroup"),
            format: field("LogFormat"),
        })
    };
    (1..).map_while(configuration).collect()
}

impl Deliveries {
    /// Applies a creation or a modification. A new configuration of a delivery replaces its error.
    pub fn modify(&mut self, call: &Call) {
        for requested in requested(call) {
            let Requested {
                log_type,
                is_enabled,
                log_group,
                format,
            } = requested;
            if !is_enabled {
                if let Some(delivery) = self.by_type.get_mut(log_type) {
                    delivery.changing = DISABLING;
                    delivery.error = None;
                }
                continue;
            }
            let exists = self
                .by_type
                .get(log_type)
                .is_some_and(|delivery| delivery.changing != DISABLING);
            let delivery = Delivery {
                log_group: log_group.unwrap_or_default().to_owned(),
                format: format.unwrap_or("json").to_owned(),
                changing: if exists { "modifying" } else { "enabling" },
                error: None,
            };
            self.by_type.insert(log_type.to_owned(), delivery);
        }
    }

    /// Sets whether ElastiCache is applying the last change.
    pub const fn set_changing(&mut self, is_changing: bool) {
        self.is_changing = is_changing;
    }

    /// Makes the delivery of a log fail with this message.
    pub fn fail(&mut self, log_type: &str, message: &str) {
        if let Some(delivery) = self.by_type.get_mut(log_type) {
            delivery.error = Some(message.to_owned());
        }
    }

    /// Returns the element of a description
    /// ([LogDeliveryConfiguration](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_LogDeliveryConfiguration.html)).
    pub fn describe(&self) -> Element {
        let is_shown = |delivery: &Delivery| self.is_changing || delivery.changing != DISABLING;
        let shown = self.by_type.iter().filter(|(_, found)| is_shown(found));
        let elements = shown.map(|(log_type, delivery)| {
            let log_group = Element::leaf("LogGroup", &delivery.log_group);
            let details = Element::with("CloudWatchLogsDetails", [log_group]);
            let (status, message) = match &delivery.error {
                _ if self.is_changing => (delivery.changing, None),
                Some(message) => ("error", Some(message)),
                None => ("active", None),
            };
            let fields = [
                Element::leaf("LogType", log_type),
                Element::leaf("DestinationType", "cloudwatch-logs"),
                Element::with("DestinationDetails", [details]),
                Element::leaf("LogFormat", &delivery.format),
                Element::leaf("Status", status),
            ];
            let message = message.map(|message| Element::leaf("Message", message));
            Element::with(
                "LogDeliveryConfiguration",
                fields.into_iter().chain(message),
            )
        });
        Element::with("LogDeliveryConfigurations", elements)
    }
}

const DISABLING: &str = "disabling";

/// Rejects a change of log delivery without `ApplyImmediately`:
/// <https://github.com/hashicorp/terraform-provider-aws/issues/49842>.
pub fn reject_deferred(call: &Call) -> Option<ErrorResponse> {
    let is_deferred = call.field("ApplyImmediately") != Some("true");
    (changes_deliveries(call) && is_deferred).then(|| {
        invalid_value(
            "To modify the log delivery configuration, set the apply-immediately parameter to true.",
        )
    })
}

/// Rejects a log group that doesn't exist. Neither AWS's message nor its code is known.
///
/// # Errors
/// Returns an error if MiniStack doesn't answer.
pub async fn reject_log_group(call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
    for requested in requested(call).iter().filter(|found| found.is_enabled) {
        let name = requested.log_group.unwrap_or_default();
        let prefix = json!({ "logGroupNamePrefix": name });
        let found = upstream
            .json("logs", "Logs_20140328.DescribeLogGroups", &prefix)
            .await?;
        let groups = found
            .as_ref()
            .and_then(|found| found["logGroups"].as_array());
        let exists = groups
            .into_iter()
            .flatten()
            .any(|group| group["logGroupName"] == name);
        if !exists {
            return Ok(Some(invalid_value(format!(
                "The log group {name} does not exist."
            ))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Deliveries, reject_deferred};
    use crate::gateway::call::Call;
    use crate::gateway::xml::Element;

    const REQUEST: &str = "LogDeliveryConfigurations.LogDeliveryConfigurationRequest";

    fn slow_log(fields: &str) -> Call {
        Call::form(&format!("{REQUEST}.1.LogType=slow-log&{fields}"))
    }

    fn enabled(format: &str) -> Call {
        slow_log(&format!(
            "{REQUEST}.1.LogFormat={format}&{REQUEST}.1.DestinationDetails.CloudWatchLogsDetails.LogGroup=slow"
        ))
    }

    /// Returns the status and the format of the slow log's delivery.
    fn described(deliveries: &Deliveries) -> Option<(String, String)> {
        let element = deliveries.describe();
        let delivery = element.child("LogDeliveryConfiguration")?;
        let text = |name| delivery.text_of(name).to_owned();
        Some((text("Status"), text("LogFormat")))
    }

    fn shown(status: &str, format: &str) -> (String, String) {
        (status.to_owned(), format.to_owned())
    }

    #[test]
    fn delivery_is_enabled_modified_and_disabled() {
        let mut deliveries = Deliveries::default();
        assert_eq!(described(&deliveries), None);

        for (call, changing, active) in [
            (
                enabled("json"),
                shown("enabling", "json"),
                Some(shown("active", "json")),
            ),
            (
                enabled("text"),
                shown("modifying", "text"),
                Some(shown("active", "text")),
            ),
            (
                slow_log(&format!("{REQUEST}.1.Enabled=false")),
                shown("disabling", "text"),
                None,
            ),
            (
                enabled("json"),
                shown("enabling", "json"),
                Some(shown("active", "json")),
            ),
        ] {
            deliveries.modify(&call);
            deliveries.set_changing(true);
            assert_eq!(described(&deliveries), Some(changing));
            deliveries.set_changing(false);
            assert_eq!(described(&deliveries), active);
        }
    }

    #[test]
    fn failed_delivery_has_a_message_until_it_is_configured_again() {
        let mut deliveries = Deliveries::default();
        deliveries.modify(&enabled("json"));

        deliveries.fail("slow-log", "no permission");

        assert_eq!(described(&deliveries), Some(shown("error", "json")));
        let message = deliveries.describe();
        let path = ["LogDeliveryConfiguration", "Message"];
        assert_eq!(message.at(&path).map(Element::text), Some("no permission"));
        deliveries.modify(&enabled("text"));
        assert_eq!(described(&deliveries), Some(shown("active", "text")));
    }

    #[test]
    fn log_delivery_changes_only_immediately() {
        let message = |fields: &str| reject_deferred(&slow_log(fields)).map(|found| found.message);

        assert_eq!(message("ApplyImmediately=true"), None);
        assert!(message("ApplyImmediately=false").is_some());
        assert!(message("").is_some());
        assert_eq!(reject_deferred(&Call::form("ApplyImmediately=false")), None);
    }
}
