//! The record as DynamoDB stores it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::message::ResourceNames;
use serde_json::Value;

use crate::{Creation, Identity, LastResult, Observed};

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// The record of an environment. Every attribute may be missing: there is no record before the first run, and an
/// earlier version of envcache wrote fewer attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The environment's name.
    pub environment: String,
    /// The ARN of the execution that holds the environment.
    pub holder: Option<String>,
    /// Incremented by every [`Update`](crate::Update): a write that is conditional on it and on the holder changes only the
    /// record that was read.
    pub version: Option<u64>,
    /// If the holder took the claim over and hasn't waited for the former holder's functions yet: the seconds that it
    /// had waited by then.
    pub taken_over_at: Option<u32>,
    /// When the last recorded request was made, in milliseconds since 1970.
    pub requested_at: Option<i64>,
    /// The ARN of the execution whose request was last recorded.
    pub last_execution: Option<String>,
    /// The creation of a cache that no run has found available yet.
    pub creation: Option<Creation>,
    /// The name of the failed execution that may be rolled back.
    pub rollback_of: Option<String>,
    /// Whether removals are rejected.
    pub protected: bool,
    /// The names of the environment's resources, from the last request.
    pub names: Option<ResourceNames>,
    /// The keys of the tags that the last request named.
    pub tags: Vec<String>,
    /// The keys of the tags that only earlier requests named, and that resources may still have.
    pub former_tags: Vec<String>,
    /// The cache's identity, once the cache was requested.
    pub identity: Option<Identity>,
    /// The engine version that the cache was found with, such as `8.1.0`; none before it was available, or if an earlier
    /// version of envcache wrote the record.
    pub engine_version: Option<String>,
    /// The source that the last run named for its cache's data when it found the cache as requested, as JSON. No cache is
    /// restored from it again.
    pub restored_from: Option<String>,
    /// What a run observed about a cache that doesn't reach the requested configuration.
    pub observed: Option<Observed>,
    /// Whether the record names resources that this version of envcache can't read.
    pub has_unreadable_names: bool,
    /// The subnet groups of earlier requests that named another one before there was a cache.
    pub former_subnet_groups: Vec<String>,
    /// The result of the run that ended last, except for dry runs, superseded runs, and successful rollbacks; none
    /// before a run ended, or if only an earlier version of envcache wrote the record.
    pub last_result: Option<LastResult>,
    /// When that run, or its rollback, ended, in milliseconds since 1970.
    pub result_at: Option<i64>,
}

impl Record {
    /// Reads an item. An attribute of an unexpected type counts as missing.
    #[must_use]
    pub fn from_item(item: &Item) -> Self {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let texts = |name: &str| item.get(name)?.as_ss().ok().cloned();
        let creation = match text("creation") {
            Some(creation) => Some(Creation::from_json(&creation)),
            // Written by an earlier version of envcache.
            None => item.get("askedForCache").map(|_| Creation::default()),
        };
        let names = text("spec").and_then(|spec| names(&spec));
        let identity = text("cacheIdentity")
            .and_then(|identity| serde_json::from_str(&identity).ok())
            .or_else(|| Identity::from_attributes(&text));
        let is_unreadable =
            |attribute: &str, is_read: bool| item.contains_key(attribute) && !is_read;
        let has_unreadable_names = is_unreadable("spec", names.is_some())
            || is_unreadable("cacheIdentity", identity.is_some());
        Self {
            environment: text("environment").unwrap_or_default(),
            holder: text("holder"),
            version: number(item, "version"),
            taken_over_at: number(item, "takenOverAt"),
            requested_at: number(item, "requestedAt").or_else(|| number(item, "askedAt")),
            last_execution: text("lastExecution"),
            creation,
            rollback_of: text("rollbackOf"),
            protected: item
                .get("protected")
                .is_some_and(|value| value.as_bool() == Ok(&true)),
            names,
            tags: text("spec").map(|spec| tags(&spec)).unwrap_or_default(),
            former_tags: texts("formerTags").unwrap_or_default(),
            identity,
            engine_version: text("engineVersion"),
            restored_from: text("restoredFrom"),
            observed: text("observed").and_then(|observed| serde_json::from_str(&observed).ok()),
            former_subnet_groups: texts("formerSubnetGroups").unwrap_or_default(),
            has_unreadable_names,
            last_result: text("lastResult").and_then(|result| serde_json::from_str(&result).ok()),
            result_at: number(item, "resultAt"),
        }
    }
}

fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Returns the names in a recorded specification. They are read field by field, because a specification of an earlier
/// version may lack other fields.
fn names(spec: &str) -> Option<ResourceNames> {
    let spec: Value = serde_json::from_str(spec).ok()?;
    let text = |pointer: &str| Some(spec.pointer(pointer)?.as_str()?.to_owned());
    Some(ResourceNames {
        cache_name: text("/cache/name")?,
        security_group_name: text("/cache/securityGroupName")?,
        subnet_group_name: text("/cache/subnetGroupName")?,
        shares_subnet_group: text("/network/subnetGroup").is_some(),
        parameter_prefix: text("/parameterPrefix")?,
    })
}

