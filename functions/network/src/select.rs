//! Selects the resources that a request names. Pure functions; no AWS calls.

use std::collections::BTreeSet;

use contract::error::{ErrorName, StepError, StepResult};
use contract::value::Subnets;

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Vpc,
    Subnet,
    SecurityGroup,
}

impl Kind {
    const fn id_prefix(self) -> &'static str {
        match self {
            Self::Vpc => "vpc-",
            Self::Subnet => "subnet-",
            Self::SecurityGroup => "sg-",
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Vpc => "network.vpc",
            Self::Subnet => "network.subnets",
            Self::SecurityGroup => "network.backendSecurityGroup",
        }
    }

    /// Returns the words before the resource's name in a message.
    const fn noun(self) -> &'static str {
        match self {
            Self::Vpc => "VPC with the ID or Name tag",
            Self::Subnet => "subnet with the ID or Name tag",
            Self::SecurityGroup => "security group with the ID or name",
        }
    }
}

/// A resource that EC2 returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    id: String,
    name: Option<String>,
}

impl Candidate {
    /// Returns the resource; none if it has no ID.
    pub fn new(id: Option<&str>, name: Option<&str>) -> Option<Self> {
        Some(Self {
            id: id?.to_owned(),
            name: name.map(str::to_owned),
        })
    }

    fn matches(&self, kind: Kind, requested: &str) -> bool {
        if is_id(kind, requested) {
            self.id == requested
        } else {
            self.name.as_deref() == Some(requested)
        }
    }
}

/// A subnet that EC2 returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub candidate: Candidate,
    pub zone: String,
}

/// Returns whether a text is an ID of EC2 (such as `vpc-` and 8 or 17 hexadecimal digits). `vpc-main` is a name.
pub fn is_id(kind: Kind, text: &str) -> bool {
    text.strip_prefix(kind.id_prefix()).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits
                .chars()
                .all(|digit| digit.is_ascii_digit() || ('a'..='f').contains(&digit))
    })
}

/// Returns the ID of the only candidate with the requested name or ID. `scope` says where EC2 searched.
///
/// # Errors
/// Returns `NotFound` if no candidate matches, and `Ambiguous` if more than one does.
pub fn exactly_one(
    kind: Kind,
    requested: &str,
    scope: &str,
    found: &[Candidate],
) -> StepResult<String> {
    let matches: Vec<_> = found
        .iter()
        .filter(|candidate| candidate.matches(kind, requested))
        .map(|candidate| candidate.id.as_str())
        .collect();
    match matches[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(not_found(
            kind.field(),
            kind.noun(),
            requested,
            scope,
            hint(kind, requested, found),
        )),
        _ => Err(StepError::new(
            ErrorName::Ambiguous,
            format!(
                "{}: there is more than one {} `{requested}` {scope}: {}. Nothing was created. Use one of these IDs instead \
                 of the name, then start again",
                kind.field(),
                kind.noun(),
                matches.join(", ")
            ),
        )),
    }
}

fn not_found(field: &str, noun: &str, requested: &str, scope: &str, hint: &str) -> StepError {
    StepError::new(
        ErrorName::NotFound,
        format!(
            "{field}: there is no {noun} `{requested}` {scope}. Nothing was created. Correct the name, or create the \
             resource, then start again{hint}"
        ),
    )
}

/// Returns what else a user can do if a Name tag isn't found: an account can't see the tags of a VPC that another account
/// shares with it
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html>).
fn hint(kind: Kind, requested: &str, found: &[Candidate]) -> &'static str {
    let by_name = !is_id(kind, requested);
    match kind {
        Kind::Vpc if by_name => {
            ". If another account shares the VPC, its Name tag can't be seen: use its ID"
        }
        Kind::Subnet
            if by_name && !found.is_empty() && found.iter().all(|subnet| subnet.name.is_none()) =>
        {
            ". None of the VPC's subnets has a Name tag that this account can see. If another account shares the VPC, use \
             the subnets' IDs"
        }
        _ => "",
    }
}

