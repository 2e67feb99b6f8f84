//! The values of a specification. Each type accepts only values that AWS and the contract allow.

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use crate::checked::{
    Check, characters, checked_text, described, hyphenated_name, length, require,
    text_without_control_characters,
};

pub use crate::checked::shortened;

checked_text!(
    /// An environment's name.
    ///
    /// The limit is 34 because the cache's default name appends `-redis`, and a replication group's ID has at most 40
    /// characters.
    EnvironmentName,
    environment_name,
    rule "1 to 34 of a-z, 0-9, and hyphen. It begins with a letter, and contains no `--` and no hyphen at the end.",
    schema { "maxLength": 34, "pattern": "^[a-z](-?[a-z0-9])*$" }
);
checked_text!(
    /// A replication group's ID, by the rules of
    /// [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html).
    ReplicationGroupId,
    replication_group_id,
    rule "1 to 40 of a-z, 0-9, and hyphen. It begins with a letter, and contains no `--` and no hyphen at the end.",
    schema { "maxLength": 40, "pattern": "^[a-z](-?[a-z0-9])*$" }
);
checked_text!(
    /// A cache subnet group's name, by the rule of
    /// [CreateCacheSubnetGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html)
    /// and that operation's error messages.
    SubnetGroupName,
    subnet_group_name,
    rule "1 to 255 of a-z, 0-9, and hyphen. It begins with a letter, and contains no `--` and no hyphen at the end.",
    schema { "maxLength": 255, "pattern": "^[a-z](-?[a-z0-9])*$" }
);
checked_text!(
    /// A security group's name, by the rules for a group in a VPC of
    /// [CreateSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html).
    SecurityGroupName,
    security_group_name,
    rule "1 to 255 letters, digits, spaces, and `._-:/()#,@[]+=&;{}!$*`. It doesn't begin with `sg-`, and isn't `default`.",
    schema {
        "maxLength": 255,
        "pattern": "^(?!sg-)(?![Dd][Ee][Ff][Aa][Uu][Ll][Tt]$)[A-Za-z0-9._:/()#,@\\[\\]+=&;{}!$*-]([A-Za-z0-9 ._:/()#,@\\[\\]+=&;{}!$*-]*[A-Za-z0-9._:/()#,@\\[\\]+=&;{}!$*-])?$"
    }
);
checked_text!(
    /// The path that the parameters are below, such as `/bandup/cache`, by the rules of
    /// [PutParameter](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html).
    ParameterPrefix,
    parameter_prefix,
    rule "`/` and up to 14 levels of letters, digits, and `._-`. Parameter Store rejects one that begins with `aws` or `ssm`.",
    schema { "maxLength": 900, "pattern": "^(?!/([Aa][Ww][Ss]|[Ss][Ss][Mm]))(/[A-Za-z0-9._-]+){1,14}$" }
);
checked_text!(
    /// An event's ID. EventBridge's are UUIDs.
    EventId,
    text_without_control_characters,
    rule "1 to 255 characters, none of them a control character.",
    schema { "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" }
);
checked_text!(
    /// A time such as `2026-11-22T10:00:00Z`, as EventBridge writes an event's time. envcache compares and stores it as
    /// milliseconds since 1970.
    EventTime,
    event_time,
    rule "RFC 3339, in a year from 1970 to 9999.",
    schema { "format": "date-time", "pattern": "^(19[7-9]|[2-9][0-9]{2})" }
);
checked_text!(
    /// The name of an execution, by the rule of
    /// [StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    ExecutionName,
    execution_name,
    rule "1 to 80 characters, without spaces, control characters, and ``< > { } [ ] ? * \" # % \\ ^ | ~ ` $ & , ; : /``.",
    schema { "minLength": 1, "maxLength": 80 }
);
checked_text!(
    /// A Name tag, a group's name, or an ID.
    NetworkName,
    text_without_control_characters,
    rule "1 to 255 characters, none of them a control character.",
    schema { "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" }
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

described!(
    Subnets,
    "array",
    "2 to 20 of them, each once.",
    {
        "minItems": 2,
        "maxItems": 20,
        "uniqueItems": true,
        "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
        }
    }
);

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checked::assert_checks;

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
}
