//! Which zones a new cache is placed in, after others had no capacity for it. Pure: no call is made here.

use std::collections::BTreeSet;

/// Where the nodes are to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// ElastiCache chooses among the subnet group's zones.
    Awss,
    /// A zone for each node, the primary's first. ElastiCache wants as many zones as nodes
    /// (<https://github.com/hashicorp/terraform-provider-aws/issues/38493>).
    Zones(Vec<String>),
}

/// The placements to try, one after the other: ElastiCache's own choice first. Which zone had no capacity is not told
/// for certain, so a single node then tries each zone, and several leave out one zone after the other. With Multi-AZ
/// they need two zones or more.
pub fn placements(zones: &[String], nodes: i32) -> Vec<Placement> {
    let zones: Vec<&String> = zones.iter().collect::<BTreeSet<_>>().into_iter().collect();
    let nodes = usize::try_from(nodes).unwrap_or(1);
    let explicit = zones.iter().map(|zone| {
        let used: Vec<_> = if nodes == 1 {
            vec![*zone]
        } else {
            zones
                .iter()
                .copied()
                .filter(|other| other != zone)
                .collect()
        };
        (nodes == 1 || used.len() > 1)
            .then(|| Placement::Zones(used.into_iter().cloned().cycle().take(nodes).collect()))
    });
    std::iter::once(Placement::Awss)
        .chain(explicit.flatten())
        .collect()
}

impl std::fmt::Display for Placement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Awss => formatter.write_str("the zones of AWS's choice"),
            Self::Zones(zones) => {
                let zones: BTreeSet<_> = zones.iter().map(String::as_str).collect();
                let zones: Vec<_> = zones.into_iter().collect();
                formatter.write_str(&zones.join(" and "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::placements;

    fn told(zones: &[&str], nodes: i32) -> Vec<String> {
        let zones: Vec<_> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        placements(&zones, nodes)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_single_node_tries_each_zone_and_several_leave_out_one_after_the_other() {
        let chosen = "the zones of AWS's choice";
        assert_eq!(told(&["b", "a", "b"], 1), [chosen, "a", "b"]);
        assert_eq!(
            told(&["a", "b", "c"], 2),
            [chosen, "b and c", "a and c", "a and b"]
        );
        assert_eq!(told(&["a", "b"], 2), [chosen], "Multi-AZ needs both");
    }

    #[test]
    fn every_node_is_given_a_zone() {
        let zones = ["a", "b", "c"].map(str::to_owned);
        for nodes in 1..=6 {
            for placement in placements(&zones, nodes) {
                if let super::Placement::Zones(zones) = placement {
                    assert_eq!(zones.len(), usize::try_from(nodes).expect("a few"));
                }
            }
        }
    }
}
