//! `cache.autoMinorVersionUpgrade`.

use serde::{Deserialize, Serialize};

/// Whether ElastiCache upgrades the cache to new minor versions in its maintenance window; by default, it does. AWS
/// documents no default of the parameter in
/// [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct AutoMinorVersionUpgrade(bool);

impl AutoMinorVersionUpgrade {
    /// Returns whether ElastiCache upgrades automatically.
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.0
    }
}

impl Default for AutoMinorVersionUpgrade {
    fn default() -> Self {
        Self(true)
    }
}