/// Returns the IDs of the requested subnets, in the requested order, and their Availability Zones.
///
/// # Errors
/// Returns `InvalidSpec` if a subnet is listed twice or all are in one zone, `NotFound` if no subnet has a requested
/// name, and `Ambiguous` if more than one has it.
pub fn subnets(
    requested: &Subnets,
    vpc: &str,
    found: &[Subnet],
) -> StepResult<(Vec<String>, Vec<String>)> {
    let scope = format!("in VPC {vpc}");
    let candidates: Vec<_> = found
        .iter()
        .map(|subnet| subnet.candidate.clone())
        .collect();
    let ids = requested
        .iter()
        .map(|name| exactly_one(Kind::Subnet, name.as_str(), &scope, &candidates))
        .collect::<StepResult<Vec<_>>>()?;
    if let Some(twice) = (1..ids.len()).find(|&index| ids[..index].contains(&ids[index])) {
        return Err(invalid(
            Kind::Subnet.field(),
            &format!(
                "the same subnet, {}, is listed by name and by ID",
                ids[twice]
            ),
        ));
    }
    let zones = found
        .iter()
        .filter(|subnet| ids.contains(&subnet.candidate.id))
        .map(|subnet| subnet.zone.as_str());
    let zones = at_least_two(Kind::Subnet.field(), zones)?;
    Ok((ids, zones))
}

/// The field that names a shared subnet group.
const SUBNET_GROUP: &str = "network.subnetGroup";

/// A cache subnet group that ElastiCache returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetGroup {
    /// The VPC's ID.
    pub vpc: String,
    /// The subnets' IDs and Availability Zones.
    pub subnets: Vec<(String, String)>,
}

/// Returns the IDs and Availability Zones of the subnets in a shared subnet group.
///
/// # Errors
/// Returns `NotFound` if there is no group, and `InvalidSpec` if it is in another VPC or has subnets in only one zone.
pub fn shared_subnet_group(
    requested: &str,
    vpc: &str,
    found: Option<SubnetGroup>,
) -> StepResult<(Vec<String>, Vec<String>)> {
    let scope = "in this account and Region";
    let Some(group) = found else {
        let noun = "cache subnet group";
        return Err(not_found(SUBNET_GROUP, noun, requested, scope, ""));
    };
    if group.vpc != vpc {
        return Err(invalid(
            SUBNET_GROUP,
            &format!(
                "cache subnet group `{requested}` is in VPC {}, but network.vpc is {vpc}",
                group.vpc
            ),
        ));
    }
    let zones = group.subnets.iter().map(|(_, zone)| zone.as_str());
    let zones = at_least_two(SUBNET_GROUP, zones)?;
    let ids = group.subnets.into_iter().map(|(id, _)| id).collect();
    Ok((ids, zones))
}

/// Returns each Availability Zone once, in alphabetical order. There must be at least two, so that a replica can be placed
/// in another zone than the primary.
fn at_least_two<'a>(field: &str, zones: impl Iterator<Item = &'a str>) -> StepResult<Vec<String>> {
    let zones: BTreeSet<_> = zones.collect();
    let zones: Vec<_> = zones.into_iter().map(str::to_owned).collect();
    match &zones[..] {
        [] => Err(invalid(
            field,
            "there is no subnet with an Availability Zone",
        )),
        [zone] => Err(invalid(
            field,
            &format!(
                "all subnets are in one Availability Zone, {zone}, but a cache needs at least two"
            ),
        )),
        _ => Ok(zones),
    }
}

fn invalid(field: &str, problem: &str) -> StepError {
    StepError::new(
        ErrorName::InvalidSpec,
        format!("{field}: {problem}. Nothing was created. Correct the input, then start again"),
    )
}

#[cfg(test)]
mod tests {
    use contract::error::ErrorName;
    use contract::value::Subnets;
    use serde_json::json;

    use super::*;

    fn candidate(id: &str, name: &str) -> Candidate {
        Candidate::new(Some(id), Some(name)).expect("it has an ID")
    }

    fn subnet(id: &str, name: &str, zone: &str) -> Subnet {
        Subnet {
            candidate: candidate(id, name),
            zone: zone.to_owned(),
        }
    }

    fn requested(names: [&str; 2]) -> Subnets {
        serde_json::from_value(json!(names)).expect("two subnets")
    }

    #[test]
    fn id_is_prefix_and_8_or_17_hexadecimal_digits() {
        let cases = [
            ("vpc-0a1b2c3d", true),
            ("vpc-0a1b2c3d4e5f60718", true),
            ("vpc-main", false),
            ("vpc-0a1b2c3", false),
            ("vpc-0A1B2C3D", false),
            ("subnet-0a1b2c3d", false),
            ("0a1b2c3d", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_id(Kind::Vpc, text), expected, "{text}");
        }
    }

