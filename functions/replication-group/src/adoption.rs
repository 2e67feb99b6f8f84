//! Decides whether a cache that was created outside envcache can be adopted. Pure functions; no AWS calls.
//!
//! [`RULES`] contains a decision for each setting that ElastiCache describes and a request can't specify. `compare` changes
//! what a request specifies, and `immutable` rejects what never fits, whoever created the cache. The page `docs/adopt.md`
//! lists all decisions.

use aws_sdk_elasticache::types::{
    CacheCluster, ClusterMode, DataTieringStatus, EffectiveDurability, Endpoint, NetworkType,
    NodeGroup, PendingModifiedValues, ReplicationGroup, ReplicationGroupPendingModifiedValues, Tag,
    TransitEncryptionMode,
};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, KeptSetting};
use contract::spec::CacheField;
use serde_json::{Map, Value, json};

use crate::compare::{nodes, parameter_group_of};
use crate::immutable;

/// A cache, as ElastiCache describes it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub group: &'a ReplicationGroup,
    pub members: &'a [CacheCluster],
    pub tags: &'a [Tag],
    /// The ID of the requested security group; empty in a plan if it doesn't exist yet.
    pub security_group_id: &'a str,
}

impl Found<'_> {
    fn member(&self) -> Option<&CacheCluster> {
        self.members.first()
    }
}

/// What happens to a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays, now and in later runs. The plan reports it.
    Kept,
    /// The cache isn't adopted, and nothing is changed. Contains the remedy.
    Rejected(&'static str),
}

/// The decision about a setting.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The setting's name on the page and in a plan.
    pub setting: &'static str,
    pub decision: Decision,
    /// Returns the setting's value; none if it is that of every cache that envcache creates.
    value: fn(Found<'_>) -> Option<String>,
}

/// The rules, in the order of the page. ElastiCache describes the settings in
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html) and
/// [CacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html).
pub const RULES: [Rule; 17] = [
    Rule {
        setting: "pending changes",
        // ApplyImmediately also applies pending changes:
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
        decision: Decision::Rejected(
            "a change that a run makes would apply them immediately: apply them, or request the current values in the \
             ElastiCache console",
        ),
        value: pending,
    },
    Rule {
        setting: "TLS mode",
        decision: Decision::Rejected(
            "it accepts connections without TLS: once no client needs them, set the mode to required",
        ),
        value: |found| {
            let mode = found.group.transit_encryption_mode()?;
            (*mode == TransitEncryptionMode::Preferred).then(|| mode.to_string())
        },
    },
    Rule {
        setting: "cluster mode",
        decision: Decision::Rejected("it is between the two modes: set it back to disabled"),
        value: |found| {
            let mode = found.group.cluster_mode()?;
            (*mode == ClusterMode::Compatible).then(|| mode.to_string())
        },
    },
    Rule {
        setting: "global datastore",
        decision: Decision::Rejected(
            "ElastiCache doesn't change or delete a member: remove it from the datastore",
        ),
        value: |found| {
            let info = found.group.global_replication_group_info()?;
            info.global_replication_group_id().map(str::to_owned)
        },
    },
    Rule {
        setting: "other security groups",
        decision: Decision::Rejected(
            "clients may connect through their rules: request the cache's group (cache.securityGroupName), or allow the \
             clients in the requested group and detach the others",
        ),
        value: other_security_groups,
    },
    Rule {
        setting: "automatic minor upgrades",
        decision: Decision::Kept,
        value: |found| {
            let is_on = found.group.auto_minor_version_upgrade();
            let is_on = is_on.or(found.member()?.auto_minor_version_upgrade());
            (is_on == Some(false)).then(|| "off".to_owned())
        },
    },
    Rule {
        setting: "parameter group",
        decision: Decision::Kept,
        value: |found| {
            let name = parameter_group_of(found.member()?)?;
            (!name.starts_with("default.")).then(|| name.to_owned())
        },
    },
    Rule {
        setting: "maintenance window",
        decision: Decision::Kept,
        value: |found| {
            let window = found.member()?.preferred_maintenance_window()?;
            Some(window.to_owned())
        },
    },
    Rule {
        setting: "snapshot window",
        decision: Decision::Kept,
        value: |found| found.group.snapshot_window().map(str::to_owned),
    },
    Rule {
        setting: "log delivery",
        decision: Decision::Kept,
        value: |found| {
            let logs = found.group.log_delivery_configurations().iter();
            listed(logs.filter_map(|log| {
                let destination = log.destination_type()?;
                Some(format!("{} to {destination}", log.log_type()?))
            }))
        },
    },
    Rule {
        setting: "notification topic",
        decision: Decision::Kept,
        value: |found| {
            let topic = found.member()?.notification_configuration()?;
            topic.topic_arn().map(str::to_owned)
        },
    },
    Rule {
        setting: "KMS key",
        decision: Decision::Kept,
        value: |found| found.group.kms_key_id().map(str::to_owned),
    },
    Rule {
        setting: "network type",
        decision: Decision::Kept,
        value: |found| {
            let network_type = found.group.network_type()?;
            let discovery = found.group.ip_discovery().map(ToString::to_string);
            (*network_type != NetworkType::Ipv4).then(|| {
                let discovery = discovery.unwrap_or_else(|| "unknown".to_owned());
                format!("{network_type}, discovery of {discovery}")
            })
        },
    },
    Rule {
        setting: "data tiering",
        decision: Decision::Kept,
        value: |found| {
            let is_enabled = found.group.data_tiering() == Some(&DataTieringStatus::Enabled);
            is_enabled.then(|| "enabled".to_owned())
        },
    },
    Rule {
        setting: "durability",
        decision: Decision::Kept,
        value: |found| {
            let durability = found.group.effective_durability()?;
            (*durability != EffectiveDurability::Disabled).then(|| durability.to_string())
        },
    },
    Rule {
        setting: "Outposts",
        decision: Decision::Kept,
        value: |found| listed(found.group.member_clusters_outpost_arns().iter().cloned()),
    },
    Rule {
        setting: "other tags",
        decision: Decision::Kept,
        // Their values may be secret.
        value: |found| {
            let keys = found.tags.iter().filter_map(Tag::key);
            let others = keys.filter(|key| !key.starts_with("envcache:"));
            listed(others.map(str::to_owned))
        },
    },
];

