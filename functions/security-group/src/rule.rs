//! The inbound rules: the requested one, and envcache's own outdated ones. Pure functions; no AWS calls.

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule, UserIdGroupPair,
};
use contract::Spec;
use contract::message::ResolvedNetwork;

/// Returns the one inbound rule: from the backend's security group, by reference, to the cache's port.
pub fn requested(spec: &Spec, network: &ResolvedNetwork) -> IpPermission {
    let port = spec.cache.port.get();
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port)
        .user_id_group_pairs(
            UserIdGroupPair::builder()
                .group_id(&network.backend_security_group_id)
                .description(format!(
                    "Backend of environment {} to its cache",
                    spec.environment
                ))
                .build(),
        )
        .build()
}

/// Returns whether an existing rule covers the requested one. EC2 combines the sources of a port range in one rule.
pub fn covers(found: &IpPermission, requested: &IpPermission) -> bool {
    same_port(found, requested)
        && requested.user_id_group_pairs().iter().all(|source| {
            found
                .user_id_group_pairs()
                .iter()
                .any(|pair| pair.group_id() == source.group_id())
        })
}

/// Returns the rules that an earlier run created for another backend or port: they have the requested rule's
/// description, which only envcache writes, and don't cover that rule.
pub fn outdated(found: &[IpPermission], requested: &IpPermission) -> Vec<IpPermission> {
    let Some(own) = requested.user_id_group_pairs().first() else {
        return Vec::new();
    };
    found
        .iter()
        .flat_map(|rule| {
            rule.user_id_group_pairs()
                .iter()
                .filter(|source| source.description() == own.description())
                .filter(|source| {
                    !(same_port(rule, requested) && source.group_id() == own.group_id())
                })
                .map(|source| {
                    IpPermission::builder()
                        .set_ip_protocol(rule.ip_protocol().map(str::to_owned))
                        .set_from_port(rule.from_port())
                        .set_to_port(rule.to_port())
                        .user_id_group_pairs(
                            UserIdGroupPair::builder()
                                .set_group_id(source.group_id().map(str::to_owned))
                                .set_description(source.description().map(str::to_owned))
                                .build(),
                        )
                        .build()
                })
        })
        .collect()
}

/// Returns whether this inbound rule with an ID is a rule for one group
/// ([SecurityGroupRule](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html)).
pub fn is_shown_as(rule: &IpPermission, shown: &SecurityGroupRule) -> bool {
    let source = shown
        .referenced_group_info()
        .and_then(|source| source.group_id());
    shown.is_egress() == Some(false)
        && shown.ip_protocol() == rule.ip_protocol()
        && port(shown.from_port()) == port(rule.from_port())
        && port(shown.to_port()) == port(rule.to_port())
        && source.is_some()
        && rule
            .user_id_group_pairs()
            .iter()
            .any(|pair| pair.group_id() == source)
}

/// Returns a port, or none if the rule is for all ports: a rule with an ID then has the port -1, one without an ID has
/// none.
fn port(shown: Option<i32>) -> Option<i32> {
    shown.filter(|port| *port != -1)
}

/// Returns the rules that envcache didn't create, in words.
pub fn others(found: &[IpPermission], requested: &IpPermission) -> Vec<String> {
    let Some(own) = requested.user_id_group_pairs().first() else {
        return Vec::new();
    };
    let is_own = |rule: &IpPermission, source: &UserIdGroupPair| {
        source.description() == own.description()
            || (same_port(rule, requested) && source.group_id() == own.group_id())
    };
    found
        .iter()
        .flat_map(|rule| {
            let mut other = rule.clone();
            if let Some(pairs) = &mut other.user_id_group_pairs {
                pairs.retain(|source| !is_own(rule, source));
            }
            words(&other)
        })
        .collect()
}

/// Returns a rule in words, one text for each source, such as `tcp 6379 from sg-0a1b2c3d`.
pub fn words(rule: &IpPermission) -> Vec<String> {
    let groups = rule
        .user_id_group_pairs()
        .iter()
        .filter_map(UserIdGroupPair::group_id);
    let ranges = rule.ip_ranges().iter().filter_map(IpRange::cidr_ip);
    let ipv6_ranges = rule.ipv6_ranges().iter().filter_map(Ipv6Range::cidr_ipv6);
    let lists = rule
        .prefix_list_ids()
        .iter()
        .filter_map(PrefixListId::prefix_list_id);
    groups
        .chain(ranges)
        .chain(ipv6_ranges)
        .chain(lists)
        .map(|source| format!("{} from {source}", traffic(rule)))
        .collect()
}

/// Returns protocol and ports, such as `tcp 6379`; `-1` means all protocols
/// ([IpPermission](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html)).
fn traffic(rule: &IpPermission) -> String {
    let protocol = match rule.ip_protocol() {
        Some("-1") | None => return "all traffic".to_owned(),
        Some(protocol) => protocol,
    };
    match (rule.from_port(), rule.to_port()) {
        (Some(from), Some(to)) if from == to => format!("{protocol} {from}"),
        (Some(from), Some(to)) => format!("{protocol} {from}-{to}"),
        _ => protocol.to_owned(),
    }
}

fn same_port(found: &IpPermission, requested: &IpPermission) -> bool {
    found.ip_protocol() == requested.ip_protocol()
        && found.from_port() == requested.from_port()
        && found.to_port() == requested.to_port()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{IpPermission, IpRange, UserIdGroupPair};

    use super::others;

    fn rule(
        protocol: &str,
        ports: Option<(i32, i32)>,
    ) -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
        IpPermission::builder()
            .ip_protocol(protocol)
            .set_from_port(ports.map(|(from, _)| from))
            .set_to_port(ports.map(|(_, to)| to))
    }

    fn group(id: &str, description: &str) -> UserIdGroupPair {
        UserIdGroupPair::builder()
            .group_id(id)
            .description(description)
            .build()
    }

    #[test]
    fn lists_only_rules_that_envcache_did_not_create() {
        let own = "Backend of environment bandup to its cache";
        let requested = rule("tcp", Some((6379, 6379)))
            .user_id_group_pairs(group("sg-backend", own))
            .build();
        let range = |cidr: &str| IpRange::builder().cidr_ip(cidr).build();
        let found = [
            rule("tcp", Some((6379, 6379)))
                .user_id_group_pairs(group("sg-backend", "created manually"))
                .user_id_group_pairs(group("sg-earlier", own))
                .user_id_group_pairs(group("sg-batch", "jobs"))
                .ip_ranges(range("10.0.0.0/8"))
                .build(),
            rule("tcp", Some((8000, 8080)))
                .ip_ranges(range("0.0.0.0/0"))
                .build(),
            rule("-1", None).ip_ranges(range("10.1.0.0/16")).build(),
        ];

        assert_eq!(
            others(&found, &requested),
            [
                "tcp 6379 from sg-batch",
                "tcp 6379 from 10.0.0.0/8",
                "tcp 8000-8080 from 0.0.0.0/0",
                "all traffic from 10.1.0.0/16",
            ]
        );
    }
}
