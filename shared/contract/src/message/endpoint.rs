//! The messages of `PlanEndpoint`, `VerifyEndpoint`, `PublishEndpoint`, and `RetractEndpoint`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::EnvironmentName;
use crate::{Action, Spec};

/// The endpoints of a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// The endpoint to write to and read from.
    pub primary: Endpoint,
    /// The endpoint that distributes reads among the replicas, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<Endpoint>,
}

/// A host and a port, as ElastiCache returns them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// The host's DNS name.
    pub host: String,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// The input of `VerifyEndpoint`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEndpointInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution, which is part of the key that is set and read.
    pub execution: String,
    /// From `EnsureReplicationGroup`.
    pub endpoints: Endpoints,
}

/// The output of `VerifyEndpoint`: every endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEndpointOutput {
    /// The endpoints that answered, each `host:port`.
    pub answered: Vec<String>,
}

/// The input of `PublishEndpoint` and `PlanEndpoint`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishEndpointInput {
    /// The environment that the cache serves.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// Whether to compare only, without a write.
    pub plan: bool,
    /// The checked request.
    pub spec: Spec,
    /// Whether the parameters belong to the environment, so that they may be adopted although an owner tag is missing.
    pub belongs_here: bool,
    /// The keys of the tags that only earlier requests named: they are removed.
    pub former_tags: Vec<String>,
    /// From `EnsureReplicationGroup`; none in a plan for a cache that doesn't exist yet.
    pub endpoints: Option<Endpoints>,
}

/// The output of `PublishEndpoint` and `PlanEndpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PublishEndpointOutput {
    /// The endpoint is published.
    Published(Published),
    /// A plan: nothing was changed.
    Planned {
        /// The write calls that a run would make, in order.
        actions: Vec<Action>,
    },
}

/// The published endpoint, which is part of the execution's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Published {
    /// `host:port` of the primary endpoint.
    pub primary_endpoint: String,
    /// `rediss://host:port`.
    pub url: String,
    /// The names of the parameters that hold the endpoint, in the order of the contract.
    pub parameters: Vec<String>,
    /// The names of the parameters that this run wrote.
    pub written: Vec<String>,
    /// The names of the parameters that this run deleted because they no longer apply.
    pub removed: Vec<String>,
}

/// The input of `RetractEndpoint`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetractEndpointInput {
    /// The environment whose cache is removed.
    pub environment: EnvironmentName,
    /// The name of the execution.
    pub execution: String,
    /// The path that its endpoint is published below.
    pub parameter_prefix: String,
    /// In a rollback, the name of the execution whose resources are deleted; none for a removal.
    pub created_by: Option<String>,
}

/// The output of `RetractEndpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetractEndpointOutput {
    /// The names of the parameters that it deleted.
    pub removed: Vec<String>,
    /// The kept parameters, each with the reason.
    pub left: Vec<String>,
}
