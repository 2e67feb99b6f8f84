//! Changes of the node type and the engine, which ElastiCache makes immediately or in the maintenance window.

use super::version::Engine;
use super::{Call, ElastiCache, invalid_combination, invalid_value};
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::xml::Element;

/// What ElastiCache can change in the maintenance window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfiguration {
    pub node_type: String,
    pub engine: Engine,
}

/// The configuration of a cache's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferrable {
    pub current: NodeConfiguration,
    /// The configuration after the next maintenance window. It is the current one if nothing is pending.
    next: NodeConfiguration,
}

impl ElastiCache {
    /// Makes the pending changes of a cache, as ElastiCache does in the maintenance window.
    pub(in crate::gateway) async fn maintain(&self, replication_group: &str) {
        let now = self.clock.now();
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.times.changed = Some(now);
            group.configuration.maintain();
        }
        self.configure_servers(replication_group).await;
    }
}

/// Returns whether a call has `ApplyImmediately`, which defaults to false.
fn is_immediate(call: &Call) -> bool {
    call.field("ApplyImmediately") == Some("true")
}

impl Deferrable {
    /// Returns the configuration that a creation requests.
    pub fn requested(call: &Call) -> Self {
        let current = NodeConfiguration {
            node_type: call
                .field("CacheNodeType")
                .unwrap_or("cache.t3.micro")
                .to_owned(),
            engine: Engine::requested(call),
        };
        Self {
            next: current.clone(),
            current,
        }
    }

    /// Makes or defers a modification.
    ///
    /// With `ApplyImmediately`, ElastiCache makes it together with "any pending modifications". Without, it makes it in the
    /// maintenance window (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html>),
    /// and "the pending modification is replaced by the newer modification"
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheCluster.html>). It is a guess that a
    /// request for the current value cancels a pending one.
    pub fn modify(&mut self, call: &Call) {
        if let Some(node_type) = call.field("CacheNodeType") {
            node_type.clone_into(&mut self.next.node_type);
        }
        if call.field("EngineVersion").is_some() {
            self.next.engine.clone_from(&self.current.engine);
        }
        self.next.engine.modify(call);
        if is_immediate(call) {
            self.maintain();
        }
    }

    /// Upgrades the engine without a request. A pending upgrade stays.
    pub fn upgrade(&mut self, version: &str) {
        let is_pending = self.is_upgrade_pending();
        version.clone_into(&mut self.current.engine.version);
        if !is_pending {
            version.clone_into(&mut self.next.engine.version);
        }
    }

    /// Returns whether the cache uses a parameter group, or will after the next maintenance window.
    pub fn uses(&self, parameter_group: &str) -> bool {
        let configurations = [&self.current, &self.next];
        configurations
            .iter()
            .any(|configuration| configuration.engine.parameter_group == parameter_group)
    }

    fn maintain(&mut self) {
        self.current.clone_from(&self.next);
    }

    fn is_upgrade_pending(&self) -> bool {
        let version = |engine: &Engine| (engine.name.clone(), engine.version.clone());
        version(&self.next.engine) != version(&self.current.engine)
    }

    fn is_scaling_pending(&self) -> bool {
        self.next.node_type != self.current.node_type
    }

    /// Returns the element of a member's description
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_PendingModifiedValues.html>), which doesn't
    /// contain a pending parameter group. The form of a pending version isn't documented: here, it is that of a member's version.
    pub fn describe(&self) -> Element {
        let next = &self.next;
        let version = Element::leaf("EngineVersion", next.engine.member_version());
        let node_type = Element::leaf("CacheNodeType", &next.node_type);
        let values = [
            self.is_upgrade_pending().then_some(version),
            self.is_scaling_pending().then_some(node_type),
        ];
        Element::with("PendingModifiedValues", values.into_iter().flatten())
    }

    /// Rejects an immediate change of the node type while an upgrade is pending, and the reverse, unless the call makes both:
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Scaling.RedisReplGrps.ScaleUp.html>,
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html>. AWS's messages aren't known.
    pub fn reject_blocked(&self, call: &Call) -> Option<ErrorResponse> {
        let is_changed = |field| call.field(field).is_some();
        let message = match (is_changed("CacheNodeType"), is_changed("EngineVersion")) {
            (true, false) if self.is_upgrade_pending() => {
                "Scaling is blocked by an engine upgrade that is pending."
            }
            (false, true) if self.is_scaling_pending() => {
                "The engine upgrade is blocked by a scaling operation that is pending."
            }
            _ => return None,
        };
        is_immediate(call).then(|| invalid_combination(message))
    }
}

/// Rejects a change of the number of replicas that isn't immediate
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html>: "ApplyImmediately=False
/// is not currently supported"). AWS's message isn't known.
pub fn reject_deferred_replicas(call: &Call) -> Option<ErrorResponse> {
    let changes_replicas = matches!(
        call.operation.as_str(),
        "IncreaseReplicaCount" | "DecreaseReplicaCount"
    );
    (changes_replicas && !is_immediate(call))
        .then(|| invalid_value("ApplyImmediately=False is not currently supported."))
}

#[cfg(test)]
mod tests {
    use super::{Deferrable, reject_deferred_replicas};
    use crate::gateway::call::Call;
    use crate::gateway::xml::Element;

