//! The environment's network.

use serde::{Deserialize, Serialize};

use crate::value::{NetworkName, SubnetGroupName, Subnets};

/// The environment's network, by Name tags, group names, or IDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NetworkFields", into = "NetworkFields")]
pub struct Network {
    /// The VPC's Name tag or ID.
    pub vpc: NetworkName,
    /// The VPC's subnets for the cache.
    pub placement: Placement,
    /// The name or ID of the security group that the backend runs in.
    pub backend_security_group: NetworkName,
}

/// Which subnets a cache is placed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Those with these Name tags or IDs, in a subnet group that the environment owns.
    Subnets(Subnets),
    /// Those of an existing cache subnet group, which the environment uses and doesn't own.
    SharedSubnetGroup(SubnetGroupName),
}

impl Network {
    /// Returns the subnet group that the environment uses and doesn't own, if the request names one.
    #[must_use]
    pub const fn shared_subnet_group(&self) -> Option<&SubnetGroupName> {
        match &self.placement {
            Placement::Subnets(_) => None,
            Placement::SharedSubnetGroup(name) => Some(name),
        }
    }
}

/// The fields of a network in JSON.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NetworkFields {
    /// The VPC's Name tag or ID (`vpc-…`).
    vpc: NetworkName,
    /// Name tags or IDs (`subnet-…`) of that VPC's subnets, in two or more Availability Zones. This or `subnetGroup` is
    /// required.
    #[serde(skip_serializing_if = "Option::is_none")]
    subnets: Option<Subnets>,
    /// Instead of `subnets`: the name of an existing cache subnet group in that VPC, with subnets in two or more Availability
    /// Zones, which envcache uses but doesn't own. Not together with `cache.subnetGroupName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_group: Option<SubnetGroupName>,
    /// The name or ID (`sg-…`) of the security group that the backend runs in.
    backend_security_group: NetworkName,
}

impl TryFrom<NetworkFields> for Network {
    type Error = &'static str;

    fn try_from(fields: NetworkFields) -> Result<Self, Self::Error> {
        Ok(Self {
            vpc: fields.vpc,
            placement: match (fields.subnets, fields.subnet_group) {
                (Some(subnets), None) => Placement::Subnets(subnets),
                (None, Some(name)) => Placement::SharedSubnetGroup(name),
                (None, None) => return Err("missing field `subnets` or `subnetGroup`"),
                (Some(_), Some(_)) => {
                    return Err(
                        "`subnets` and `subnetGroup` exclude each other: remove one of them",
                    );
                }
            },
            backend_security_group: fields.backend_security_group,
        })
    }
}

impl From<Network> for NetworkFields {
    fn from(network: Network) -> Self {
        let (subnets, subnet_group) = match network.placement {
            Placement::Subnets(subnets) => (Some(subnets), None),
            Placement::SharedSubnetGroup(name) => (None, Some(name)),
        };
        Self {
            vpc: network.vpc,
            subnets,
            subnet_group,
            backend_security_group: network.backend_security_group,
        }
    }
}
