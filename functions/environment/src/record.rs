//! The record as DynamoDB stores it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::Spec;
use contract::message::{Names, ResolvedNetwork};
use serde_json::Value;

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// What is recorded of an environment. Every attribute may be missing: the first run finds no record at all, and an
/// earlier version of envcache wrote fewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The ARN of the execution that holds the environment.
    pub holder: Option<String>,
    /// Counts the writes: a write on a condition of this number changes only the record that was read.
    pub version: Option<u64>,
    /// If the holder took the claim over and hasn't waited for the former holder's functions yet: the seconds that it
    /// had waited by then.
    pub taken_over_at: Option<u32>,
    /// When what was last recorded was requested, in milliseconds since 1970.
    pub requested_at: Option<i64>,
    /// Whether the cache was requested from ElastiCache, and wasn't seen available since.
    pub creation_recorded: bool,
    /// The name of the failed execution that may be rolled back.
    pub rollback_of: Option<String>,
    /// Whether removals are rejected.
    pub protected: bool,
    /// What the environment's resources are called, by the last request.
    pub names: Option<Names>,
    /// Which cache the environment has, once that was requested.
    pub identity: Option<Identity>,
}

impl Record {
    /// Reads an item. What has another type than expected counts as missing.
    pub fn from_item(item: &Item) -> Self {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        Self {
            holder: text("holder"),
            version: number(item, "version"),
            taken_over_at: number(item, "takenOverAt"),
            requested_at: number(item, "askedAt"),
            creation_recorded: item.contains_key("askedForCache"),
            rollback_of: text("rollbackOf"),
            protected: item
                .get("protected")
                .is_some_and(|value| value.as_bool() == Ok(&true)),
            names: text("spec").and_then(|spec| names(&spec)),
            identity: Identity::from_item(&text),
        }
    }
}

fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The names in a recorded specification. Read field by field: one that an earlier version recorded may lack others.
fn names(spec: &str) -> Option<Names> {
    let spec: Value = serde_json::from_str(spec).ok()?;
    let text = |pointer: &str| Some(spec.pointer(pointer)?.as_str()?.to_owned());
    Some(Names {
        cache_name: text("/cache/name")?,
        subnet_group_name: text("/cache/subnetGroupName")?,
        parameter_prefix: text("/parameterPrefix")?,
    })
}

/// What an environment's cache is, and where: another identity would orphan it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    vpc_id: String,
    cache_name: String,
    security_group_name: String,
    subnet_group_name: String,
    parameter_prefix: String,
}

impl Identity {
    /// The identity that a request asks for.
    pub fn requested(spec: &Spec, network: &ResolvedNetwork) -> Self {
        Self {
            vpc_id: network.vpc_id.clone(),
            cache_name: spec.cache.name.to_string(),
            security_group_name: spec.cache.security_group_name.to_string(),
            subnet_group_name: spec.cache.subnet_group_name.to_string(),
            parameter_prefix: spec.parameter_prefix.to_string(),
        }
    }

    fn from_item(text: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            vpc_id: text("vpcId")?,
            cache_name: text("cacheName")?,
            security_group_name: text("securityGroupName")?,
            subnet_group_name: text("subnetGroupName")?,
            parameter_prefix: text("parameterPrefix")?,
        })
    }

    /// The fields that differ, each with its value in this identity and the requested one.
    pub fn differences(&self, requested: &Self) -> Vec<String> {
        [
            ("network.vpc", &self.vpc_id, &requested.vpc_id),
            ("cache.name", &self.cache_name, &requested.cache_name),
            (
                "cache.securityGroupName",
                &self.security_group_name,
                &requested.security_group_name,
            ),
            (
                "cache.subnetGroupName",
                &self.subnet_group_name,
                &requested.subnet_group_name,
            ),
            (
                "parameterPrefix",
                &self.parameter_prefix,
                &requested.parameter_prefix,
            ),
        ]
        .into_iter()
        .filter(|(_, found, wanted)| found != wanted)
        .map(|(field, found, wanted)| format!("{field} is `{found}`, requested `{wanted}`"))
        .collect()
    }
}
