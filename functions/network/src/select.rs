//! Which of the found things a request means. Pure: no call is made here.

use std::collections::BTreeSet;

use contract::error::{ErrorName, StepError, StepResult};
use contract::value::Subnets;

/// What is looked for.
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

    /// How a thing of this kind is asked for by a name.
    const fn noun(self) -> &'static str {
        match self {
            Self::Vpc => "VPC with the id or Name tag",
            Self::Subnet => "subnet with the id or Name tag",
            Self::SecurityGroup => "security group with the id or name",
        }
    }
}

/// One found thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    id: String,
    name: Option<String>,
}

impl Candidate {
    /// A found thing; without an id it is none.
    pub fn new(id: Option<&str>, name: Option<&str>) -> Option<Self> {
        Some(Self {
            id: id?.to_owned(),
            name: name.map(str::to_owned),
        })
    }

    fn matches(&self, kind: Kind, wanted: &str) -> bool {
        if is_id(kind, wanted) {
            self.id == wanted
        } else {
            self.name.as_deref() == Some(wanted)
        }
    }
}

/// A found subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub candidate: Candidate,
    pub zone: String,
}

/// Whether a text is an id of EC2 (`vpc-` and 8 or 17 hexadecimal digits) and not a name: `vpc-main` is a name.
pub fn is_id(kind: Kind, text: &str) -> bool {
    text.strip_prefix(kind.id_prefix()).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits
                .chars()
                .all(|digit| digit.is_ascii_digit() || ('a'..='f').contains(&digit))
    })
}

/// The id of the one candidate that is called so. `scope` says where was looked.
pub fn exactly_one(
    kind: Kind,
    wanted: &str,
    scope: &str,
    found: &[Candidate],
) -> StepResult<String> {
    let matches: Vec<_> = found
        .iter()
        .filter(|candidate| candidate.matches(kind, wanted))
        .map(|candidate| candidate.id.as_str())
        .collect();
    match matches[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(StepError::new(
            ErrorName::NotFound,
            format!(
                "{}: there is no {} `{wanted}` {scope}. Nothing was created: correct the name, or create it, \
                 and start again",
                kind.field(),
                kind.noun()
            ),
        )),
        _ => Err(StepError::new(
            ErrorName::Ambiguous,
            format!(
                "{}: there is more than one {} `{wanted}` {scope}: {}. Nothing was created: give the id of the \
                 one that is meant, and start again",
                kind.field(),
                kind.noun(),
                matches.join(", ")
            ),
        )),
    }
}

/// The ids of the wanted subnets, in the wanted order, and the zones that they stand in.
///
/// They have to stand in two zones or more, so that a replica can be placed in another zone than the primary.
pub fn subnets(
    wanted: &Subnets,
    vpc: &str,
    found: &[Subnet],
) -> StepResult<(Vec<String>, Vec<String>)> {
    let scope = format!("in VPC {vpc}");
    let candidates: Vec<_> = found
        .iter()
        .map(|subnet| subnet.candidate.clone())
        .collect();
    let ids = wanted
        .iter()
        .map(|name| exactly_one(Kind::Subnet, name.as_str(), &scope, &candidates))
        .collect::<StepResult<Vec<_>>>()?;
    if let Some(twice) = (1..ids.len()).find(|&index| ids[..index].contains(&ids[index])) {
        return Err(invalid(&format!(
            "the same subnet, {}, is given by name and by id",
            ids[twice]
        )));
    }
    let zones: BTreeSet<_> = found
        .iter()
        .filter(|subnet| ids.contains(&subnet.candidate.id))
        .map(|subnet| subnet.zone.as_str())
        .collect();
    if zones.len() < 2 {
        let zones: Vec<_> = zones.into_iter().collect();
        return Err(invalid(&format!(
            "all of them stand in one zone, {}, and a cache needs two zones or more",
            zones.join(", ")
        )));
    }
    let zones = zones.into_iter().map(str::to_owned).collect();
    Ok((ids, zones))
}

fn invalid(problem: &str) -> StepError {
    StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "{}: {problem}. Nothing was created: correct the input and start again",
            Kind::Subnet.field()
        ),
    )
}

#[cfg(test)]
mod tests {
    use contract::error::ErrorName;
    use contract::value::Subnets;
    use serde_json::json;

    use super::*;

    fn candidate(id: &str, name: &str) -> Candidate {
        Candidate::new(Some(id), Some(name)).expect("it has an id")
    }

    fn subnet(id: &str, name: &str, zone: &str) -> Subnet {
        Subnet {
            candidate: candidate(id, name),
            zone: zone.to_owned(),
        }
    }

    fn wanted(names: [&str; 2]) -> Subnets {
        serde_json::from_value(json!(names)).expect("two subnets")
    }

    #[test]
    fn an_id_is_a_prefix_and_8_or_17_hexadecimal_digits() {
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
    fn exactly_one_match_is_taken() {
        let found = [
            candidate("vpc-0000000a", "band-up-vpc"),
            candidate("vpc-0000000b", "Band-Up-VPC"),
            candidate("vpc-0000000c", "twins"),
            candidate("vpc-0000000d", "twins"),
        ];
        let cases = [
            ("band-up-vpc", Ok("vpc-0000000a"), "case is told apart"),
            ("vpc-0000000b", Ok("vpc-0000000b"), "by id"),
            (
                "band-*",
                Err(ErrorName::NotFound),
                "a wildcard of EC2's filters is a name",
            ),
            ("absent", Err(ErrorName::NotFound), "no such name"),
            ("twins", Err(ErrorName::Ambiguous), "two of that name"),
        ];
        for (wanted, expected, why) in cases {
            let picked = exactly_one(Kind::Vpc, wanted, "here", &found);
            assert_eq!(
                picked.as_deref().map_err(contract::StepError::name),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn an_ambiguous_name_lists_the_ids_to_choose_from() {
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
    fn subnets_come_in_the_wanted_order() {
        let found = [
            subnet("subnet-0000000a", "one", "ap-southeast-1a"),
            subnet("subnet-0000000b", "two", "ap-southeast-1b"),
            subnet("subnet-0000000c", "three", "ap-southeast-1c"),
        ];

        let (ids, zones) = subnets(&wanted(["two", "subnet-0000000a"]), "vpc-0000000a", &found)
            .expect("two subnets in two zones");

        assert_eq!(ids, ["subnet-0000000b", "subnet-0000000a"]);
        assert_eq!(zones, ["ap-southeast-1a", "ap-southeast-1b"]);
    }

    #[test]
    fn one_zone_is_not_enough_and_the_message_names_it() {
        let found = [
            subnet("subnet-0000000a", "one", "ap-southeast-1a"),
            subnet("subnet-0000000b", "two", "ap-southeast-1a"),
        ];

        let error =
            subnets(&wanted(["one", "two"]), "vpc-0000000a", &found).expect_err("both in one zone");

        assert_eq!(error.name(), ErrorName::InvalidSpec);
        assert!(error.to_string().contains("ap-southeast-1a"), "{error}");
    }

    #[test]
    fn a_subnet_given_twice_under_two_names_is_noticed() {
        let found = [subnet("subnet-0000000a", "one", "ap-southeast-1a")];

        let error = subnets(&wanted(["one", "subnet-0000000a"]), "vpc-0000000a", &found)
            .expect_err("the same subnet");

        assert_eq!(error.name(), ErrorName::InvalidSpec);
        assert!(error.to_string().contains("by name and by id"), "{error}");
    }
}
