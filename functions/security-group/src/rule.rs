//! The inbound rules: which is wanted, and which of envcache's own is outdated. Pure: no call is made here.

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule, UserIdGroupPair,
};
use contract::Spec;
use contract::message::ResolvedNetwork;

/// The one inbound rule: the backend's security group, by reference, to the cache's port.
pub fn wanted(spec: &Spec, network: &ResolvedNetwork) -> IpPermission {
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

/// Whether a rule that EC2 shows is the wanted one. EC2 gathers the sources of one port range in one rule.
pub fn covers(found: &IpPermission, wanted: &IpPermission) -> bool {
    same_port(found, wanted)
        && wanted.user_id_group_pairs().iter().all(|source| {
            found
                .user_id_group_pairs()
                .iter()
                .any(|pair| pair.group_id() == source.group_id())
        })
}

/// The rules that an earlier run made for another backend or port: they bear the wanted rule's description,
/// which nobody else writes, and do not cover it.
pub fn outdated(found: &[IpPermission], wanted: &IpPermission) -> Vec<IpPermission> {
    let Some(ours) = wanted.user_id_group_pairs().first() else {
        return Vec::new();
    };
    found
        .iter()
        .flat_map(|rule| {
            rule.user_id_group_pairs()
                .iter()
                .filter(|source| source.description() == ours.description())
                .filter(|source| !(same_port(rule, wanted) && source.group_id() == ours.group_id()))
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

/// Whether EC2 shows a rule for one group as this inbound rule with an ID
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

/// A rule with an ID shows every port as -1; without one, it shows none.
fn port(shown: Option<i32>) -> Option<i32> {
    shown.filter(|port| *port != -1)
}

/// The rules that others made, in words: neither the wanted one nor one that an earlier run made.
pub fn others(found: &[IpPermission], wanted: &IpPermission) -> Vec<String> {
    let Some(ours) = wanted.user_id_group_pairs().first() else {
        return Vec::new();
    };
    let is_ours = |rule: &IpPermission, source: &UserIdGroupPair| {
        source.description() == ours.description()
            || (same_port(rule, wanted) && source.group_id() == ours.group_id())
    };
    found
        .iter()
        .flat_map(|rule| {
            let mut others = rule.clone();
            if let Some(pairs) = &mut others.user_id_group_pairs {
                pairs.retain(|source| !is_ours(rule, source));
            }
            words(&others)
        })
        .collect()
}

/// A rule in words, one for each source, such as `tcp 6379 from sg-0a1b2c3d`.
pub fn words(rule: &IpPermission) -> Vec<String> {
    let groups = rule
        .user_id_group_pairs()
        .iter()
        .filter_map(UserIdGroupPair::group_id);
    let ranges = rule.ip_ranges().iter().filter_map(IpRange::cidr_ip);
    let ranges_of_ipv6 = rule.ipv6_ranges().iter().filter_map(Ipv6Range::cidr_ipv6);
    let lists = rule
        .prefix_list_ids()
        .iter()
        .filter_map(PrefixListId::prefix_list_id);
    groups
        .chain(ranges)
        .chain(ranges_of_ipv6)
        .chain(lists)
        .map(|source| format!("{} from {source}", traffic(rule)))
        .collect()
}

/// Protocol and ports, such as `tcp 6379`; `-1` means every protocol
/// ([IpPermission](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html)).
fn traffic(rule: &IpPermission) -> String {
    let protocol = match rule.ip_protocol() {
        Some("-1") | None => return "everything".to_owned(),
        Some(protocol) => protocol,
    };
    match (rule.from_port(), rule.to_port()) {
        (Some(from), Some(to)) if from == to => format!("{protocol} {from}"),
        (Some(from), Some(to)) => format!("{protocol} {from}-{to}"),
        _ => protocol.to_owned(),
    }
}

fn same_port(found: &IpPermission, wanted: &IpPermission) -> bool {
    found.ip_protocol() == wanted.ip_protocol()
        && found.from_port() == wanted.from_port()
        && found.to_port() == wanted.to_port()
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
    fn what_others_let_in_is_told_and_what_is_ours_is_not() {
        let ours = "Backend of environment bandup to its cache";
        let wanted = rule("tcp", Some((6379, 6379)))
            .user_id_group_pairs(group("sg-backend", ours))
            .build();
        let range = |cidr: &str| IpRange::builder().cidr_ip(cidr).build();
        let found = [
            rule("tcp", Some((6379, 6379)))
                .user_id_group_pairs(group("sg-backend", "by hand, which is as well"))
                .user_id_group_pairs(group("sg-earlier", ours))
                .user_id_group_pairs(group("sg-batch", "jobs"))
                .ip_ranges(range("10.0.0.0/8"))
                .build(),
            rule("tcp", Some((8000, 8080)))
                .ip_ranges(range("0.0.0.0/0"))
                .build(),
            rule("-1", None).ip_ranges(range("10.1.0.0/16")).build(),
        ];

        assert_eq!(
            others(&found, &wanted),
            [
                "tcp 6379 from sg-batch",
                "tcp 6379 from 10.0.0.0/8",
                "tcp 8000-8080 from 0.0.0.0/0",
                "everything from 10.1.0.0/16",
            ]
        );
    }
}
