//! The inbound rules: which is wanted, and which of envcache's own is outdated. Pure: no call is made here.

use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
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

fn same_port(found: &IpPermission, wanted: &IpPermission) -> bool {
    found.ip_protocol() == wanted.ip_protocol()
        && found.from_port() == wanted.from_port()
        && found.to_port() == wanted.to_port()
}
