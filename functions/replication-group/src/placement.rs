//! Chooses other zones for a new cache if AWS has no capacity or doesn't offer the node type there. Pure functions; no AWS
//! calls.

use std::collections::BTreeSet;

/// The zones of a cache's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// ElastiCache chooses among the subnet group's zones.
    ServiceChosen,
    /// A zone for each node, the primary's first. ElastiCache requires as many zones as nodes
    /// (<https://github.com/hashicorp/terraform-provider-aws/issues/38493>).
    Zones(Vec<String>),
}

impl Placement {
    /// Returns the placement with these zones. If `zones` is empty, ElastiCache chooses.
    pub fn from_zones(zones: Vec<String>) -> Self {
        if zones.is_empty() {
            Self::ServiceChosen
        } else {
            Self::Zones(zones)
        }
    }

    /// Returns a zone for each node; empty if ElastiCache chooses.
    pub fn zones(&self) -> &[String] {
        match self {
            Self::ServiceChosen => &[],
            Self::Zones(zones) => zones,
        }
    }
}

/// Returns the placements to try, in order. ElastiCache's own choice is the first.
///
/// ElastiCache doesn't reliably report which zone had no capacity. Therefore, a single node then tries each zone, and
/// several nodes try all zones except one, for each zone. With Multi-AZ, they need at least two zones.
pub fn placements(zones: &[String], nodes: i32, is_multi_az: bool) -> Vec<Placement> {
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
        (!used.is_empty() && (!is_multi_az || used.len() > 1))
            .then(|| Placement::Zones(used.into_iter().cloned().cycle().take(nodes).collect()))
    });
    std::iter::once(Placement::ServiceChosen)
        .chain(explicit.flatten())
        .collect()
}

impl std::fmt::Display for Placement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ServiceChosen => formatter.write_str("zones chosen by ElastiCache"),
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

    fn names(zones: &[&str], nodes: i32, is_multi_az: bool) -> Vec<String> {
        let zones: Vec<_> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        placements(&zones, nodes, is_multi_az)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn one_node_tries_each_zone_and_several_omit_one() {
        let chosen = "zones chosen by ElastiCache";
        assert_eq!(names(&["b", "a", "b"], 1, false), [chosen, "a", "b"]);
        assert_eq!(
            names(&["a", "b", "c"], 2, true),
            [chosen, "b and c", "a and c", "a and b"]
        );
        assert_eq!(names(&["a", "b"], 2, true), [chosen], "Multi-AZ needs both");
        assert_eq!(names(&["a", "b"], 2, false), [chosen, "b", "a"]);
        assert_eq!(names(&["a"], 2, false), [chosen]);
    }

    #[test]
    fn assigns_zone_to_every_node() {
        let zones = ["a", "b", "c"].map(str::to_owned);
        for nodes in 1..=6 {
            for placement in placements(&zones, nodes, nodes > 1) {
                if let super::Placement::Zones(zones) = placement {
                    assert_eq!(zones.len(), usize::try_from(nodes).expect("a small number"));
                }
            }
        }
    }
}
