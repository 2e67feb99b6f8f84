//! Finds out whether resources belong to an environment although an owner tag is missing. Pure functions; no AWS calls.

use contract::message::{BelongsHere, ResourceNames};
use contract::value::EnvironmentName;
use record::{Identity, Record};

/// Returns which of the requested resources belong to the environment: those that its record names, or that have the name
/// that derives from the environment's, and that no other environment's record names.
pub fn belongs_here(
    environment: &EnvironmentName,
    record: &Record,
    others: &[Record],
    requested: &Identity,
) -> BelongsHere {
    let derived = ResourceNames::derived(environment);
    let wanted = requested.names();
    let belongs = |matches: fn(&ResourceNames, &ResourceNames) -> bool, others: &[&Record]| {
        let names = |record: &Record| names_of(record).any(|names| matches(&names, &wanted));
        (names(record) || matches(&derived, &wanted)) && !others.iter().any(|other| names(other))
    };
    let all: Vec<_> = others.iter().collect();
    // Another VPC may have a group of the same name.
    let in_same_vpc = |record: &&Record| {
        let identity = record.identity.as_ref();
        identity.is_none_or(|identity| identity.vpc_id == requested.vpc_id)
    };
    let of_same_vpc: Vec<_> = others.iter().filter(in_same_vpc).collect();
    BelongsHere {
        cache: belongs(|one, two| one.cache_name == two.cache_name, &all),
        security_group: belongs(
            // EC2 ignores the case of group names.
            |one, two| {
                one.security_group_name
                    .eq_ignore_ascii_case(&two.security_group_name)
            },
            &of_same_vpc,
        ),
        subnet_group: belongs(
            |one, two| one.subnet_group_name == two.subnet_group_name,
            &all,
        ),
        parameters: belongs(
            |one, two| one.parameter_prefix == two.parameter_prefix,
            &all,
        ),
    }
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

    use super::belongs_here;

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
