//! Found against wanted: what is to be changed next, or what AWS cannot change. Pure: no call is made here.

use std::fmt;

use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, CacheParameterGroupStatus, Endpoint, MultiAzStatus,
    NodeGroup, ReplicationGroup,
};
use contract::Action;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EngineVersions, EnsureReplicationGroupInput};

use crate::version::{self, Comparison, Version};

/// One change. ElastiCache takes one after the other, and the group is *modifying* in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// More replicas, to this number.
    IncreaseReplicas(i32),
    /// Fewer replicas, to this number.
    DecreaseReplicas(i32),
    /// Other settings.
    Modify(Modification),
}

/// The settings that differ, with their wanted values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modification {
    pub description: Option<String>,
    pub snapshot_retention_days: Option<i32>,
    /// The member to take backups of: AWS wants it named where backups were off.
    pub snapshotting_cluster_id: Option<String>,
    pub security_group_id: Option<String>,
    /// Automatic failover and Multi-AZ, which go together here.
    pub failover: Option<bool>,
    pub engine_version: Option<String>,
    /// The parameter group of another major version.
    pub parameter_group: Option<String>,
    pub node_type: Option<String>,
}

impl Change {
    /// For the person who reads a plan: what the group shows, and what it should.
    pub fn to_action(&self, id: &str, group: &ReplicationGroup, member: &CacheCluster) -> Action {
        let found_replicas = Some((nodes(group) - 1).to_string());
        match self {
            Self::IncreaseReplicas(wanted) => Action::new("IncreaseReplicaCount", id).change(
                "cache.replicas",
                found_replicas,
                Some(wanted.to_string()),
            ),
            Self::DecreaseReplicas(wanted) => Action::new("DecreaseReplicaCount", id).change(
                "cache.replicas",
                found_replicas,
                Some(wanted.to_string()),
            ),
            Self::Modify(wanted) => wanted.to_action(id, group, member),
        }
    }
}

impl Modification {
    fn to_action(&self, id: &str, group: &ReplicationGroup, member: &CacheCluster) -> Action {
        let security_groups: Vec<_> = member
            .security_groups()
            .iter()
            .filter_map(|group| group.security_group_id())
            .collect();
        let is_on = |on: bool| on_off(Some(on)).to_owned();
        let fields = [
            (
                "cache.description",
                group.description().map(str::to_owned),
                self.description.clone(),
            ),
            (
                "cache.snapshotRetentionDays",
                group
                    .snapshot_retention_limit()
                    .map(|days| days.to_string()),
                self.snapshot_retention_days.map(|days| days.to_string()),
            ),
            (
                "security group",
                Some(security_groups.join(", ")),
                self.security_group_id.clone().map(|id| {
                    // A plan before the group exists.
                    if id.is_empty() {
                        "(known once the security group is created)".to_owned()
                    } else {
                        id
                    }
                }),
            ),
            (
                "failover and Multi-AZ",
                Some(is_on(
                    group.automatic_failover() == Some(&AutomaticFailoverStatus::Enabled)
                        && group.multi_az() == Some(&MultiAzStatus::Enabled),
                )),
                self.failover.map(is_on),
            ),
            (
                "cache.engineVersion",
                member.engine_version().map(str::to_owned),
                self.engine_version.clone(),
            ),
            (
                "parameter group",
                parameter_group_of(member).map(str::to_owned),
                self.parameter_group.clone(),
            ),
            (
                "cache.nodeType",
                group.cache_node_type().map(str::to_owned),
                self.node_type.clone(),
            ),
        ];
        fields
            .into_iter()
            .filter(|(_, _, wanted)| wanted.is_some())
            .fold(
                Action::new("ModifyReplicationGroup", id),
                |action, (field, found, wanted)| action.change(field, found, wanted),
            )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IncreaseReplicas(replicas) => write!(formatter, "to more replicas: {replicas}"),
            Self::DecreaseReplicas(replicas) => write!(formatter, "to fewer replicas: {replicas}"),
            Self::Modify(wanted) => {
                let fields = [
                    ("description", wanted.description.is_some()),
                    ("backups", wanted.snapshot_retention_days.is_some()),
                    ("security group", wanted.security_group_id.is_some()),
                    ("failover and Multi-AZ", wanted.failover.is_some()),
                    ("engine version", wanted.engine_version.is_some()),
                    ("node type", wanted.node_type.is_some()),
                ];
                let changed: Vec<_> = fields
                    .into_iter()
                    .filter_map(|(name, differs)| differs.then_some(name))
                    .collect();
                formatter.write_str(&changed.join(", "))
            }
        }
    }
}

