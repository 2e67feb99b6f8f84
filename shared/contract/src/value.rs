//! The values of a specification. Each type accepts only values that AWS and the contract allow.

use chrono::Datelike;
use serde::{Deserialize, Serialize};

/// Defines a type that holds a validated text. In JSON, it is a string.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rule) => Err(format!("`{}` {rule}", shortened(&text, QUOTED))),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

/// Defines a type that holds a number within bounds. In JSON, it is a number.
macro_rules! checked_number {
    ($(#[$doc:meta])* $name:ident, $least:literal ..= $most:literal $(, except $except:literal)?, default $default:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i32")]
        pub struct $name(i32);

        impl $name {
            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> i32 {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(number: i64) -> Result<Self, String> {
                i32::try_from(number)
                    .ok()
                    .filter(|number| ($least..=$most).contains(number) $(&& *number != $except)?)
                    .map(Self)
                    .ok_or_else(|| {
                        format!(concat!("{} is out of range: ", $least, " to ", $most $(, ", but not ", $except)?), number)
                    })
            }
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

checked_text!(
    /// An environment's name: 1 to 34 characters of a-z, 0-9, and hyphen. It begins with a letter, and contains neither
    /// two consecutive hyphens nor one at the end. The limit is 34 because the cache's default name appends `-redis`,
    /// and a replication group's ID has at most 40 characters.
    EnvironmentName,
    environment_name
);
checked_text!(
    /// A replication group's ID: 1 to 40 characters of a-z, 0-9, and hyphen, by the rules of
    /// [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html).
    ReplicationGroupId,
    replication_group_id
);
checked_text!(
    /// A cache subnet group's name: 1 to 255 characters of a-z, 0-9, and hyphen, by the rule of
    /// [CreateCacheSubnetGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html).
    /// It begins with a letter, and contains neither two consecutive hyphens nor one at the end, as that operation's error
    /// messages say.
    SubnetGroupName,
    subnet_group_name
);
checked_text!(
    /// A security group's name, by the rules for a group in a VPC of
    /// [CreateSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html).
    SecurityGroupName,
    security_group_name
);
checked_text!(
    /// A replication group's description: 1 to 255 characters, none of them a control character.
    Description,
    text_without_control_characters
);
checked_text!(
    /// A node type such as `cache.t3.micro`. Only AWS knows whether a Region offers it.
    NodeType,
    node_type
);
checked_text!(
    /// A Valkey version as ElastiCache writes it: `7.2`, `8.0`, `8.1`. Only AWS knows whether it is offered.
    EngineVersion,
    engine_version
);
checked_text!(
    /// The path that the parameters are below, such as `/bandup/cache`, by the rules of
    /// [PutParameter](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html).
    ParameterPrefix,
    parameter_prefix
);
checked_text!(
    /// An event's ID: 1 to 255 characters, none of them a control character. EventBridge's are UUIDs.
    EventId,
    text_without_control_characters
);
checked_text!(
    /// An RFC 3339 time such as `2026-11-22T10:00:00Z`, as EventBridge writes an event's time. Its year is from 1970 to
    /// 9999: envcache compares and stores it as milliseconds since 1970.
    EventTime,
    event_time
);
checked_text!(
    /// The name of an execution: 1 to 80 characters, without spaces, control characters, and
    /// ``< > { } [ ] ? * " # % \ ^ | ~ ` $ & , ; : /``, by the rule of
    /// [StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    ExecutionName,
    execution_name
);
checked_text!(
    /// A Name tag, a group's name, or an ID: 1 to 255 characters, none of them a control character.
    NetworkName,
    text_without_control_characters
);

checked_number!(
    /// The number of replicas in addition to the primary node. ElastiCache allows 5 in a node group.
    Replicas, 0..=5, default 0
);
checked_number!(
    /// The port that the cache listens on. ElastiCache rejects 8005 and the ports below 1150; only its error message
    /// says so: `Invalid endpoint port: 1149. Valid range is 1150-8004,8006-65535`.
    Port, 1150..=65535, except 8005, default 6379
);
checked_number!(
    /// How many days an automatic backup is kept, at most 35; 0 turns backups off.
    SnapshotRetentionDays, 0..=35, default 1
);

/// The subnets of a cache: 2 to 20 different names or IDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<NetworkName>", into = "Vec<NetworkName>")]
pub struct Subnets(Vec<NetworkName>);

impl Subnets {
    /// Returns the names or IDs, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = &NetworkName> {
        self.0.iter()
    }
}

impl TryFrom<Vec<NetworkName>> for Subnets {
    type Error = String;

    fn try_from(names: Vec<NetworkName>) -> Result<Self, String> {
        if !(2..=20).contains(&names.len()) {
            return Err(format!(
                "{} given, but the cache needs 2 to 20 subnets in at least two Availability Zones",
                names.len()
            ));
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(format!("`{name}` is listed twice"));
            }
        }
        Ok(Self(names))
    }
}

impl From<Subnets> for Vec<NetworkName> {
    fn from(subnets: Subnets) -> Self {
        subnets.0
    }
}

type Check = Result<(), String>;

fn require(condition: bool, rule: impl Into<String>) -> Check {
    if condition { Ok(()) } else { Err(rule.into()) }
}

fn length(text: &str, most: usize) -> Check {
    require(
        (1..=most).contains(&text.chars().count()),
        format!("must have 1 to {most} characters"),
    )
}

fn characters(text: &str, allowed: fn(char) -> bool, names: &str) -> Check {
    require(
        text.chars().all(allowed),
        format!("may only contain {names}"),
    )
}

const fn is_lower_case_or_digit(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

const fn is_name_character(character: char) -> bool {
    is_lower_case_or_digit(character) || character == '-'
}

fn hyphenated_name(text: &str, most: usize) -> Check {
    length(text, most)?;
    characters(
        text,
        is_name_character,
        "lowercase letters, digits, and hyphens",
    )?;
    require(
        text.starts_with(|first: char| first.is_ascii_lowercase()),
        "must begin with a letter",
    )?;
    require(!text.ends_with('-'), "must not end with a hyphen")?;
    require(
        !text.contains("--"),
        "must not contain two consecutive hyphens",
    )
}

fn environment_name(text: &str) -> Check {
    hyphenated_name(text, 34)
}

fn replication_group_id(text: &str) -> Check {
    hyphenated_name(text, 40)
}

fn subnet_group_name(text: &str) -> Check {
    hyphenated_name(text, 255)
}

fn security_group_name(text: &str) -> Check {
    length(text, 255)?;
    characters(
        text,
        |character| {
            character.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(character)
        },
        "letters, digits, spaces, and ._-:/()#,@[]+=&;{}!$*",
    )?;
    require(!text.starts_with("sg-"), "must not begin with `sg-`")?;
    // https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    require(
        !text.eq_ignore_ascii_case("default"),
        "is the name of the VPC's default security group, which every resource without another group uses: choose \
         another name",
    )?;
    require(text.trim() == text, "must not begin or end with a space")
}

fn text_without_control_characters(text: &str) -> Check {
    length(text, 255)?;
    require(
        !text.contains(char::is_control),
        "must not contain control characters",
    )
}

fn node_type(text: &str) -> Check {
    let parts: Vec<_> = text.split('.').collect();
    let is_node_type = matches!(parts[..], ["cache", family, size]
        if [family, size].iter().all(|part| !part.is_empty() && part.chars().all(is_name_character)));
    require(
        is_node_type && text.len() <= 64,
        "is not a node type such as `cache.t3.micro`",
    )
}

fn engine_version(text: &str) -> Check {
    let parts: Vec<Option<u32>> = text
        .split('.')
        .map(|part| {
            part.parse()
                .ok()
                .filter(|number: &u32| number.to_string() == part)
        })
        .collect();
    let is_valkey = matches!(parts[..], [Some(major), Some(minor)] if (major, minor) >= (7, 2));
    require(
        is_valkey,
        "is not a Valkey version such as `8.0` (7.2 is the first)",
    )
}

impl EventTime {
    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn milliseconds(&self) -> i64 {
        // The text was validated, so it always parses.
        chrono::DateTime::parse_from_rfc3339(&self.0).map_or(0, |time| time.timestamp_millis())
    }
}

fn event_time(text: &str) -> Check {
    let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) else {
        return Err("is not an RFC 3339 time such as `2026-11-22T10:00:00Z`".to_owned());
    };
    require(
        (1970..=9999).contains(&time.year()),
        "must be in a year from 1970 to 9999",
    )
}

fn execution_name(text: &str) -> Check {
    length(text, 80)?;
    require(
        !text.contains(|character: char| {
            character.is_whitespace()
                || character.is_control()
                || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(character)
        }),
        "must not contain spaces, control characters, or <>{}[]?*\"#%\\^|~`$&,;:/",
    )
}

fn parameter_prefix(text: &str) -> Check {
    // Parameter Store allows 15 levels including the parameter's own, and 1011 characters including the ARN before the
    // name.
    length(text, 900)?;
    let Some(path) = text.strip_prefix('/') else {
        return Err("must begin with `/`".to_owned());
    };
    let levels: Vec<_> = path.split('/').collect();
    require(
        levels.iter().all(|level| !level.is_empty()),
        "must not end with `/` or contain an empty level",
    )?;
    require(
        levels.len() <= 14,
        "must have at most 14 levels: Parameter Store allows 15, and envcache needs the last one",
    )?;
    characters(
        path,
        |character| character.is_ascii_alphanumeric() || "/._-".contains(character),
        "letters, digits, and /._-",
    )?;
    let first = levels[0].to_ascii_lowercase();
    require(
        !first.starts_with("aws") && !first.starts_with("ssm"),
        "begins with `aws` or `ssm`, which Parameter Store rejects: set `parameterPrefix` to another path",
    )
}

/// The length of a quoted value in a message: an input may be a megabyte long.
pub(crate) const QUOTED: usize = 80;

/// Returns the first characters of a text, and `…` if it has more.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks texts, each with the rule that it breaks; an empty rule means that the text is valid.
    fn assert_checks(check: fn(&str) -> Check, cases: &[(&str, &str)]) {
        for (text, rule) in cases {
            match (check(text), *rule) {
                (Ok(()), "") => {}
                (Err(found), rule) if !rule.is_empty() => assert!(
                    found.contains(rule),
                    "`{text}`: expected {rule:?}, found {found:?}"
                ),
                (found, _) => panic!("`{text}`: expected {rule:?}, found {found:?}"),
            }
        }
    }

    #[test]
    fn checks_environment_names() {
        let longest = "a".repeat(34);
        let too_long = "a".repeat(35);
        assert_checks(
            environment_name,
            &[
                ("bandup", ""),
                ("pr-1234", ""),
                (&longest, ""),
                (&too_long, "1 to 34 characters"),
                ("", "1 to 34 characters"),
                ("Bandup", "lowercase"),
                ("band_up", "lowercase"),
                ("bändup", "lowercase"),
                ("1band", "begin with a letter"),
                ("-band", "begin with a letter"),
                ("band-", "end with a hyphen"),
                ("band--up", "two consecutive hyphens"),
            ],
        );
    }

    #[test]
    fn checks_security_group_names_by_the_rules_of_ec2() {
        assert_checks(
            security_group_name,
            &[
                ("redis-sg", ""),
                ("Cache (bandup) #1", ""),
                ("sg-redis", "begin with `sg-`"),
                ("default", "default security group"),
                ("Default", "default security group"),
                ("default-redis-sg", ""),
                ("redis|sg", "may only contain"),
                (" redis", "space"),
                ("", "1 to 255"),
            ],
        );
    }

    #[test]
    fn checks_parameter_prefixes_by_the_rules_of_parameter_store() {
        let deep = "/a".repeat(15);
        assert_checks(
            parameter_prefix,
            &[
                ("/bandup/cache", ""),
                ("bandup/cache", "begin with `/`"),
                ("/bandup/", "end with `/`"),
                ("/", "end with `/`"),
                ("/band up", "may only contain"),
                ("/AWS-tools/cache", "`aws` or `ssm`"),
                ("/ssmcache", "`aws` or `ssm`"),
                (&deep, "14 levels"),
            ],
        );
    }

    #[test]
    fn checks_that_node_types_have_family_and_size() {
        assert_checks(
            node_type,
            &[
                ("cache.t3.micro", ""),
                ("cache.r7g.16xlarge", ""),
                ("t3.micro", "not a node type"),
                ("cache.t3", "not a node type"),
                ("cache..micro", "not a node type"),
                ("cache.t3.micro.", "not a node type"),
            ],
        );
    }

    #[test]
    fn checks_that_engine_versions_are_of_valkey() {
        assert_checks(
            engine_version,
            &[
                ("7.2", ""),
                ("8.1", ""),
                ("7.1", "7.2 is the first"),
                ("8", "not a Valkey version"),
                ("8.x", "not a Valkey version"),
                ("08.0", "not a Valkey version"),
            ],
        );
    }

    #[test]
    fn checks_that_event_times_are_rfc_3339() {
        assert_checks(
            event_time,
            &[
                ("2026-11-22T10:00:00Z", ""),
                ("2026-11-22T10:00:00.123+02:00", ""),
                ("2026-11-22", "not an RFC 3339 time"),
                ("2026-13-22T10:00:00Z", "not an RFC 3339 time"),
                ("yesterday", "not an RFC 3339 time"),
                ("1970-01-01T00:00:00Z", ""),
                ("1969-12-31T23:59:59Z", "1970 to 9999"),
                ("0000-01-01T00:00:00Z", "1970 to 9999"),
                ("9999-12-31T23:59:59.999Z", ""),
                ("10000-01-01T00:00:00Z", "not an RFC 3339 time"),
            ],
        );
    }

    #[test]
    fn checks_execution_names_by_the_rule_of_step_functions() {
        let longest = "a".repeat(80);
        let too_long = "a".repeat(81);
        assert_checks(
            execution_name,
            &[
                ("bandup-17793124-05d4-b198-2fde-7ededc63b103", ""),
                ("release-1.2 (final)", "must not contain"),
                ("release-1.2_(final)=ü@home+1", ""),
                (&longest, ""),
                (&too_long, "1 to 80 characters"),
                ("", "1 to 80 characters"),
                ("a:b", "must not contain"),
                ("a\u{85}b", "must not contain"),
            ],
        );
    }

    #[test]
    fn checks_the_bounds_of_numbers() {
        assert!(Replicas::try_from(5).is_ok());
        assert_eq!(
            Replicas::try_from(6).expect_err("6 replicas"),
            "6 is out of range: 0 to 5"
        );
        assert_eq!(
            Replicas::try_from(-1).expect_err("-1 replicas"),
            "-1 is out of range: 0 to 5"
        );
        for port in [1150, 6379, 8004, 8006, 65535] {
            assert!(Port::try_from(port).is_ok(), "{port}");
        }
        for port in [0, 1149, 8005, 65536] {
            assert_eq!(
                Port::try_from(port).expect_err("a port that AWS rejects"),
                format!("{port} is out of range: 1150 to 65535, but not 8005")
            );
        }
        assert!(SnapshotRetentionDays::try_from(36).is_err());
    }
}
