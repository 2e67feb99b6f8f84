//! Compares a cache with the request, and returns the changes to make. Pure functions; no AWS calls.

use std::fmt::{self, Display, Formatter};

use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, CacheParameterGroupStatus, MultiAzStatus,
    ReplicationGroup,
};
use contract::Action;
use contract::error::StepResult;
use contract::message::{EngineVersions, EnsureReplicationGroupInput};
use contract::spec::Cache;

use crate::immutable;
use crate::version::{self, Comparison, Version};

/// One change. The group is *modifying* while ElastiCache applies it, so a round requests only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds replicas, up to this number.
    IncreaseReplicas(i32),
    /// Deletes replicas, down to this number.
    DecreaseReplicas(i32),
    /// Changes other settings.
    Modify(Vec<Setting>),
}

/// A setting that differs from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The request's field, or the name of a property that derives from the request.
    field: &'static str,
    /// The value that the group has; none if ElastiCache returns none.
    found: Option<String>,
    /// The value to change it to.
    pub value: SettingValue,
}

/// The value of a setting, as a parameter of
/// [ModifyReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    Description(String),
    SnapshotRetention {
        days: i32,
        /// The member to take snapshots of. ElastiCache requires it to turn automatic backups on.
        snapshotting_cluster_id: Option<String>,
    },
    /// The ID; empty in a plan if the group doesn't exist yet.
    SecurityGroup(String),
    /// Automatic failover and Multi-AZ.
    Failover(bool),
    EngineVersion(String),
    ParameterGroup(String),
    NodeType(String),
}

impl Change {
    /// Returns the change as a plan shows it.
    pub fn to_action(&self, id: &str, group: &ReplicationGroup) -> Action {
        let replicas = |operation, requested: &i32| {
            let found = (nodes(group) - 1).to_string();
            Action::new(operation, id).change(
                "cache.replicas",
                Some(found),
                Some(requested.to_string()),
            )
        };
        match self {
            Self::IncreaseReplicas(requested) => replicas("IncreaseReplicaCount", requested),
            Self::DecreaseReplicas(requested) => replicas("DecreaseReplicaCount", requested),
            Self::Modify(settings) => settings.iter().fold(
                Action::new("ModifyReplicationGroup", id),
                |action, setting| {
                    action.change(
                        setting.field,
                        setting.found.clone(),
                        Some(setting.value.to_string()),
                    )
                },
            ),
        }
    }
}

impl Display for Change {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncreaseReplicas(replicas) | Self::DecreaseReplicas(replicas) => {
                write!(formatter, "cache.replicas to {replicas}")
            }
            Self::Modify(settings) => {
                let fields: Vec<_> = settings.iter().map(|setting| setting.field).collect();
                formatter.write_str(&fields.join(", "))
            }
        }
    }
}

impl Display for SettingValue {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SnapshotRetention { days, .. } => write!(formatter, "{days}"),
            Self::SecurityGroup(id) if id.is_empty() => {
                formatter.write_str("(known once the security group is created)")
            }
            Self::Failover(is_on) => formatter.write_str(on_off(Some(*is_on))),
            Self::Description(text)
            | Self::SecurityGroup(text)
            | Self::EngineVersion(text)
            | Self::ParameterGroup(text)
            | Self::NodeType(text) => formatter.write_str(text),
        }
    }
}

