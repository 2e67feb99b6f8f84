//! Creates the network that an environment must have before its cache.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Aws, REGION};

/// The names of an environment's network.
#[derive(Clone, Debug)]
pub struct Network<'a> {
    /// The VPC's Name tag.
    pub vpc: &'a str,
    /// The Name tags of the subnets, with the letters of their Availability Zones.
    pub subnets: &'a [(&'a str, char)],
    /// The name of the security group that the backend runs in.
    pub backend_security_group: &'a str,
}

/// The network of the reference setup, as in `events/environment-created.json`.
pub const REFERENCE: Network<'_> = Network {
    vpc: "band-up-vpc",
    subnets: &[
        ("private-database-subnet-1", 'a'),
        ("private-database-subnet-2", 'b'),
    ],
    backend_security_group: "ecs-backend-sg",
};

/// The IDs of a created network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedNetwork {
    pub vpc: String,
    pub subnets: Vec<String>,
    pub backend_security_group: String,
}

impl Network<'_> {
    /// Creates the VPC, its subnets, and the backend's security group.
    ///
    /// # Errors
    /// Returns an error if EC2 rejects a call.
    pub fn create(&self, aws: &Aws) -> Result<CreatedNetwork> {
        let vpc = aws.call(
            "ec2",
            "create_vpc",
            &json!({ "CidrBlock": "10.0.0.0/16", "TagSpecifications": name_tag("vpc", self.vpc) }),
        )?;
        let vpc = id(&vpc, "/Vpc/VpcId")?;
        let subnets = self
            .subnets
            .iter()
            .enumerate()
            .map(|(index, (name, zone))| {
                let subnet = aws.call(
                    "ec2",
                    "create_subnet",
                    &json!({
                        "VpcId": vpc,
                        "CidrBlock": format!("10.0.{index}.0/24"),
                        "AvailabilityZone": format!("{REGION}{zone}"),
                        "TagSpecifications": name_tag("subnet", name),
                    }),
                )?;
                id(&subnet, "/Subnet/SubnetId")
            })
            .collect::<Result<_>>()?;
        let group = aws.call(
            "ec2",
            "create_security_group",
            &json!({
                "VpcId": vpc,
                "GroupName": self.backend_security_group,
                "Description": "The backend's tasks",
            }),
        )?;
        Ok(CreatedNetwork {
            backend_security_group: id(&group, "/GroupId")?,
            vpc,
            subnets,
        })
    }
}

impl CreatedNetwork {
    /// Returns the stack parameters that run the endpoint's verification in this network.
    #[must_use]
    pub fn verification_parameters(&self) -> [String; 2] {
        [
            format!("VerifySubnetIds={}", self.subnets.join(",")),
            format!("VerifySecurityGroupId={}", self.backend_security_group),
        ]
    }
}

fn name_tag(resource: &str, name: &str) -> Value {
    json!([{ "ResourceType": resource, "Tags": [{ "Key": "Name", "Value": name }] }])
}

fn id(answer: &Value, pointer: &str) -> Result<String> {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("the EC2 response has no `{pointer}`: {answer}"))
}
