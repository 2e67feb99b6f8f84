//! Finds out whether resources belong to an environment although an owner tag is missing. Pure functions; no AWS calls.

use contract::message::{BelongsHere, ResourceNames};
use contract::value::EnvironmentName;
use record::{Identity, Record};

/// Returns which of the requested resources belong to the environment: those that its record names, or that have the name
/// that derives from the environment's, and that no other environment's record names. A record whose names can't be read
/// may name any of them.
pub fn belongs_here(
    environment: &EnvironmentName,
    record: &Record,
    others: &[Record],
    requested: &Identity,
) -> BelongsHere {
    let derived = ResourceNames::derived(environment);
    let wanted = requested.names();
    let belongs = |is_named_in: &dyn Fn(&Record) -> bool, is_derived: bool| {
        let may_be_named_in = |other: &Record| other.has_unreadable_names || is_named_in(other);
        (is_named_in(record) || is_derived) && !others.iter().any(may_be_named_in)
    };
    let names_cache =
        |record: &Record| names_of(record).any(|names| names.cache_name == wanted.cache_name);
    let names_security_group = |record: &Record| {
        // Another VPC may have a group of the same name.
        let identity = record.identity.as_ref();
        identity.is_none_or(|identity| identity.vpc_id == requested.vpc_id)
            && names_of(record).any(|names| is_same_group(&names, &wanted))
    };
    let names_parameters = |record: &Record| {
        names_of(record).any(|names| names.parameter_prefix == wanted.parameter_prefix)
    };
    BelongsHere {
        cache: belongs(&names_cache, derived.cache_name == wanted.cache_name),
        security_group: belongs(&names_security_group, is_same_group(&derived, &wanted)),
        subnet_group: belongs(
            &|record| owns_subnet_group(record, &wanted.subnet_group_name),
            derived.subnet_group_name == wanted.subnet_group_name,
        ),
        parameters: belongs(
            &names_parameters,
            derived.parameter_prefix == wanted.parameter_prefix,
        ),
    }
}

/// Returns the environment that uses the requested subnet group as a shared one, if another environment does. Then no
/// environment may own it.
pub fn sharing_environment<'a>(others: &'a [Record], requested: &Identity) -> Option<&'a str> {
    let shares = |record: &&Record| {
        names_of(record).any(|names| {
            names.shares_subnet_group && names.subnet_group_name == requested.subnet_group_name
        })
    };
    let sharing = others
        .iter()
        .find(shares)
        .filter(|_| !requested.shares_subnet_group)?;
    Some(&sharing.environment)
}

/// Returns whether security groups have the same name. EC2 ignores the case.
fn is_same_group(one: &ResourceNames, two: &ResourceNames) -> bool {
    one.security_group_name
        .eq_ignore_ascii_case(&two.security_group_name)
}

/// Returns whether a record names a subnet group as the environment's own, now or in an earlier request.
fn owns_subnet_group(record: &Record, name: &str) -> bool {
    let is_own =
        names_of(record).any(|names| !names.shares_subnet_group && names.subnet_group_name == name);
    is_own
        || record
            .former_subnet_groups
            .iter()
            .any(|former| former == name)
}

/// Returns the names in a record: those of the last request, and those of the cache.
fn names_of(record: &Record) -> impl Iterator<Item = ResourceNames> {
    let of_cache = record.identity.as_ref().map(Identity::names);
    record.names.clone().into_iter().chain(of_cache)
}

#[cfg(test)]
mod tests {
    use contract::message::{BelongsHere, ResourceNames};
    use record::{Identity, Record};
    use serde_json::{Value, json};

    use super::{belongs_here, sharing_environment};

