//! The settings of a cache that MiniStack doesn't store, doesn't change, or doesn't describe.

use super::logs::Deliveries;
use super::window::Window;
use super::{Call, invalid_combination, invalid_value};
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::xml::Element;

/// A cache's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    failover: Failover,
    auto_minor_version_upgrade: bool,
    snapshot_window: String,
    maintenance_window: String,
    topic: Option<Topic>,
    /// Whether ElastiCache can't publish to any topic.
    cannot_publish: bool,
    data_tiering: bool,
    /// The ARN of the KMS key; none for AWS's default key.
    key: Option<String>,
    logs: Deliveries,
}

/// What happens when the primary fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failover {
    is_automatic: bool,
    is_multi_az: bool,
}

/// The SNS topic that ElastiCache publishes to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Topic {
    arn: String,
    status: String,
}

impl Settings {
    /// Returns the settings of a new cache. ElastiCache chooses windows that don't overlap: a maintenance window of 60 minutes
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/maintenance-window.html>) and a snapshot window.
    pub fn requested(call: &Call) -> Self {
        let mut settings = Self {
            failover: Failover {
                is_automatic: false,
                is_multi_az: false,
            },
            auto_minor_version_upgrade: true,
            snapshot_window: "15:00-16:00".to_owned(),
            maintenance_window: "sun:23:00-mon:00:00".to_owned(),
            topic: None,
            cannot_publish: false,
            data_tiering: call.field("DataTieringEnabled") == Some("true"),
            key: call.field("KmsKeyId").map(str::to_owned),
            logs: Deliveries::default(),
        };
        settings.modify(call);
        settings
    }

    /// Applies a modification. ElastiCache applies all of these settings at once, whether `ApplyImmediately` is set or not
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.Modify.html>).
    pub fn modify(&mut self, call: &Call) {
        self.logs.modify(call);
        let flags = [
            ("AutomaticFailoverEnabled", &mut self.failover.is_automatic),
            ("MultiAZEnabled", &mut self.failover.is_multi_az),
            (
                "AutoMinorVersionUpgrade",
                &mut self.auto_minor_version_upgrade,
            ),
        ];
        for (field, flag) in flags {
            if let Some(value) = call.field(field) {
                *flag = value == "true";
            }
        }
        if let Some(window) = call.field("SnapshotWindow") {
            window.clone_into(&mut self.snapshot_window);
        }
        if let Some(window) = call.field("PreferredMaintenanceWindow") {
            // https://github.com/hashicorp/terraform-provider-aws: "ElastiCache always changes the maintenance to lowercase"
            self.maintenance_window = window.to_ascii_lowercase();
        }
        if let Some(arn) = call.field("NotificationTopicArn") {
            self.topic = Some(Topic {
                arn: arn.to_owned(),
                status: "active".to_owned(),
            });
        }
        if let (Some(status), Some(topic)) =
            (call.field("NotificationTopicStatus"), &mut self.topic)
        {
            status.clone_into(&mut topic.status);
        }
        if self.cannot_publish {
            self.deactivate_topic();
        }
    }

    /// Returns the delivery of the cache's logs, to change it.
    pub const fn logs_mut(&mut self) -> &mut Deliveries {
        &mut self.logs
    }

    /// Returns whether data is stored on SSDs too.
    pub const fn has_data_tiering(&self) -> bool {
        self.data_tiering
    }

    /// Deactivates the topic, as ElastiCache does with one that it can't publish to
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ECEvents.SNS.html>).
    pub fn deactivate_topic(&mut self) {
        if let Some(topic) = &mut self.topic {
            "inactive".clone_into(&mut topic.status);
        }
    }

    /// Deactivates the topic, and from now on every topic that a modification sets: ElastiCache publishes an event about the
    /// modification, and can't.
    pub fn deny_topics(&mut self) {
        self.cannot_publish = true;
        self.deactivate_topic();
    }

    /// Sets the elements in a description of the group.
    pub fn describe_group(&self, element: &mut Element) {
        let enabled = |is_on| if is_on { "enabled" } else { "disabled" };
        for (name, value) in [
            ("AutomaticFailover", enabled(self.failover.is_automatic)),
            ("MultiAZ", enabled(self.failover.is_multi_az)),
            ("DataTiering", enabled(self.data_tiering)),
            ("SnapshotWindow", &self.snapshot_window),
        ] {
            element.set(Element::leaf(name, value));
        }
        if let Some(key) = &self.key {
            element.set(Element::leaf("KmsKeyId", key));
        }
        self.describe_both(element);
    }

    /// Sets the elements in a description of a member.
    pub fn describe_member(&self, element: &mut Element) {
        for (name, value) in [
            ("SnapshotWindow", &self.snapshot_window),
            ("PreferredMaintenanceWindow", &self.maintenance_window),
        ] {
            element.set(Element::leaf(name, value));
        }
        if let Some(topic) = &self.topic {
            let configuration = [
                Element::leaf("TopicArn", &topic.arn),
                Element::leaf("TopicStatus", &topic.status),
            ];
            element.set(Element::with("NotificationConfiguration", configuration));
        }
        self.describe_both(element);
    }

    fn describe_both(&self, element: &mut Element) {
        let value = self.auto_minor_version_upgrade.to_string();
        element.set(Element::leaf("AutoMinorVersionUpgrade", &value));
        element.set(self.logs.describe());
    }

    /// Rejects failover and Multi-AZ settings that don't fit the nodes or each other. `nodes` is the number of nodes after the
    /// call.
    pub fn reject_failover(&self, nodes: i64) -> Option<ErrorResponse> {
        if self.failover.is_automatic && nodes < 2 {
            // https://github.com/badmintoncryer/cdk-preflight, which tested it on AWS in September 2026
            return Some(invalid_combination(
                "Automatic failover requires 2 or more cache clusters. Create more cache clusters or disable automatic failover.",
            ));
        }
        // AWS's message isn't known, because tools reject this before they call AWS.
        (self.failover.is_multi_az && !self.failover.is_automatic)
            .then(|| invalid_combination("Multi-AZ needs automatic failover to be enabled."))
    }

    /// Rejects a change between node types with and without data tiering
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html>). AWS's message isn't known.
    pub fn reject_tier(&self, call: &Call) -> Option<ErrorResponse> {
        let node_type = call.field("CacheNodeType")?;
        (has_data_tiering(node_type) != self.data_tiering).then(|| {
            invalid_combination(format!(
                "Scaling to {node_type} is not supported for a cluster {} data tiering.",
                if self.data_tiering { "with" } else { "without" }
            ))
        })
    }

    /// Rejects the deletion of the last replica while failover or Multi-AZ is on. Sources:
    /// <https://github.com/pulumi/pulumi/issues/11458>,
    /// <https://github.com/hashicorp/terraform-provider-aws/issues/24244>.
    pub fn reject_last_replica(&self, call: &Call) -> Option<ErrorResponse> {
        if call.operation != "DecreaseReplicaCount" || call.field("NewReplicaCount") != Some("0") {
            return None;
        }
        let message = if self.failover.is_multi_az {
            "Must have at least 1 replica for Multi-AZ enabled Replication Group"
        } else if self.failover.is_automatic {
            "Must have at least 1 replica when cluster mode is disabled with auto failover enabled."
        } else {
            return None;
        };
        Some(invalid_value(message))
    }

    /// Rejects windows that overlap, even if backups are off: <https://github.com/hashicorp/terraform/issues/17247>.
    pub fn reject_overlap(&self) -> Option<ErrorResponse> {
        let snapshot = Window::daily(&self.snapshot_window)?;
        let maintenance = Window::weekly(&self.maintenance_window)?;
        snapshot
            .overlaps_weekly(&maintenance)
            .then(|| invalid_value("The snapshot window and maintenance window must not overlap."))
    }
}