/// The changes that lead to what is wanted, in their order; none where the group is as wanted. A run applies the
/// first, waits, and compares anew.
///
/// Replicas come before failover and leave after it, since failover needs two nodes.
///
/// # Errors
/// `Immutable` where the group differs in something that AWS cannot change in place.
pub fn changes(
    group: &ReplicationGroup,
    member: &CacheCluster,
    wanted: &EnsureReplicationGroupInput,
) -> StepResult<Vec<Change>> {
    check_immutable(group, member, wanted)?;
    let cache = &wanted.spec.cache;
    let (nodes, replicas) = (nodes(group), cache.replicas.get());
    let more = (nodes < cache.nodes()).then_some(Change::IncreaseReplicas(replicas));
    let fewer = (nodes > cache.nodes()).then_some(Change::DecreaseReplicas(replicas));
    let modify = |modification: Option<Modification>| modification.map(Change::Modify);
    let changes = [
        more,
        modify(settings(group, member, wanted)),
        fewer,
        modify(upgrade(member, wanted)),
        modify(node_type_change(group, wanted)),
    ];
    Ok(changes.into_iter().flatten().collect())
}

/// The engine version found, and the requested one; none if ElastiCache doesn't show it yet.
pub fn engine_versions(
    member: &CacheCluster,
    wanted: &EnsureReplicationGroupInput,
) -> Option<EngineVersions> {
    Some(EngineVersions {
        found: member.engine_version()?.to_owned(),
        requested: wanted.spec.cache.engine_version.clone(),
    })
}

/// What to do with a member that doesn't recover, in words: a replica can be deleted, but neither the primary
/// ([DeleteCacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html))
/// nor the only node.
pub fn remedy_for(group: &ReplicationGroup, member: &str) -> &'static str {
    let members = group
        .node_groups()
        .iter()
        .flat_map(NodeGroup::node_group_members);
    let is_primary = members
        .filter(|found| found.cache_cluster_id() == Some(member))
        .any(|found| found.current_role() == Some("primary"));
    if group.member_clusters().len() <= 1 {
        "or, if it is this environment's, remove the cache and request it again: it is the only node, so its data is lost \
         unless you restore a backup"
    } else if is_primary {
        "fail over to a replica in the ElastiCache console, delete the member there"
    } else {
        "delete the member in the ElastiCache console"
    }
}

/// The nodes that the group shows.
pub fn nodes(group: &ReplicationGroup) -> i32 {
    let nodes: usize = group
        .node_groups()
        .iter()
        .map(|node_group| node_group.node_group_members().len())
        .sum();
    i32::try_from(nodes).unwrap_or(i32::MAX)
}

/// What can be changed together, and at once.
fn settings(
    group: &ReplicationGroup,
    member: &CacheCluster,
    wanted: &EnsureReplicationGroupInput,
) -> Option<Modification> {
    let cache = &wanted.spec.cache;
    let failover = if cache.fails_over() {
        (AutomaticFailoverStatus::Enabled, MultiAzStatus::Enabled)
    } else {
        (AutomaticFailoverStatus::Disabled, MultiAzStatus::Disabled)
    };
    let retention = cache.snapshot_retention_days.get();
    let security_groups: Vec<_> = member
        .security_groups()
        .iter()
        .filter_map(|group| group.security_group_id())
        .collect();
    let settings = Modification {
        description: (group.description() != Some(cache.description.as_str()))
            .then(|| cache.description.to_string()),
        snapshot_retention_days: (group.snapshot_retention_limit() != Some(retention))
            .then_some(retention),
        security_group_id: (security_groups != [wanted.security_group_id.as_str()])
            .then(|| wanted.security_group_id.clone()),
        snapshotting_cluster_id: (retention > 0
            && group.snapshot_retention_limit().unwrap_or_default() == 0)
            .then(|| group.member_clusters().first().cloned())
            .flatten(),
        failover: ((group.automatic_failover(), group.multi_az())
            != (Some(&failover.0), Some(&failover.1)))
            .then_some(cache.fails_over()),
        ..Modification::default()
    };
    (settings != Modification::default()).then_some(settings)
}