    #[test]
    fn selects_the_only_match() {
        let found = [
            candidate("vpc-0000000a", "band-up-vpc"),
            candidate("vpc-0000000b", "Band-Up-VPC"),
            candidate("vpc-0000000c", "twins"),
            candidate("vpc-0000000d", "twins"),
        ];
        let cases = [
            (
                "band-up-vpc",
                Ok("vpc-0000000a"),
                "names are case-sensitive",
            ),
            ("vpc-0000000b", Ok("vpc-0000000b"), "by ID"),
            (
                "band-*",
                Err(ErrorName::NotFound),
                "wildcards are part of the name",
            ),
            ("absent", Err(ErrorName::NotFound), "no such name"),
            ("twins", Err(ErrorName::Ambiguous), "two with that name"),
        ];
        for (requested, expected, why) in cases {
            let selected = exactly_one(Kind::Vpc, requested, "here", &found);
            assert_eq!(
                selected.as_deref().map_err(contract::StepError::name),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn says_that_tags_of_shared_vpc_cannot_be_seen() {
        let untagged = Candidate::new(Some("subnet-0000000a"), None).expect("it has an ID");
        let shared = "another account shares the VPC";
        let cases = [
            (Kind::Vpc, "main", vec![], true),
            (Kind::Vpc, "vpc-0000000a", vec![], false),
            (Kind::Subnet, "one", vec![untagged.clone()], true),
            (
                Kind::Subnet,
                "subnet-0000000b",
                vec![untagged.clone()],
                false,
            ),
            (
                Kind::Subnet,
                "one",
                vec![untagged, candidate("subnet-0000000c", "two")],
                false,
            ),
            (Kind::SecurityGroup, "backend", vec![], false),
        ];
        for (kind, requested, found, expected) in cases {
            let error = exactly_one(kind, requested, "here", &found).expect_err("no match");

            assert_eq!(error.to_string().contains(shared), expected, "{error}");
        }
    }

    #[test]
    fn lists_the_ids_when_a_name_is_ambiguous() {
        let found = [
            candidate("vpc-0000000c", "twins"),
            candidate("vpc-0000000d", "twins"),
        ];

        let error = exactly_one(Kind::Vpc, "twins", "here", &found).expect_err("two match");

        let message = error.to_string();
        assert!(
            message.contains("vpc-0000000c, vpc-0000000d") && message.starts_with("network.vpc"),
            "{message}"
        );
    }

    #[test]
    fn returns_subnets_in_the_requested_order() {
        let found = [
            subnet("subnet-0000000a", "one", "ap-southeast-1a"),
            subnet("subnet-0000000b", "two", "ap-southeast-1b"),
            subnet("subnet-0000000c", "three", "ap-southeast-1c"),
        ];

        let (ids, zones) = subnets(
            &requested(["two", "subnet-0000000a"]),
            "vpc-0000000a",
            &found,
        )
        .expect("two subnets in two zones");

        assert_eq!(ids, ["subnet-0000000b", "subnet-0000000a"]);
        assert_eq!(zones, ["ap-southeast-1a", "ap-southeast-1b"]);
    }

    #[test]
    fn names_the_zone_when_all_subnets_are_in_one() {
        let found = [
            subnet("subnet-0000000a", "one", "ap-southeast-1a"),
            subnet("subnet-0000000b", "two", "ap-southeast-1a"),
        ];

        let error = subnets(&requested(["one", "two"]), "vpc-0000000a", &found)
            .expect_err("both in one zone");

        assert_eq!(error.name(), ErrorName::InvalidSpec);
        assert!(error.to_string().contains("ap-southeast-1a"), "{error}");
    }

    #[test]
    fn rejects_subnet_listed_by_name_and_by_id() {
        let found = [subnet("subnet-0000000a", "one", "ap-southeast-1a")];

        let error = subnets(
            &requested(["one", "subnet-0000000a"]),
            "vpc-0000000a",
            &found,
        )
        .expect_err("the same subnet");

        assert_eq!(error.name(), ErrorName::InvalidSpec);
        assert!(error.to_string().contains("by name and by ID"), "{error}");
    }
}