/// Rejects windows that are invalid or too short. Messages without a link come from
/// <https://github.com/badmintoncryer/cdk-preflight>, which tested them on AWS in September 2026.
pub fn reject_windows(call: &Call) -> Option<ErrorResponse> {
    let snapshot = call.field("SnapshotWindow").map(Window::daily);
    let maintenance = call
        .field("PreferredMaintenanceWindow")
        .map(|text| Window::weekly(&text.to_ascii_lowercase()));
    if snapshot == Some(None) {
        return Some(invalid_value(
            "Invalid backup window format. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC)",
        ));
    }
    if maintenance == Some(None) {
        return Some(invalid_value(
            "Invalid maintenance window format. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC)",
        ));
    }
    let is_short = |window: &Option<Option<Window>>| {
        let window = window.iter().flatten().next();
        window.is_some_and(|window| window.minutes() < 60)
    };
    // https://github.com/hashicorp/terraform-provider-aws/issues/2153
    for (window, name) in [(&snapshot, "Snapshot"), (&maintenance, "Maintenance")] {
        if is_short(window) {
            return Some(invalid_value(format!(
                "{name} window must be at least 60 minutes."
            )));
        }
    }
    // "a time range of up to 24 hours": https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/maintenance-window.html.
    // AWS's message isn't known.
    let longest = maintenance.flatten().map(|window| window.minutes());
    (longest > Some(24 * 60)).then(|| invalid_value("Maintenance window must be at most 24 hours."))
}

