//! The messages of `ResolveNetwork`.

use serde::{Deserialize, Serialize};

use crate::Spec;

/// The input of `ResolveNetwork`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveNetworkInput {
    /// The environment that the request names, unchecked, for the log.
    pub environment: serde_json::Value,
    /// The name of the execution.
    pub execution: String,
    /// The stack's limits for requests. They are in the message, not in the function's configuration, because a change
    /// of a stack parameter publishes no version of the function.
    pub policy: PolicyParameters,
    /// The execution's unchanged input: the `detail` of the event, or what a user entered.
    pub request: serde_json::Value,
}

/// The stack's parameters that limit requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyParameters {
    /// `never`, `manual`, or `always`.
    pub adoption: String,
    /// The node types that a cache may have, separated by commas; empty for all.
    pub allowed_node_types: String,
    /// `true` if ElastiCache may deliver logs, otherwise `false`.
    pub allow_log_delivery: String,
}

/// The output of `ResolveNetwork`: the specification, and the network's IDs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveNetworkOutput {
    /// The validated request with every default filled in.
    pub spec: Spec,
    /// The IDs of the resources that `spec.network` names.
    pub network: ResolvedNetwork,
}

/// The IDs of the network that the cache is placed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolvedNetwork {
    /// The VPC's ID.
    pub vpc_id: String,
    /// The subnets' IDs, in the order of the request.
    pub subnet_ids: Vec<String>,
    /// The subnets' Availability Zones, each once.
    pub zones: Vec<String>,
    /// The ID of the security group that the backend runs in.
    pub backend_security_group_id: String,
}