    /// Returns the identity with the names that derive from this environment's, and these fields changed.
    fn identity(environment: &str, changes: &Value) -> Identity {
        let mut identity = json!({
            "vpcId": "vpc-1",
            "cacheName": format!("{environment}-redis"),
            "securityGroupName": format!("{environment}-redis-sg"),
            "subnetGroupName": format!("{environment}-cached-subnet-group"),
            "parameterPrefix": format!("/{environment}/cache"),
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            identity[field] = value.clone();
        }
        serde_json::from_value(identity).expect("an identity")
    }

    /// Returns a record whose cache has this identity.
    fn with_cache(identity: Identity) -> Record {
        Record {
            identity: Some(identity),
            ..Record::default()
        }
    }

    /// Returns a record of an environment that requested these names and has no cache yet.
    fn requesting(names: ResourceNames) -> Record {
        Record {
            names: Some(names),
            ..Record::default()
        }
    }

    /// Returns the letters of the resources that belong to the environment `bandup`: cache, security group, subnet group,
    /// parameters.
    fn letters(record: &Record, others: &[Record], requested: &Identity) -> String {
        let environment = "bandup".to_owned().try_into().expect("a name");
        let BelongsHere {
            cache,
            security_group,
            subnet_group,
            parameters,
        } = belongs_here(&environment, record, others, requested);
        [
            (cache, 'c'),
            (security_group, 's'),
            (subnet_group, 'n'),
            (parameters, 'p'),
        ]
        .into_iter()
        .filter_map(|(belongs, letter)| belongs.then_some(letter))
        .collect()
    }

    #[test]
    fn subnet_group_that_another_environment_shares_is_found() {
        let shared = json!({ "subnetGroupName": "vpc-caches", "sharesSubnetGroup": true });
        let others = [Record {
            environment: "web".to_owned(),
            ..with_cache(identity("web", &shared))
        }];
        let own = identity("bandup", &json!({ "subnetGroupName": "vpc-caches" }));
        let cases = [
            (own, Some("web")),
            (identity("bandup", &shared), None),
            (identity("bandup", &json!({})), None),
        ];
        for (requested, expected) in cases {
            assert_eq!(sharing_environment(&others, &requested), expected);
        }
    }

    #[test]
    fn belongs_here_by_record_or_derived_name_and_to_no_other_record() {
        let derived = identity("bandup", &json!({}));
        let legacy = identity("legacy", &json!({}));
        let none = Record::default();
        let in_case = identity("x", &json!({ "securityGroupName": "BANDUP-redis-SG" }));
        let elsewhere = identity("bandup", &json!({ "vpcId": "vpc-2" }));
        let cases = [
            ("derived names", &none, vec![], &derived, "csnp"),
            ("other names", &none, vec![], &legacy, ""),
            (
                "the cache in the record",
                &with_cache(legacy.clone()),
                vec![],
                &legacy,
                "csnp",
            ),
            (
                "the last request",
                &requesting(legacy.names()),
                vec![],
                &legacy,
                "csnp",
            ),
            (
                "another environment's cache",
                &none,
                vec![with_cache(derived.clone())],
                &derived,
                "",
            ),
            (
                "another environment's request",
                &requesting(legacy.names()),
                vec![none.clone(), requesting(legacy.names())],
                &legacy,
                "",
            ),
            (
                "a security group of the same name in another VPC",
                &none,
                vec![with_cache(elsewhere)],
                &derived,
                "s",
            ),
            (
                "a security group's name in another case",
                &none,
                vec![with_cache(in_case)],
                &derived,
                "cnp",
            ),
            (
                "an environment that shares the subnet group",
                &none,
                vec![with_cache(identity(
                    "web",
                    &json!({ "subnetGroupName": "bandup-cached-subnet-group", "sharesSubnetGroup": true }),
                ))],
                &derived,
                "csnp",
            ),
            (
                "an earlier request of another environment",
                &none,
                vec![Record {
                    former_subnet_groups: vec!["bandup-cached-subnet-group".to_owned()],
                    ..Record::default()
                }],
                &derived,
                "csp",
            ),
            (
                "another environment whose names can't be read",
                &none,
                vec![Record {
                    has_unreadable_names: true,
                    ..Record::default()
                }],
                &derived,
                "",
            ),
            (
                "an unrelated environment",
                &none,
                vec![with_cache(identity("web", &json!({})))],
                &derived,
                "csnp",
            ),
        ];
        for (case, record, others, requested, expected) in cases {
            assert_eq!(letters(record, &others, requested), expected, "{case}");
        }
    }
}
