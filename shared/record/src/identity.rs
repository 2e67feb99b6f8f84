//! The identity of an environment's cache.

use contract::Spec;
use contract::message::{ResolvedNetwork, ResourceNames};
use serde::{Deserialize, Serialize};

/// The names and the VPC of an environment's cache. A new identity would orphan the existing cache. Stored as JSON in
/// the attribute `cacheIdentity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The VPC's ID.
    pub vpc_id: String,
    /// The replication group's ID.
    pub cache_name: String,
    /// The security group's name.
    pub security_group_name: String,
    /// The subnet group's name.
    pub subnet_group_name: String,
    /// Whether the subnet group is shared (`network.subnetGroup`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_subnet_group: bool,
    /// The path that the endpoint is published below.
    pub parameter_prefix: String,
}

impl Identity {
    /// Returns the requested identity.
    #[must_use]
    pub fn requested(spec: &Spec, network: &ResolvedNetwork) -> Self {
        Self {
            vpc_id: network.vpc_id.clone(),
            cache_name: spec.cache.name.to_string(),
            security_group_name: spec.cache.security_group_name.to_string(),
            subnet_group_name: spec.cache.subnet_group_name.to_string(),
            shares_subnet_group: spec.network.shared_subnet_group().is_some(),
            parameter_prefix: spec.parameter_prefix.to_string(),
        }
    }

    /// Returns the names of the cache's resources.
    #[must_use]
    pub fn names(&self) -> ResourceNames {
        ResourceNames {
            cache_name: self.cache_name.clone(),
            security_group_name: self.security_group_name.clone(),
            subnet_group_name: self.subnet_group_name.clone(),
            shares_subnet_group: self.shares_subnet_group,
            parameter_prefix: self.parameter_prefix.clone(),
        }
    }

    /// Reads the five attributes that an earlier version of envcache wrote.
    pub(crate) fn from_attributes(text: &impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            vpc_id: text("vpcId")?,
            cache_name: text("cacheName")?,
            security_group_name: text("securityGroupName")?,
            subnet_group_name: text("subnetGroupName")?,
            shares_subnet_group: false,
            parameter_prefix: text("parameterPrefix")?,
        })
    }

    /// Returns the identity as the record stores it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts always becomes JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Lists the fields that differ, each with its value in this identity and the requested one.
    #[must_use]
    pub fn differences(&self, requested: &Self) -> Vec<String> {
        let subnet_groups = |identity: &Self| {
            let name = Some(identity.subnet_group_name.clone());
            if identity.shares_subnet_group {
                (None, name)
            } else {
                (name, None)
            }
        };
        let (found_own, found_shared) = subnet_groups(self);
        let (requested_own, requested_shared) = subnet_groups(requested);
        let some = |text: &String| Some(text.clone());
        [
            ("network.vpc", some(&self.vpc_id), some(&requested.vpc_id)),
            (
                "cache.name",
                some(&self.cache_name),
                some(&requested.cache_name),
            ),
            (
                "cache.securityGroupName",
                some(&self.security_group_name),
                some(&requested.security_group_name),
            ),
            ("cache.subnetGroupName", found_own, requested_own),
            ("network.subnetGroup", found_shared, requested_shared),
            (
                "parameterPrefix",
                some(&self.parameter_prefix),
                some(&requested.parameter_prefix),
            ),
        ]
        .into_iter()
        .filter(|(_, found, wanted)| found != wanted)
        .map(|(field, found, wanted)| {
            let quoted = |name: Option<String>| {
                name.map_or_else(|| "none".to_owned(), |name| format!("`{name}`"))
            };
            format!("{field} is {}, requested {}", quoted(found), quoted(wanted))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Identity;

    /// An identity with one field that differs.
    fn identity_with(field: &str, value: &str) -> Identity {
        let mut identity = identity();
        identity[field] = json!(value);
        serde_json::from_value(identity).expect("an identity")
    }

    fn identity() -> Value {
        json!({
            "vpcId": "vpc-1",
            "cacheName": "bandup-redis",
            "securityGroupName": "redis-sg",
            "subnetGroupName": "data",
            "parameterPrefix": "/bandup/cache"
        })
    }

    #[test]
    fn requested_identity_has_names_of_spec_and_vpc() {
        let spec = replay::reference(json!({}))["spec"].take();
        let spec = serde_json::from_value(spec).expect("a specification");
        let network = serde_json::from_value(replay::network()).expect("a network");

        let found = Identity::requested(&spec, &network);

        let found: Value = serde_json::from_str(&found.to_json()).expect("JSON");
        assert_eq!(
            found,
            json!({
                "vpcId": "vpc-0a1b2c3d4e5f60718",
                "cacheName": "bandup-redis",
                "securityGroupName": "redis-sg",
                "subnetGroupName": "bandup-cached-subnet-group",
                "parameterPrefix": "/bandup/cache"
            })
        );
    }

    #[test]
    fn difference_says_which_subnet_group_is_shared() {
        let read = |value: Value| serde_json::from_value::<Identity>(value).expect("an identity");
        let shared = |name: &str| {
            let mut identity = identity();
            identity["subnetGroupName"] = json!(name);
            identity["sharesSubnetGroup"] = json!(true);
            read(identity)
        };
        let own = read(identity());
        let cases = [
            (
                &own,
                &shared("vpc-caches"),
                vec![
                    "cache.subnetGroupName is `data`, requested none",
                    "network.subnetGroup is none, requested `vpc-caches`",
                ],
            ),
            (
                &shared("data"),
                &own,
                vec![
                    "cache.subnetGroupName is none, requested `data`",
                    "network.subnetGroup is `data`, requested none",
                ],
            ),
            (
                &shared("data"),
                &shared("vpc-caches"),
                vec!["network.subnetGroup is `data`, requested `vpc-caches`"],
            ),
        ];
        for (found, requested, expected) in cases {
            assert_eq!(found.differences(requested), expected);
        }
    }

    #[test]
    fn nothing_differs_when_identities_are_equal() {
        let found: Identity = serde_json::from_value(identity()).expect("an identity");

        assert_eq!(found.differences(&found), Vec::<String>::new());
    }

    #[test]
    fn difference_names_field_as_the_request_does() {
        let found: Identity = serde_json::from_value(identity()).expect("an identity");

        for (field, expected) in [
            ("vpcId", "network.vpc is `vpc-1`, requested `other`"),
            (
                "cacheName",
                "cache.name is `bandup-redis`, requested `other`",
            ),
            (
                "securityGroupName",
                "cache.securityGroupName is `redis-sg`, requested `other`",
            ),
            (
                "subnetGroupName",
                "cache.subnetGroupName is `data`, requested `other`",
            ),
            (
                "parameterPrefix",
                "parameterPrefix is `/bandup/cache`, requested `other`",
            ),
        ] {
            let requested = identity_with(field, "other");

            assert_eq!(found.differences(&requested), [expected]);
        }
    }

    #[test]
    fn every_difference_is_listed_when_several_fields_differ() {
        let found = identity_with("vpcId", "vpc-2");
        let requested = identity_with("cacheName", "sessions");

        let differences = found.differences(&requested);

        assert_eq!(
            differences,
            [
                "network.vpc is `vpc-2`, requested `vpc-1`",
                "cache.name is `bandup-redis`, requested `sessions`"
            ]
        );
    }
}