/// Rejects a node type that needs data tiering without it, and the reverse. Sources of the messages:
/// <https://github.com/hashicorp/terraform-provider-aws/issues/22004>, <https://github.com/floci-io/floci/pull/2401>.
pub fn reject_data_tiering(call: &Call) -> Option<ErrorResponse> {
    let node_type = call.field("CacheNodeType")?;
    let is_requested = call.field("DataTieringEnabled") == Some("true");
    match (has_data_tiering(node_type), is_requested) {
        (true, false) => Some(invalid_combination(format!(
            "When using the {node_type} node type, you must enable data tiering."
        ))),
        (false, true) => Some(invalid_combination(format!(
            "Data tiering is not supported for the node type {node_type}."
        ))),
        _ => None,
    }
}

/// Returns whether a node type stores data on SSDs too: those of the family r6gd
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html>).
pub fn has_data_tiering(node_type: &str) -> bool {
    node_type.starts_with("cache.r6gd.")
}

#[cfg(test)]
mod tests {
    use super::{Settings, reject_data_tiering, reject_windows};
    use crate::gateway::call::Call;
    use crate::gateway::error_response::ErrorResponse;
    use crate::gateway::xml::Element;

    fn code(found: Option<ErrorResponse>) -> Option<String> {
        found.map(|found| found.message)
    }

    fn settings(fields: &str) -> Settings {
        Settings::requested(&Call::form(fields))
    }

    #[test]
    fn rejects_invalid_windows() {
        let cases = [
            ("SnapshotWindow=05:00-06:00", None),
            (
                "SnapshotWindow=05:00-05:59",
                Some("Snapshot window must be"),
            ),
            ("SnapshotWindow=5-6", Some("Invalid backup window format")),
            ("PreferredMaintenanceWindow=Sun:05:00-Sun:06:00", None),
            (
                "PreferredMaintenanceWindow=05:00-06:00",
                Some("Invalid maintenance window format"),
            ),
            (
                "PreferredMaintenanceWindow=sun:23:00-sun:23:59",
                Some("Maintenance window must be at least"),
            ),
            (
                "PreferredMaintenanceWindow=sun:05:00-mon:05:01",
                Some("Maintenance window must be at most"),
            ),
        ];
        for (fields, expected) in cases {
            let found = code(reject_windows(&Call::form(fields)));

            assert_eq!(found.is_some(), expected.is_some(), "{fields}: {found:?}");
            assert!(
                found
                    .unwrap_or_default()
                    .starts_with(expected.unwrap_or_default()),
                "{fields}"
            );
        }
    }

    #[test]
    fn compares_a_new_window_with_the_current_other_one() {
        let mut settings =
            settings("SnapshotWindow=05:00-06:00&PreferredMaintenanceWindow=sun:23:00-mon:00:00");
        assert_eq!(code(settings.reject_overlap()), None);

        settings.modify(&Call::form(
            "PreferredMaintenanceWindow=sun:05:30-sun:06:30",
        ));

        assert!(settings.reject_overlap().is_some());
    }