/// Returns the keys of the tags in a recorded specification. That of an earlier version has none.
fn tags(spec: &str) -> Vec<String> {
    let spec: Value = serde_json::from_str(spec).unwrap_or_default();
    let tags = spec["tags"].as_object().into_iter().flatten();
    tags.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use contract::message::ResourceNames;
    use serde_json::{Value, json};

    use super::{Item, Record};
    use crate::{Creation, Identity, LastResult, Observed};

    fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
        attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn text(text: impl Into<String>) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    fn number(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    fn identity() -> Identity {
        Identity {
            vpc_id: "vpc-1".to_owned(),
            cache_name: "bandup-redis".to_owned(),
            security_group_name: "redis-sg".to_owned(),
            subnet_group_name: "data".to_owned(),
            shares_subnet_group: false,
            parameter_prefix: "/bandup/cache".to_owned(),
        }
    }

    fn spec() -> Value {
        json!({
            "cache": {
                "name": "bandup-redis",
                "securityGroupName": "redis-sg",
                "subnetGroupName": "data"
            },
            "parameterPrefix": "/bandup/cache",
            "tags": { "team": "web" }
        })
    }

    /// The five attributes that an earlier version wrote.
    fn outdated_identity() -> [(&'static str, AttributeValue); 5] {
        [
            ("vpcId", text("vpc-1")),
            ("cacheName", text("bandup-redis")),
            ("securityGroupName", text("redis-sg")),
            ("subnetGroupName", text("data")),
            ("parameterPrefix", text("/bandup/cache")),
        ]
    }

    #[test]
    fn record_is_empty_when_item_is() {
        assert_eq!(Record::from_item(&Item::new()), Record::default());
    }

    #[test]
    fn every_attribute_is_read_when_it_is_current() {
        let creation = json!({ "execution": "run-1", "replaced": true });
        let groups = ["old", "older"].map(str::to_owned).to_vec();

        let found = Record::from_item(&item([
            ("environment", text("bandup")),
            ("holder", text("arn:holder")),
            ("version", number("7")),
            ("takenOverAt", number("30")),
            ("requestedAt", number("1795428000000")),
            ("lastExecution", text("arn:last")),
            ("creation", text(creation.to_string())),
            ("rollbackOf", text("run-1")),
            ("protected", AttributeValue::Bool(true)),
            ("spec", text(spec().to_string())),
            ("cacheIdentity", text(identity().to_json())),
            ("engineVersion", text("8.1")),
            ("restoredFrom", text(r#"{"snapshot":"sessions"}"#)),
            ("observed", text(r#"{ "replicaRequests": [30] }"#)),
            ("formerSubnetGroups", AttributeValue::Ss(groups.clone())),
            (
                "formerTags",
                AttributeValue::Ss(vec!["cost center".to_owned()]),
            ),
            ("lastResult", text(r#"{ "execution": "arn:last" }"#)),
            ("resultAt", number("1795428300000")),
        ]));

        assert_eq!(
            found,
            Record {
                environment: "bandup".to_owned(),
                holder: Some("arn:holder".to_owned()),
                version: Some(7),
                taken_over_at: Some(30),
                requested_at: Some(1_795_428_000_000),
                last_execution: Some("arn:last".to_owned()),
                creation: Some(Creation {
                    execution: "run-1".to_owned(),
                    replaced: true,
                    ..Creation::default()
                }),
                rollback_of: Some("run-1".to_owned()),
                protected: true,
                names: Some(ResourceNames {
                    cache_name: "bandup-redis".to_owned(),
                    security_group_name: "redis-sg".to_owned(),
                    subnet_group_name: "data".to_owned(),
                    shares_subnet_group: false,
                    parameter_prefix: "/bandup/cache".to_owned(),
                }),
                tags: vec!["team".to_owned()],
                former_tags: vec!["cost center".to_owned()],
                identity: Some(identity()),
                engine_version: Some("8.1".to_owned()),
                restored_from: Some(r#"{"snapshot":"sessions"}"#.to_owned()),
                observed: Some(Observed {
                    replica_requests: vec![30],
                    ..Observed::default()
                }),
                has_unreadable_names: false,
                former_subnet_groups: groups,
                last_result: Some(LastResult {
                    execution: "arn:last".to_owned(),
                    failure: None,
                }),
                result_at: Some(1_795_428_300_000),
            }
        );
    }

    #[test]
    fn outdated_attributes_are_read_when_current_are_missing() {
        let mut outdated = item(outdated_identity());
        outdated.insert("askedForCache".to_owned(), text("bandup-redis"));
        outdated.insert("askedAt".to_owned(), number("1795428000000"));

        let found = Record::from_item(&outdated);

        assert_eq!(found.requested_at, Some(1_795_428_000_000));
        assert_eq!(found.identity, Some(identity()));
        // The earlier version recorded no execution.
        assert_eq!(found.creation, Some(Creation::default()));
    }

    #[test]
    fn current_attributes_count_when_both_are_there() {
        let current = Identity {
            vpc_id: "vpc-2".to_owned(),
            ..identity()
        };
        let mut both = item(outdated_identity());
        both.extend(item([
            ("askedForCache", text("bandup-redis")),
            ("askedAt", number("1")),
            ("requestedAt", number("2")),
            ("cacheIdentity", text(current.to_json())),
            (
                "creation",
                text(json!({ "execution": "run-1" }).to_string()),
            ),
        ]));

        let found = Record::from_item(&both);

        assert_eq!(found.identity, Some(current));
        assert_eq!(found.requested_at, Some(2));
        let creation = found.creation.expect("a creation");
        assert_eq!(creation.execution, "run-1");
    }

    #[test]
    fn outdated_identity_is_missing_when_one_attribute_is() {
        for (missing, _) in outdated_identity() {
            let mut outdated = item(outdated_identity());
            outdated.remove(missing);

            let found = Record::from_item(&outdated);

            assert_eq!(found.identity, None, "{missing}");
        }
    }

    #[test]
    fn attributes_are_missing_when_their_types_are_wrong() {
        let mut wrong: Item = [
            "environment",
            "holder",
            "lastExecution",
            "creation",
            "rollbackOf",
            "spec",
            "cacheIdentity",
            "engineVersion",
            "restoredFrom",
            "observed",
            "formerSubnetGroups",
            "formerTags",
            "lastResult",
        ]
        .map(|name| (name.to_owned(), number("1")))
        .into();
        wrong.extend(
            [
                "version",
                "takenOverAt",
                "requestedAt",
                "protected",
                "resultAt",
            ]
            .map(|name| (name.to_owned(), text("1"))),
        );

        let found = Record::from_item(&wrong);

        let expected = Record {
            has_unreadable_names: true,
            ..Record::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn number_is_missing_when_it_is_out_of_range() {
        let found = Record::from_item(&item([
            ("version", number("-1")),
            ("takenOverAt", number("4294967296")),
            ("requestedAt", number("0.5")),
        ]));

        assert_eq!(found, Record::default());
    }

    #[test]
    fn identity_is_missing_when_its_text_is_invalid() {
        let mut incomplete: Value = serde_json::from_str(&identity().to_json()).expect("JSON");
        incomplete["vpcId"] = Value::Null;

        for garbage in ["", "not JSON", "[]", &incomplete.to_string()] {
            let found = Record::from_item(&item([("cacheIdentity", text(garbage))]));

            assert_eq!(found.identity, None, "{garbage}");
            assert!(found.has_unreadable_names, "{garbage}");
        }
    }

    #[test]
    fn outdated_identity_counts_when_current_is_invalid() {
        let mut garbage = item(outdated_identity());
        garbage.insert("cacheIdentity".to_owned(), text("not JSON"));

        let found = Record::from_item(&garbage);

        assert_eq!(found.identity, Some(identity()));
        assert!(!found.has_unreadable_names);
    }

    #[test]
    fn creation_is_known_when_its_text_is_invalid() {
        let found = Record::from_item(&item([("creation", text("not JSON"))]));

        // A cache that was requested must not be forgotten.
        assert_eq!(found.creation, Some(Creation::default()));
    }

    #[test]
    fn names_are_missing_when_spec_lacks_one() {
        for (pointer, field) in [
            ("/cache", "name"),
            ("/cache", "securityGroupName"),
            ("/cache", "subnetGroupName"),
            ("", "parameterPrefix"),
        ] {
            let mut spec = spec();
            spec.pointer_mut(pointer).expect("an object")[field] = Value::Null;

            let found = Record::from_item(&item([("spec", text(spec.to_string()))]));

            assert_eq!(found.names, None, "{field}");
            assert!(found.has_unreadable_names, "{field}");
        }
    }

    #[test]
    fn subnet_group_is_shared_when_network_of_spec_names_it() {
        let mut spec = spec();
        spec["network"] = json!({ "vpc": "band-up-vpc", "subnetGroup": "data" });

        let found = Record::from_item(&item([("spec", text(spec.to_string()))]));

        let names = found.names.expect("names");
        assert!(names.shares_subnet_group);
    }

    #[test]
    fn names_and_tags_are_missing_when_spec_is_not_json() {
        let found = Record::from_item(&item([("spec", text("not JSON"))]));

        assert_eq!(found.names, None);
        assert!(found.tags.is_empty(), "{found:?}");
    }
}