/// A newer version of Valkey: every node is replaced, one after the other.
fn upgrade(member: &CacheCluster, wanted: &EnsureReplicationGroupInput) -> Option<Modification> {
    let (found, requested) = versions(member, wanted)?;
    if version::compare(found, requested) != Comparison::Older {
        return None;
    }
    Some(Modification {
        engine_version: Some(wanted.spec.cache.engine_version.as_ref()?.to_string()),
        parameter_group: version::parameter_group(parameter_group_of(member), found, requested)
            .unwrap_or_default(),
        ..Modification::default()
    })
}

/// The version found and the one requested; none if the request names none. The stack's default version upgrades no
/// cache.
fn versions(
    member: &CacheCluster,
    wanted: &EnsureReplicationGroupInput,
) -> Option<(Version, Version)> {
    let requested = wanted.spec.cache.engine_version.as_ref()?;
    Some((
        Version::read(member.engine_version()?)?,
        Version::read(requested.as_str())?,
    ))
}

fn parameter_group_of(member: &CacheCluster) -> Option<&str> {
    member
        .cache_parameter_group()
        .and_then(CacheParameterGroupStatus::cache_parameter_group_name)
}

fn node_type_change(
    group: &ReplicationGroup,
    wanted: &EnsureReplicationGroupInput,
) -> Option<Modification> {
    let node_type = wanted.spec.cache.node_type.as_str();
    (group.cache_node_type() != Some(node_type)).then(|| Modification {
        node_type: Some(node_type.to_owned()),
        ..Modification::default()
    })
}

fn check_immutable(
    group: &ReplicationGroup,
    member: &CacheCluster,
    wanted: &EnsureReplicationGroupInput,
) -> StepResult<()> {
    let cache = &wanted.spec.cache;
    let port = group
        .node_groups()
        .first()
        .and_then(NodeGroup::primary_endpoint)
        .and_then(Endpoint::port);
    let differences = [
        differs("engine", member.engine(), "valkey"),
        differs("cluster mode", Some(on_off(group.cluster_enabled())), "off"),
        differs(
            "encryption at rest",
            Some(on_off(group.at_rest_encryption_enabled())),
            "on",
        ),
        differs(
            "encryption in transit",
            Some(on_off(group.transit_encryption_enabled())),
            "on",
        ),
        // The published endpoint holds no password: nobody could use it.
        differs("AUTH", Some(on_off(group.auth_token_enabled())), "off"),
        differs("user groups", Some(&group.user_group_ids().join(", ")), ""),
        differs(
            "cache.subnetGroupName",
            member.cache_subnet_group_name(),
            cache.subnet_group_name.as_str(),
        ),
        port.and_then(|port| {
            differs(
                "cache.port",
                Some(&port.to_string()),
                &cache.port.get().to_string(),
            )
        }),
        version_difference(member, wanted),
    ];
    let differences: Vec<_> = differences.into_iter().flatten().collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "replication group {} differs in what envcache does not change in place: {}. The cache was not changed: ask for \
             what is there",
            cache.name,
            differences.join("; ")
        ),
    ))
}

fn differs(field: &str, found: Option<&str>, wanted: &str) -> Option<String> {
    let found = found.unwrap_or("unknown");
    let shown = |text: &str| if text.is_empty() { "none" } else { text }.to_owned();
    (found != wanted).then(|| format!("{field} is {}, wanted {}", shown(found), shown(wanted)))
}

const fn on_off(found: Option<bool>) -> &'static str {
    match found {
        Some(true) => "on",
        _ => "off",
    }
}

/// What prevents a change of the version.
fn version_difference(
    member: &CacheCluster,
    wanted: &EnsureReplicationGroupInput,
) -> Option<String> {
    let (found, requested) = versions(member, wanted)?;
    let why = match version::compare(found, requested) {
        Comparison::Satisfied => return None,
        Comparison::NewerMajor => "and AWS only upgrades".to_owned(),
        Comparison::Older => {
            let in_use = parameter_group_of(member);
            let custom = version::parameter_group(in_use, found, requested).err()?;
            format!(
                "and the cache uses the parameter group `{custom}`, which is for another major version. Upgrade it in the \
                 ElastiCache console, together with a parameter group of the family valkey{}",
                requested.major
            )
        }
    };
    let found = member.engine_version()?;
    Some(format!(
        "cache.engineVersion is {found}, wanted {requested}, {why}"
    ))
}