/// Checks that an unowned cache can be adopted, and returns the settings that are kept.
///
/// # Errors
/// Returns `Immutable` if `immutable` or a rule rejects the cache, and `InvalidSpec` if the request omits settings whose values the
/// adoption would change to the defaults.
pub fn check(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> StepResult<Vec<KeptSetting>> {
    if let Some(member) = found.member() {
        immutable::check_fixed(found.group, member, input)?;
    }
    let (mut kept, mut rejected) = (Vec::new(), Vec::new());
    for rule in &RULES {
        let Some(value) = (rule.value)(found) else {
            continue;
        };
        match rule.decision {
            Decision::Kept => kept.push(KeptSetting {
                setting: rule.setting.to_owned(),
                value,
            }),
            Decision::Rejected(remedy) => {
                rejected.push(format!("{}: {value} ({remedy})", rule.setting));
            }
        }
    }
    if !rejected.is_empty() {
        return Err(StepError::new(
            ErrorName::Immutable,
            format!(
                "replication group `{}` can't be adopted as it is. {}. Nothing was changed. Correct this in \
                 ElastiCache, then start again",
                input.spec.cache.name,
                rejected.join(". ")
            ),
        ));
    }
    require_explicit(found, input)?;
    Ok(kept)
}

/// Checks that the request contains each setting whose value isn't the default.
fn require_explicit(found: Found<'_>, input: &EnsureReplicationGroupInput) -> StepResult<()> {
    let cache = &input.spec.cache;
    let differing: Vec<_> = input
        .spec
        .omitted
        .iter()
        .filter_map(|field| {
            let default = match field {
                CacheField::Description => json!(cache.description),
                CacheField::NodeType => json!(cache.node_type),
                CacheField::Replicas => json!(cache.replicas),
                CacheField::Port => json!(cache.port),
                CacheField::SnapshotRetentionDays => json!(cache.snapshot_retention_days),
            };
            let value = value_of(*field, found.group)?;
            (value != default).then(|| {
                format!(
                    "cache.{} is {value}, and the default is {default}",
                    field.name()
                )
            })
        })
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "the request omits settings of replication group `{}` that aren't the defaults, so the adoption would change \
             them: {}. Nothing was changed. To keep the values, request this, then start again: \"cache\": {}",
            cache.name,
            differing.join("; "),
            complete(found, input)
        ),
    ))
}