    #[test]
    fn rejects_failover_that_does_not_fit_the_nodes() {
        let cases = [
            (
                "AutomaticFailoverEnabled=false&MultiAZEnabled=false",
                1,
                true,
            ),
            (
                "AutomaticFailoverEnabled=true&MultiAZEnabled=false",
                2,
                true,
            ),
            ("AutomaticFailoverEnabled=true&MultiAZEnabled=true", 2, true),
            ("AutomaticFailoverEnabled=true", 1, false),
            (
                "AutomaticFailoverEnabled=false&MultiAZEnabled=true",
                2,
                false,
            ),
        ];
        for (fields, nodes, is_accepted) in cases {
            let found = code(settings(fields).reject_failover(nodes));

            assert_eq!(found.is_none(), is_accepted, "{fields}: {found:?}");
        }
    }

    #[test]
    fn last_replica_is_deleted_only_without_failover() {
        let decrease = Call::form("Action=DecreaseReplicaCount&NewReplicaCount=0");
        let rejected = |fields| code(settings(fields).reject_last_replica(&decrease));

        assert_eq!(rejected(""), None);
        let failover = rejected("AutomaticFailoverEnabled=true").unwrap_or_default();
        assert!(failover.contains("auto failover enabled"), "{failover}");
        let multi_az = rejected("AutomaticFailoverEnabled=true&MultiAZEnabled=true");
        assert!(multi_az.unwrap_or_default().contains("Multi-AZ enabled"));
    }

    #[test]
    fn data_tiering_belongs_to_the_node_type() {
        let creation = |fields| code(reject_data_tiering(&Call::form(fields)));
        assert_eq!(
            creation("CacheNodeType=cache.r6gd.xlarge&DataTieringEnabled=true"),
            None
        );
        assert_eq!(creation("CacheNodeType=cache.t3.micro"), None);
        assert!(creation("CacheNodeType=cache.r6gd.xlarge").is_some());
        assert!(creation("CacheNodeType=cache.t3.micro&DataTieringEnabled=true").is_some());

        let tiered = settings("DataTieringEnabled=true");
        let change = |node_type| {
            let modify = format!("CacheNodeType={node_type}");
            code(tiered.reject_tier(&Call::form(&modify)))
        };
        assert_eq!(change("cache.r6gd.2xlarge"), None);
        assert!(change("cache.r7g.large").is_some());
    }

    #[test]
    fn key_is_described_if_there_is_one() {
        let described = |fields: &str| {
            let mut element = Element::leaf("ReplicationGroup", "");
            settings(fields).describe_group(&mut element);
            element.text_of("KmsKeyId").to_owned()
        };
        let arn =
            "arn:aws:kms:ap-southeast-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";

        assert_eq!(described(&format!("KmsKeyId={arn}")), arn);
        assert_eq!(described(""), "");
    }

    #[test]
    fn topic_is_described_with_its_status() {
        let topic = "arn:aws:sns:ap-southeast-1:000000000000:cache-events";
        let mut settings = settings(&format!("NotificationTopicArn={topic}"));
        let status = |settings: &Settings| {
            let mut element = Element::leaf("CacheCluster", "");
            settings.describe_member(&mut element);
            let path = ["NotificationConfiguration", "TopicStatus"];
            element.at(&path).map(|status| status.text().to_owned())
        };
        assert_eq!(status(&settings).as_deref(), Some("active"));

        settings.modify(&Call::form("NotificationTopicStatus=inactive"));

        assert_eq!(status(&settings).as_deref(), Some("inactive"));

        let activate = Call::form(&format!(
            "NotificationTopicArn={topic}&NotificationTopicStatus=active"
        ));
        settings.modify(&activate);
        assert_eq!(status(&settings).as_deref(), Some("active"));
        settings.deny_topics();
        settings.modify(&activate);
        assert_eq!(status(&settings).as_deref(), Some("inactive"), "denied");
    }
}
