//! The specification that the states pass on: validated, with every default filled in.

use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::network::Network;
use crate::value::{EnvironmentName, EventId, EventTime, ParameterPrefix};
use crate::{Adoption, Owner, Tags};

/// The requested configuration of an environment's cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// Where the cache is placed, and which security group may connect to it.
    pub network: Network,
    /// The cache's settings.
    pub cache: Cache,
    /// The path that the endpoint is published below.
    pub parameter_prefix: ParameterPrefix,
    /// The tags of every resource of the environment, in addition to the owner tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whether removals of the environment are rejected from now on; none keeps the recorded value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<bool>,
    /// The run options.
    #[serde(default, skip_serializing_if = "RunOptions::is_default")]
    pub options: RunOptions,
    /// In a request that adopts: the fields of `cache` that it omits, which have their defaults. Otherwise empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<String>,
    /// The event that requested the run; none for a manual execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventStamp>,
}

impl Spec {
    /// Returns the owner of the resources that a run of this stack creates for the environment.
    #[must_use]
    pub fn owner(&self, stack: &str) -> Owner {
        Owner::new(&self.environment, stack)
    }

    /// Returns whether a run may adopt a resource of the environment. `belongs_here` is from `ClaimEnvironment`.
    #[must_use]
    pub const fn adoption(&self, belongs_here: bool) -> Adoption {
        Adoption {
            requested: self.options.adopt,
            belongs_here,
        }
    }
}

/// The settings of a request that apply to the run, not to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunOptions {
    /// Adopt unowned resources that have a requested name.
    pub adopt: bool,
    /// Upgrade an adopted cache of the engine Redis OSS to Valkey.
    pub upgrade_engine: bool,
    /// Report what the run would change, and change nothing.
    pub dry_run: bool,
    /// What happens to the resources of a failed first creation.
    pub on_failure: OnFailure,
    /// When ElastiCache makes the changes that it can defer.
    pub apply: Apply,
}

/// What happens to the resources of a failed first creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// They stay, and the next run continues with them.
    #[default]
    Keep,
    /// They are deleted.
    Rollback,
}

/// When ElastiCache makes the changes that it can defer: another node type, and an engine upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase")]
pub enum Apply {
    /// Immediately, together with everything that is pending.
    #[default]
    Now,
    /// In the cache's maintenance window.
    Window,
}

impl RunOptions {
    /// Returns whether every option has its default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a failed first creation is rolled back.
    #[must_use]
    pub fn rolls_back(self) -> bool {
        self.on_failure == OnFailure::Rollback
    }

    /// Returns the execution for the tags of new resources; none if the run isn't rolled back.
    #[must_use]
    pub fn created_by(self, execution: &str) -> Option<&str> {
        self.rolls_back().then_some(execution)
    }
}

/// The event that requested a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventStamp {
    /// EventBridge's ID of the event.
    pub id: EventId,
    /// When the event happened. The request with the latest time takes precedence.
    pub time: EventTime,
}