/// Returns a setting's value as a request has it; none if ElastiCache doesn't return it.
fn value_of(field: CacheField, group: &ReplicationGroup) -> Option<Value> {
    Some(match field {
        CacheField::Description => json!(group.description()?),
        CacheField::NodeType => json!(group.cache_node_type()?),
        CacheField::Replicas => json!(nodes(group) - 1),
        CacheField::Port => {
            let node_group = group.node_groups().first();
            let endpoint = node_group.and_then(NodeGroup::primary_endpoint);
            json!(endpoint.and_then(Endpoint::port)?)
        }
        CacheField::SnapshotRetentionDays => json!(group.snapshot_retention_limit()?),
    })
}

/// Returns the complete `cache` of a request that keeps the group's settings.
fn complete(found: Found<'_>, input: &EnsureReplicationGroupInput) -> Value {
    let mut cache = json!(input.spec.cache);
    if let Some(fields) = cache.as_object_mut() {
        let values: Map<_, _> = CacheField::ALL
            .into_iter()
            .filter_map(|field| Some((field.name().to_owned(), value_of(field, found.group)?)))
            .collect();
        fields.extend(values);
        if input.spec.network.shared_subnet_group().is_some() {
            fields.remove("subnetGroupName");
        } else if let Some(name) = found
            .member()
            .and_then(CacheCluster::cache_subnet_group_name)
        {
            fields.insert("subnetGroupName".to_owned(), json!(name));
        }
    }
    cache
}

/// Returns the security groups of the members that aren't requested.
fn other_security_groups(found: Found<'_>) -> Option<String> {
    let groups = found
        .members
        .iter()
        .flat_map(CacheCluster::security_groups)
        .filter_map(|group| group.security_group_id())
        .filter(|id| *id != found.security_group_id);
    let groups: std::collections::BTreeSet<_> = groups.map(str::to_owned).collect();
    listed(groups.into_iter())
}

/// Returns the changes that ElastiCache makes in the next maintenance window. A pending node type or engine version is shown
/// by the members only.
fn pending(found: Found<'_>) -> Option<String> {
    let of_group = found.group.pending_modified_values().into_iter();
    let of_members = found
        .members
        .iter()
        .filter_map(CacheCluster::pending_modified_values);
    let mut pending: Vec<_> = of_group
        .flat_map(pending_of_group)
        .chain(of_members.flat_map(pending_of_member))
        .collect();
    pending.sort_unstable();
    pending.dedup();
    listed(pending.into_iter())
}

fn pending_of_group(pending: &ReplicationGroupPendingModifiedValues) -> Vec<String> {
    [
        named("primary", pending.primary_cluster_id()),
        named("automatic failover", pending.automatic_failover_status()),
        present("resharding", pending.resharding().is_some()),
        named("AUTH", pending.auth_token_status()),
        present("user groups", pending.user_groups().is_some()),
        present(
            "log delivery",
            !pending.log_delivery_configurations().is_empty(),
        ),
        named(
            "encryption in transit",
            pending.transit_encryption_enabled(),
        ),
        named("TLS mode", pending.transit_encryption_mode()),
        named("cluster mode", pending.cluster_mode()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn pending_of_member(pending: &PendingModifiedValues) -> Vec<String> {
    [
        named("number of nodes", pending.num_cache_nodes()),
        present(
            "deletion of nodes",
            !pending.cache_node_ids_to_remove().is_empty(),
        ),
        named("engine version", pending.engine_version()),
        named("node type", pending.cache_node_type()),
        named("AUTH", pending.auth_token_status()),
        present(
            "log delivery",
            !pending.log_delivery_configurations().is_empty(),
        ),
        named(
            "encryption in transit",
            pending.transit_encryption_enabled(),
        ),
        named("TLS mode", pending.transit_encryption_mode()),
        present("scaling", pending.scale_config().is_some()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn named(name: &str, value: Option<impl ToString>) -> Option<String> {
    value.map(|value| format!("{name} {}", value.to_string()))
}

fn present(name: &str, is_present: bool) -> Option<String> {
    is_present.then(|| name.to_owned())
}

/// Returns the elements as one text; none if there is none.
fn listed(elements: impl Iterator<Item = String>) -> Option<String> {
    let elements: Vec<_> = elements.collect();
    (!elements.is_empty()).then(|| elements.join(", "))
}