/// Returns the changes that bring the group to the request, in order; empty if the group is up to date. A run applies
/// the first one, waits, and compares again.
///
/// Replicas are added before failover is turned on, and deleted after it is turned off, because failover requires two
/// nodes.
///
/// # Errors
/// Returns `Immutable` if the group differs in a setting that can't be changed in place.
pub fn changes(
    group: &ReplicationGroup,
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> StepResult<Vec<Change>> {
    immutable::check(group, member, input)?;
    let cache = &input.spec.cache;
    // Every field by name: a new one doesn't compile until its comparison is decided.
    let Cache {
        description: _,
        node_type: _,
        replicas: _,
        engine_version: _,
        snapshot_retention_days: _,
        // `immutable` compares these.
        subnet_group_name: _,
        port: _,
        // These identify the cache.
        name: _,
        security_group_name: _,
    } = cache;
    let (nodes, replicas) = (nodes(group), cache.replicas.get());
    let increase = (nodes < cache.nodes()).then_some(Change::IncreaseReplicas(replicas));
    let decrease = (nodes > cache.nodes()).then_some(Change::DecreaseReplicas(replicas));
    let modify =
        |settings: Vec<Setting>| (!settings.is_empty()).then_some(Change::Modify(settings));
    let changes = [
        increase,
        modify(online_settings(group, member, input)),
        decrease,
        modify(upgrade(member, input)),
        modify(node_type(group, input).into_iter().collect()),
    ];
    Ok(changes.into_iter().flatten().collect())
}

/// Returns the settings that one request changes without an interruption.
fn online_settings(
    group: &ReplicationGroup,
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> Vec<Setting> {
    let settings = [
        description(group, input),
        snapshot_retention(group, input),
        security_group(member, input),
        failover(group, input),
    ];
    settings.into_iter().flatten().collect()
}

fn description(group: &ReplicationGroup, input: &EnsureReplicationGroupInput) -> Option<Setting> {
    let requested = input.spec.cache.description.as_str();
    (group.description() != Some(requested)).then(|| Setting {
        field: "cache.description",
        found: group.description().map(str::to_owned),
        value: SettingValue::Description(requested.to_owned()),
    })
}

fn snapshot_retention(
    group: &ReplicationGroup,
    input: &EnsureReplicationGroupInput,
) -> Option<Setting> {
    let found = group.snapshot_retention_limit();
    let days = input.spec.cache.snapshot_retention_days.get();
    let turns_on = days > 0 && found.unwrap_or_default() == 0;
    (found != Some(days)).then(|| Setting {
        field: "cache.snapshotRetentionDays",
        found: found.map(|days| days.to_string()),
        value: SettingValue::SnapshotRetention {
            days,
            snapshotting_cluster_id: turns_on
                .then(|| group.member_clusters().first().cloned())
                .flatten(),
        },
    })
}

fn security_group(member: &CacheCluster, input: &EnsureReplicationGroupInput) -> Option<Setting> {
    let found: Vec<_> = member
        .security_groups()
        .iter()
        .filter_map(|group| group.security_group_id())
        .collect();
    (found != [input.security_group_id.as_str()]).then(|| Setting {
        field: "security group",
        found: Some(found.join(", ")),
        value: SettingValue::SecurityGroup(input.security_group_id.clone()),
    })
}

fn failover(group: &ReplicationGroup, input: &EnsureReplicationGroupInput) -> Option<Setting> {
    let requested = input.spec.cache.fails_over();
    let expected = if requested {
        (AutomaticFailoverStatus::Enabled, MultiAzStatus::Enabled)
    } else {
        (AutomaticFailoverStatus::Disabled, MultiAzStatus::Disabled)
    };
    let found = (group.automatic_failover(), group.multi_az());
    let is_on = found
        == (
            Some(&AutomaticFailoverStatus::Enabled),
            Some(&MultiAzStatus::Enabled),
        );
    (found != (Some(&expected.0), Some(&expected.1))).then(|| Setting {
        field: "failover and Multi-AZ",
        found: Some(on_off(Some(is_on)).to_owned()),
        value: SettingValue::Failover(requested),
    })
}

/// Returns the settings of an engine upgrade, in which ElastiCache replaces one node after the other.
fn upgrade(member: &CacheCluster, input: &EnsureReplicationGroupInput) -> Vec<Setting> {
    let Some((found, requested)) = versions(member, input) else {
        return Vec::new();
    };
    if version::compare(found, requested) != Comparison::Older {
        return Vec::new();
    }
    let engine_version = input
        .spec
        .cache
        .engine_version
        .as_ref()
        .map(|text| Setting {
            field: "cache.engineVersion",
            found: member.engine_version().map(str::to_owned),
            value: SettingValue::EngineVersion(text.to_string()),
        });
    let in_use = parameter_group_of(member);
    let parameter_group = version::parameter_group(in_use, found, requested)
        .unwrap_or_default()
        .map(|name| Setting {
            field: "parameter group",
            found: in_use.map(str::to_owned),
            value: SettingValue::ParameterGroup(name),
        });
    engine_version.into_iter().chain(parameter_group).collect()
}

fn node_type(group: &ReplicationGroup, input: &EnsureReplicationGroupInput) -> Option<Setting> {
    let requested = input.spec.cache.node_type.as_str();
    (group.cache_node_type() != Some(requested)).then(|| Setting {
        field: "cache.nodeType",
        found: group.cache_node_type().map(str::to_owned),
        value: SettingValue::NodeType(requested.to_owned()),
    })
}

/// Returns the cache's version and the requested one; none if the request has no version, because the stack's default
/// version applies only to new caches.
pub fn versions(
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> Option<(Version, Version)> {
    let requested = input.spec.cache.engine_version.as_ref()?;
    Some((
        Version::read(member.engine_version()?)?,
        Version::read(requested.as_str())?,
    ))
}

/// Returns the engine versions for the output; none if ElastiCache doesn't return the cache's yet.
pub fn engine_versions(
    member: &CacheCluster,
    input: &EnsureReplicationGroupInput,
) -> Option<EngineVersions> {
    Some(EngineVersions {
        found: member.engine_version()?.to_owned(),
        requested: input.spec.cache.engine_version.clone(),
    })
}

/// Returns the name of the parameter group that the cache uses.
pub fn parameter_group_of(member: &CacheCluster) -> Option<&str> {
    member
        .cache_parameter_group()
        .and_then(CacheParameterGroupStatus::cache_parameter_group_name)
}

/// Returns the number of nodes in the group.
pub fn nodes(group: &ReplicationGroup) -> i32 {
    let nodes: usize = group
        .node_groups()
        .iter()
        .map(|node_group| node_group.node_group_members().len())
        .sum();
    i32::try_from(nodes).unwrap_or(i32::MAX)
}

/// Returns the text of a flag in plans and errors.
pub const fn on_off(flag: Option<bool>) -> &'static str {
    match flag {
        Some(true) => "on",
        _ => "off",
    }
}