    const MODIFY: &str = "Action=ModifyReplicationGroup";

    /// Returns the configuration of a cache with `cache.t3.micro` and version 8.0, after these modifications.
    fn modified(calls: &[&str]) -> Deferrable {
        let create = "Engine=valkey&EngineVersion=8.0&CacheNodeType=cache.t3.micro";
        let mut configuration = Deferrable::requested(&Call::form(create));
        for fields in calls {
            configuration.modify(&Call::form(&format!("{MODIFY}&{fields}")));
        }
        configuration
    }

    /// Returns the pending values that a member shows.
    fn pending(configuration: &Deferrable) -> String {
        let described = configuration.describe();
        let values: Vec<_> = described.children().map(Element::text).collect();
        values.join(", ")
    }

    #[test]
    fn applies_or_defers_node_type_and_version() {
        let (micro, small) = ("cache.t3.micro", "cache.t3.small");
        let small_later = "CacheNodeType=cache.t3.small";
        let cases = [
            (vec![small_later], (micro, "8.0", small)),
            (
                vec!["EngineVersion=8.1&ApplyImmediately=false"],
                (micro, "8.0", "8.1.0"),
            ),
            (
                vec![small_later, "EngineVersion=8.1"],
                (micro, "8.0", "8.1.0, cache.t3.small"),
            ),
            (
                vec!["CacheNodeType=cache.t3.small&ApplyImmediately=true"],
                (small, "8.0", ""),
            ),
            // It also applies what is pending.
            (
                vec![
                    small_later,
                    "ReplicationGroupDescription=b&ApplyImmediately=true",
                ],
                (small, "8.0", ""),
            ),
            (
                vec![small_later, "ReplicationGroupDescription=b"],
                (micro, "8.0", small),
            ),
            (
                vec!["EngineVersion=8.1", "EngineVersion=8.2"],
                (micro, "8.0", "8.2.0"),
            ),
            (
                vec![small_later, "CacheNodeType=cache.t3.micro"],
                (micro, "8.0", ""),
            ),
        ];
        for (calls, (node_type, version, expected)) in cases {
            let found = modified(&calls);

            assert_eq!(found.current.node_type, node_type, "{calls:?}");
            assert_eq!(found.current.engine.version, version, "{calls:?}");
            assert_eq!(pending(&found), expected, "{calls:?}");
        }
    }

    #[test]
    fn new_version_replaces_the_pending_parameter_group() {
        let found = modified(&[
            "EngineVersion=9.0&CacheParameterGroupName=default.valkey9",
            "EngineVersion=8.2&ApplyImmediately=true",
        ]);

        assert_eq!(found.current.engine.parameter_group, "default.valkey8");
    }

    #[test]
    fn parameter_group_changes_immediately_or_is_pending_invisibly() {
        let change = "CacheParameterGroupName=sessions";
        let deferred = modified(&[change]);
        let immediate = modified(&[&format!("{change}&ApplyImmediately=true")]);

        let current = &deferred.current.engine.parameter_group;
        assert_eq!(current, "default.valkey8");
        assert_eq!(pending(&deferred), "");
        assert!(deferred.uses("sessions"));
        let current = &immediate.current.engine.parameter_group;
        assert_eq!(current, "sessions");
        assert!(!immediate.uses("default.valkey8"));
    }

    #[test]
    fn automatic_upgrade_keeps_what_is_pending() {
        let mut found = modified(&["CacheNodeType=cache.t3.small"]);
        found.upgrade("8.1");
        assert_eq!(pending(&found), "cache.t3.small");

        found.maintain();

        assert_eq!(found.current.node_type, "cache.t3.small");
        assert_eq!(found.current.engine.version, "8.1");
        assert_eq!(pending(&found), "");
    }

    #[test]
    fn immediate_scaling_and_upgrade_block_each_other() {
        let upgrade = "EngineVersion=8.1";
        let scaling = "CacheNodeType=cache.t3.small";
        let both = format!("{scaling}&{upgrade}");
        let cases = [
            (upgrade, scaling, true),
            (scaling, upgrade, true),
            (upgrade, both.as_str(), false),
            (upgrade, upgrade, false),
            (upgrade, "ReplicationGroupDescription=b", false),
        ];
        for (pending, fields, is_blocked) in cases {
            let rejected = |apply: bool| {
                let call = format!("{MODIFY}&{fields}&ApplyImmediately={apply}");
                let found = modified(&[pending]);
                found.reject_blocked(&Call::form(&call)).is_some()
            };

            assert_eq!(rejected(true), is_blocked, "{fields} after {pending}");
            assert!(!rejected(false), "{fields} is deferred");
        }
    }

    #[test]
    fn number_of_replicas_changes_only_immediately() {
        for operation in ["IncreaseReplicaCount", "DecreaseReplicaCount"] {
            let rejected = |more: &str| {
                let call = format!("Action={operation}&NewReplicaCount=1{more}");
                reject_deferred_replicas(&Call::form(&call)).is_some()
            };

            assert!(!rejected("&ApplyImmediately=true"), "{operation}");
            assert!(rejected("&ApplyImmediately=false"), "{operation}");
            assert!(rejected(""), "{operation}");
        }
        assert!(reject_deferred_replicas(&Call::form(MODIFY)).is_none());
    }
}
