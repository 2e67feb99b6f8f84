//! Decides whether a cache that was created outside envcache can be adopted. Pure functions; no AWS calls.
//!
//! [`RULES`] contains a decision for each setting that ElastiCache describes and a request doesn't specify. `compare` changes
//! what a request specifies, and rejects what never fits, whoever created the cache. The page `docs/adopt.md`
//! lists all decisions.

use aws_sdk_elasticache::types::{
    CacheCluster, ClusterMode, EffectiveDurability, NetworkType, Tag, TransitEncryptionMode,
};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, KeptSetting};
use serde_json::{Value, json};

use crate::setting::{Found, SETTINGS, logs, parameter_group_of};
use crate::{compare, pending};

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
    /// Returns the setting's value; none if it is that of every cache that envcache creates, or if the request names it.
    value: fn(Found<'_>, &EnsureReplicationGroupInput) -> Option<String>,
}

/// The rules, in the order of the page. ElastiCache describes the settings in
/// [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html) and
/// [CacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html).
pub const RULES: [Rule; 14] = [
    Rule {
        setting: "pending changes",
        // ApplyImmediately also applies pending changes:
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
        decision: Decision::Rejected(
            "a change that a run makes would apply them immediately: apply them in the ElastiCache console, or wait for the \
             maintenance window",
        ),
        value: |found, _| {
            let pending = pending::of(found);
            (!pending.is_empty()).then(|| pending::text(&pending))
        },
    },
    Rule {
        setting: "TLS mode",
        decision: Decision::Rejected(
            "it accepts connections without TLS: once no client needs them, set the mode to required",
        ),
        value: |found, _| {
            let mode = found.group.transit_encryption_mode()?;
            (*mode == TransitEncryptionMode::Preferred).then(|| mode.to_string())
        },
    },
    Rule {
        setting: "cluster mode",
        decision: Decision::Rejected("it is between the two modes: set it back to disabled"),
        value: |found, _| {
            let mode = found.group.cluster_mode()?;
            (*mode == ClusterMode::Compatible).then(|| mode.to_string())
        },
    },
    Rule {
        setting: "global datastore",
        decision: Decision::Rejected(
            "ElastiCache doesn't change or delete a member: remove it from the datastore",
        ),
        value: |found, _| {
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
        setting: "parameter group",
        decision: Decision::Kept,
        value: |found, input| {
            let name = parameter_group_of(found.member()?)?;
            let is_kept = input.parameter_group.is_none() && !name.starts_with("default.");
            is_kept.then(|| name.to_owned())
        },
    },
    Rule {
        setting: "maintenance window",
        decision: Decision::Kept,
        value: |found, input| {
            let window = found.member()?.preferred_maintenance_window()?;
            let is_kept = input.spec.cache.maintenance_window.is_none();
            is_kept.then(|| window.to_owned())
        },
    },
    Rule {
        setting: "snapshot window",
        decision: Decision::Kept,
        value: |found, input| {
            let window = found.group.snapshot_window()?;
            let is_kept = input.spec.cache.snapshot_window.is_none();
            is_kept.then(|| window.to_owned())
        },
    },
    Rule {
        setting: "log delivery",
        decision: Decision::Kept,
        value: |found, input| listed(logs::others(found, input).into_iter()),
    },
    Rule {
        setting: "KMS key",
        decision: Decision::Kept,
        value: |found, input| {
            let key = found.group.kms_key_id()?;
            let is_kept = input.spec.cache.kms_key.is_none();
            is_kept.then(|| key.to_owned())
        },
    },
    Rule {
        setting: "network type",
        decision: Decision::Kept,
        value: |found, _| {
            let network_type = found.group.network_type()?;
            let discovery = found.group.ip_discovery().map(ToString::to_string);
            (*network_type != NetworkType::Ipv4).then(|| {
                let discovery = discovery.unwrap_or_else(|| "unknown".to_owned());
                format!("{network_type}, discovery of {discovery}")
            })
        },
    },
    Rule {
        setting: "durability",
        decision: Decision::Kept,
        value: |found, _| {
            let durability = found.group.effective_durability()?;
            (*durability != EffectiveDurability::Disabled).then(|| durability.to_string())
        },
    },
    Rule {
        setting: "Outposts",
        decision: Decision::Kept,
        value: |found, _| listed(found.group.member_clusters_outpost_arns().iter().cloned()),
    },
    Rule {
        setting: "other tags",
        decision: Decision::Kept,
        // Their values may be secret.
        value: |found, input| {
            let keys = found.tags.iter().filter_map(Tag::key);
            let others = keys.filter(|key| {
                let is_former = || input.former_tags.iter().any(|former| former == key);
                !key.starts_with("envcache:") && !input.spec.tags.contains(key) && !is_former()
            });
            listed(others.map(str::to_owned))
        },
    },
];

/// Checks that an unowned cache can be adopted, and returns the settings that are kept.
///
/// # Errors
/// Returns `Immutable` if `immutable` or a rule rejects the cache, and `InvalidSpec` if the request omits settings whose
/// values the adoption would change to the defaults.
pub fn check(
    found: Found<'_>,
    input: &EnsureReplicationGroupInput,
) -> StepResult<Vec<KeptSetting>> {
    compare::check_fixed(found, input)?;
    let (mut kept, mut rejected) = (Vec::new(), Vec::new());
    for rule in &RULES {
        let Some(value) = (rule.value)(found, input) else {
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
    let differing: Vec<_> = SETTINGS
        .iter()
        .filter_map(|setting| {
            let field = setting.field().strip_prefix("cache.")?;
            if !input.spec.omitted.iter().any(|omitted| omitted == field) {
                return None;
            }
            let (value, default) = (setting.found(found)?, setting.requested(input)?);
            let shown = |value: &Value| match value {
                Value::Null => "none".to_owned(),
                value => value.to_string(),
            };
            (value != default).then(|| {
                let (value, default) = (shown(&value), shown(&default));
                format!("cache.{field} is {value}, and the default is {default}")
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
            input.spec.cache.name,
            differing.join("; "),
            complete(found, input)
        ),
    ))
}

/// Returns the complete `cache` of a request that keeps the group's settings.
fn complete(found: Found<'_>, input: &EnsureReplicationGroupInput) -> Value {
    let mut cache = json!(input.spec.cache);
    if let Some(fields) = cache.as_object_mut() {
        if input.spec.network.shared_subnet_group().is_some() {
            fields.remove("subnetGroupName");
        }
        for setting in SETTINGS {
            if let Some(field) = setting.field().strip_prefix("cache.")
                && let Some(value) = setting.to_keep(found, input)
            {
                fields.insert(field.to_owned(), value);
            }
        }
        fields.retain(|_, value| !value.is_null());
    }
    cache
}

/// Returns the security groups of the members that aren't requested.
fn other_security_groups(found: Found<'_>, input: &EnsureReplicationGroupInput) -> Option<String> {
    let groups = found
        .members
        .iter()
        .flat_map(CacheCluster::security_groups)
        .filter_map(|group| group.security_group_id())
        .filter(|id| *id != input.security_group_id);
    let groups: std::collections::BTreeSet<_> = groups.map(str::to_owned).collect();
    listed(groups.into_iter())
}

/// Returns the elements as one text; none if there is none.
fn listed(elements: impl Iterator<Item = String>) -> Option<String> {
    let elements: Vec<_> = elements.collect();
    (!elements.is_empty()).then(|| elements.join(", "))
}
