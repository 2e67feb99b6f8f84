//! Changes MiniStack's descriptions of caches to AWS's.
//!
//! The gateway sets a replication group's status, creation time, network type, member IDs, and endpoints, and the status
//! of its node group. It sets a member's ID, ARN, status, engine version, parameter group, network type, endpoint, and pending
//! values. Of both, it sets the node type and what `settings` stores. MiniStack stores and returns all other fields: for
//! example description, encryption, and the snapshot retention, and a member's subnet group and security groups, which are
//! those of the creation.

use std::net::SocketAddrV4;

use chrono::{DateTime, SecondsFormat, Utc};

use super::lifecycle::Phase;
use super::{Group, Part};
use crate::gateway::xml::Element;

/// Changes every replication group in an answer.
pub fn replication_groups(answer: &mut Element, find: &impl Fn(&str) -> Option<(Group, Phase)>) {
    answer.each("ReplicationGroup", &mut |element| {
        let Some((group, phase)) = find(element.text_of("ReplicationGroupId")) else {
            return;
        };
        replication_group(element, &group, &phase);
    });
}

/// Changes a replication group to AWS's description of it in a phase:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html>.
fn replication_group(element: &mut Element, group: &Group, phase: &Phase) {
    element.set(Element::leaf("Status", phase.status()));
    element.set(Element::leaf("NetworkType", "ipv4"));
    element.set(Element::leaf("IpDiscovery", "ipv4"));
    let current = &group.configuration.current;
    element.set(Element::leaf("Engine", &current.engine.name));
    element.set(Element::leaf("CacheNodeType", &current.node_type));
    group.settings.describe_group(element);
    if let Some(datastore) = &group.global_datastore {
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_GlobalReplicationGroupInfo.html
        let info = [
            Element::leaf("GlobalReplicationGroupId", datastore),
            Element::leaf("GlobalReplicationGroupMemberRole", "PRIMARY"),
        ];
        element.set(Element::with("GlobalReplicationGroupInfo", info));
    }
    element.set(Element::leaf(
        "ReplicationGroupCreateTime",
        &timestamp(group),
    ));
    set_described(element, group, Part::Group);
    let members: Vec<_> = element
        .at(&["NodeGroups", "NodeGroup", "NodeGroupMembers"])
        .into_iter()
        .flat_map(Element::children)
        .map(|member| Element::leaf("ClusterId", member.text_of("CacheClusterId")))
        .collect();
    element.set(Element::with("MemberClusters", members));
    if matches!(phase, Phase::Creating | Phase::CreateFailed) {
        element.remove("NodeGroups");
    }
    element.each("NodeGroup", &mut |node_group| {
        let status = if *phase == Phase::Snapshotting {
            "available"
        } else {
            phase.status()
        };
        node_group.set(Element::leaf("Status", status));
        for name in ["PrimaryEndpoint", "ReaderEndpoint"] {
            node_group.remove(name);
            if phase.shows_endpoint() {
                // The reader endpoint's name resolves to one of several nodes. Here, it is the primary, which always exists.
                node_group.set(Element::with(name, endpoint(group.address)));
            }
        }
        let mut addresses = group.addresses().into_iter();
        node_group.each("NodeGroupMember", &mut |member| {
            let address = addresses.next().unwrap_or(group.address);
            member.set(Element::with("ReadEndpoint", endpoint(address)));
        });
    });
    // MiniStack's `bandup-redis-0001-001` is AWS's `bandup-redis-001`.
    let ministack_prefix = format!("{}-0001-", group.id);
    element.each_text(&|text| {
        let number = text.strip_prefix(&ministack_prefix)?;
        Some(format!("{}-{number}", group.id))
    });
}

/// Changes a member to AWS's description of it in a phase of its group. `apply_status` is that of its parameters.
pub fn cache_cluster(
    answer: &mut Element,
    group: &Group,
    number: u32,
    phase: &Phase,
    apply_status: &str,
) {
    let id = format!("{}-{number:03}", group.id);
    let failed = group.failed_members.get(&number).map(String::as_str);
    let current = &group.configuration.current;
    answer.each("CacheCluster", &mut |element| {
        element.set(Element::leaf("CacheClusterId", &id));
        let status = failed.unwrap_or_else(|| phase.status());
        element.set(Element::leaf("CacheClusterStatus", status));
        element.set(Element::leaf("CacheNodeType", &current.node_type));
        element.set(Element::leaf("Engine", &current.engine.name));
        element.set(Element::leaf(
            "EngineVersion",
            current.engine.member_version(),
        ));
        element.set(group.configuration.describe());
        element.set(Element::with(
            "CacheParameterGroup",
            [
                Element::leaf("CacheParameterGroupName", &current.engine.parameter_group),
                Element::leaf("ParameterApplyStatus", apply_status),
            ],
        ));
        element.set(Element::leaf("NetworkType", "ipv4"));
        element.set(Element::leaf("IpDiscovery", "ipv4"));
        group.settings.describe_member(element);
        set_described(element, group, Part::Member);
        // AWS returns nodes only if `ShowCacheNodeInfo` is set, which no caller does.
        element.remove("CacheNodes");
        let arn = element.text_of("ARN").to_owned();
        if let Some((before, _)) = arn.rsplit_once(':') {
            element.set(Element::leaf("ARN", &format!("{before}:{id}")));
        }
    });
}

/// Adds the elements that MiniStack doesn't store.
fn set_described(element: &mut Element, group: &Group, part: Part) {
    for (_, described) in group.described.iter().filter(|(of, _)| *of == part) {
        element.set(described.clone());
    }
}

fn endpoint(address: SocketAddrV4) -> [Element; 2] {
    [
        Element::leaf("Address", &address.ip().to_string()),
        Element::leaf("Port", &address.port().to_string()),
    ]
}

fn timestamp(group: &Group) -> String {
    DateTime::<Utc>::from(group.created_at).to_rfc3339_opts(SecondsFormat::Millis, true)
}
