//! The cache's settings: each with its type, which has its constraints, and its default.

use serde::{Deserialize, Serialize};

use crate::checked::{QUOTED, shortened};
use crate::error::StepResult;
use crate::request::{default_of, invalid};
use crate::setting::{
    AutoMinorVersionUpgrade, Description, EngineVersion, KmsKey, Logs, MaintenanceWindow, NodeType,
    NotificationTopic, Parameters, Port, Replicas, RestoreFrom, SnapshotRetentionDays,
    SnapshotWindow, check_overlap,
};
use crate::value::{EnvironmentName, ReplicationGroupId, SecurityGroupName, SubnetGroupName};

/// Defines the settings: `Cache` has the value of each, and `CacheRequest` the values that a request names.
///
/// A setting's default is that of its type. A function after `=` derives the default from the environment's name.
macro_rules! settings {
    ($($(#[$attribute:meta])* $field:ident: $type:ty $(= $derived:path)?,)*) => {
        /// The cache's settings, with every default filled in.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct Cache {
            $($(#[$attribute])* pub $field: $type,)*
        }

        /// The settings that a request names.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub(crate) struct CacheRequest {
            $($(#[$attribute])* pub(crate) $field: Option<$type>,)*
        }

        impl CacheRequest {
            /// Returns the settings with every default filled in.
            ///
            /// # Errors
            /// Returns `InvalidSpec` if a default that derives from the environment's name breaks a rule of AWS.
            fn fill_in(self, environment: &EnvironmentName) -> StepResult<Cache> {
                Ok(Cache {
                    $($field: match self.$field {
                        Some(value) => value,
                        None => settings!(@default environment, $field, $type $(, $derived)?),
                    },)*
                })
            }

            /// Returns the names of the fields that the request omits.
            pub(crate) fn omitted(&self) -> Vec<String> {
                let fields = [$((stringify!($field), self.$field.is_none()),)*];
                let omitted = fields.into_iter().filter(|(_, is_omitted)| *is_omitted);
                omitted.map(|(field, _)| camel_case(field)).collect()
            }
        }
    };
    (@default $environment:ident, $field:ident, $type:ty) => {
        <$type>::default()
    };
    (@default $environment:ident, $field:ident, $type:ty, $derived:path) => {
        default_of(
            &format!("cache.{}", camel_case(stringify!($field))),
            $derived($environment),
        )?
    };
}

settings! {
    /// The replication group's ID.
    name: ReplicationGroupId = default_cache_name,
    /// The replication group's description.
    description: Description = default_description,
    /// The name of the cache's security group.
    security_group_name: SecurityGroupName = default_security_group_name,
    /// The name of the cache's subnet group, which envcache creates.
    subnet_group_name: SubnetGroupName = default_subnet_group_name,
    /// The type of each node. It must be in the stack's parameter `AllowedNodeTypes` unless that is empty: a cache of
    /// another type keeps running and can be removed, but requests for it fail with `InvalidSpec`.
    node_type: NodeType,
    /// The number of replicas in addition to the primary node. With 1 or more, automatic failover is on.
    replicas: Replicas,
    /// Whether Multi-AZ is on: the nodes are then in several Availability Zones, so that failover survives the loss of one. It
    /// needs a replica; by default, it is on with 1 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    multi_az: Option<bool>,
    /// The Valkey version. If omitted, a new cache gets the stack's parameter `DefaultEngineVersion`, and an existing one
    /// keeps its version. A newer minor version satisfies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    engine_version: Option<EngineVersion>,
    /// Whether ElastiCache upgrades the cache to new minor versions, in the maintenance window.
    #[serde(default)]
    auto_minor_version_upgrade: AutoMinorVersionUpgrade,
    /// The port that the cache listens on.
    port: Port,
    /// How many days an automatic backup is kept; 0 for no backup.
    snapshot_retention_days: SnapshotRetentionDays,
    /// When the daily backup is taken. Together with `maintenanceWindow`, which it must not overlap; if both are omitted,
    /// ElastiCache chooses them, and an existing cache keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot_window: Option<SnapshotWindow>,
    /// When ElastiCache maintains the cache. Together with `snapshotWindow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maintenance_window: Option<MaintenanceWindow>,
    /// The SNS topic for ElastiCache's notifications, in the stack's account and Region. If omitted, there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notification_topic: Option<NotificationTopic>,
    /// The KMS key that encrypts the cache at rest, a symmetric customer managed key in the stack's account and Region. A
    /// cache's key can't be changed. If omitted, a new cache is encrypted with AWS's default key, and an existing one keeps
    /// its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kms_key: Option<KmsKey>,
    /// What a new cache is filled from: an ElastiCache snapshot, or RDB files in Amazon S3. A cache that exists ignores it. After
    /// a run with it succeeded, no cache is created from the same source again, until the cache is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restore_from: Option<RestoreFrom>,
    /// The logs that ElastiCache delivers to log groups of their own in CloudWatch Logs. The stack's parameter `AllowLogDelivery`
    /// must be `true`. A log that isn't named is turned off, unless another tool set up its delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logs: Option<Logs>,
    /// The values of Valkey's parameters, by their names, in a parameter group of the cache's own. All others have ElastiCache's
    /// defaults. Without any, the cache uses the default parameter group, or keeps the one that it was adopted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

impl CacheRequest {
    /// Returns the settings with every default filled in, after a check of the rules between them.
    ///
    /// # Errors
    /// Returns `InvalidSpec` if a rule is broken.
    pub(crate) fn into_cache(self, environment: &EnvironmentName) -> StepResult<Cache> {
        let mut cache = self.fill_in(environment)?;
        cache.parameters = cache.parameters.filter(|parameters| !parameters.is_empty());
        if cache.multi_az == Some(true) && !cache.fails_over() {
            return Err(invalid(
                "cache.multiAz",
                "`true` needs a replica: request `cache.replicas` of 1 or more",
            ));
        }
        let policy = cache
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.get("maxmemory-policy"));
        if let Some(policy) = policy
            && cache.node_type.has_data_tiering()
            && !TIERED_POLICIES.contains(&policy)
        {
            return Err(invalid(
                "cache.parameters.maxmemory-policy",
                &format!(
                    "`{}` is not allowed with `cache.nodeType` `{}`, which has data tiering. Allowed values: `{}`",
                    shortened(policy, QUOTED),
                    cache.node_type,
                    TIERED_POLICIES.join("`, `")
                ),
            ));
        }
        match (&cache.snapshot_window, &cache.maintenance_window) {
            (None, None) => {}
            (Some(snapshot), Some(maintenance)) => check_overlap(snapshot, maintenance)
                .map_err(|rule| invalid("cache.snapshotWindow", &rule))?,
            (Some(_), None) => return Err(invalid("cache.maintenanceWindow", ONE_WINDOW)),
            (None, Some(_)) => return Err(invalid("cache.snapshotWindow", ONE_WINDOW)),
        }
        Ok(cache)
    }
}

/// The values of `maxmemory-policy` that data tiering supports
/// ([data tiering](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html)).
pub(crate) const TIERED_POLICIES: [&str; 3] = ["volatile-lru", "allkeys-lru", "noeviction"];

const ONE_WINDOW: &str = "is missing: request both windows or neither. Otherwise, ElastiCache chooses the other one, and it \
    can overlap";

impl Cache {
    /// Returns the number of nodes: the primary and its replicas, 1 to 6.
    #[must_use]
    pub const fn nodes(&self) -> i32 {
        self.replicas.get() + 1
    }

    /// Returns whether automatic failover is on. ElastiCache rejects it for a single node.
    #[must_use]
    pub const fn fails_over(&self) -> bool {
        self.replicas.get() > 0
    }

    /// Returns whether Multi-AZ is on. ElastiCache requires automatic failover for it.
    #[must_use]
    pub fn is_multi_az(&self) -> bool {
        self.multi_az.unwrap_or_else(|| self.fails_over())
    }
}

pub(crate) fn default_cache_name(environment: &EnvironmentName) -> String {
    format!("{environment}-redis")
}

fn default_description(environment: &EnvironmentName) -> String {
    format!("in memory db for {environment}")
}

pub(crate) fn default_security_group_name(environment: &EnvironmentName) -> String {
    format!("{environment}-redis-sg")
}

pub(crate) fn default_subnet_group_name(environment: &EnvironmentName) -> String {
    format!("{environment}-cached-subnet-group")
}

/// Returns the name of a field in JSON.
fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_ascii_uppercase() + rest
    })
}
