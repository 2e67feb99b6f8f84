//! Chooses a new cache's engine version, and compares versions. Pure functions; no AWS calls.

use std::fmt;

use contract::setting::EngineVersion;

/// A major and a minor version. For a requested `8.0`, ElastiCache returns `8.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
}

impl Version {
    /// Parses a version such as `8.0` or `8.0.1`; returns none for other text.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::parse);
        Some(Self {
            major: parts.next()?.ok()?,
            minor: parts.next()?.ok()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// Returns the version of a new cache: the requested one, the one in the environment's record, or the stack's default.
///
/// If ElastiCache has upgraded the recorded version to a newer minor version than the requested one, the new cache gets
/// the recorded version.
pub fn of_new_cache(
    requested: Option<&EngineVersion>,
    recorded: Option<&str>,
    default: &EngineVersion,
) -> EngineVersion {
    let recorded = recorded.and_then(Version::read);
    let newer = match requested {
        None => recorded,
        Some(requested) => recorded.filter(|recorded| {
            Version::read(requested.as_str())
                .is_some_and(|requested| requested.major == recorded.major && requested < *recorded)
        }),
    };
    let newer = newer.and_then(|version| EngineVersion::try_from(version.to_string()).ok());
    newer.unwrap_or_else(|| requested.unwrap_or(default).clone())
}

/// Result of comparing the cache's version with the requested one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The requested version, or a newer minor version: ElastiCache upgrades minor versions automatically
    /// ([automatic upgrades](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html)).
    Satisfied,
    /// An older version.
    Older,
    /// A newer major version. ElastiCache doesn't downgrade.
    NewerMajor,
}

/// Compares the version that ElastiCache returns with the requested one.
pub fn compare(found: Version, requested: Version) -> Comparison {
    if found < requested {
        Comparison::Older
    } else if found.major == requested.major {
        Comparison::Satisfied
    } else {
        Comparison::NewerMajor
    }
}

/// Returns the parameter group that an upgrade must specify, because a parameter group belongs to one major version;
/// none if the major version stays the same.
///
/// Without it, ElastiCache returns `InvalidParameterCombination`, "Expected a parameter group of family valkey8 but
/// found one of family valkey7" (<https://github.com/aws-samples/dify-self-hosted-on-aws/issues/24>).
///
/// # Errors
/// Returns the name of the current group if it isn't the default group of the current version: only the user knows
/// which parameters the new group needs.
pub fn parameter_group(
    in_use: Option<&str>,
    found: Version,
    requested: Version,
) -> Result<Option<String>, String> {
    if found.major == requested.major {
        return Ok(None);
    }
    let default = |version: Version| format!("default.valkey{}", version.major);
    match in_use.map(|name| (name, name.strip_prefix(&default(found)))) {
        None => Err("unknown".to_owned()),
        Some((_, Some(mode @ ("" | ".cluster.on")))) => {
            Ok(Some(format!("{}{mode}", default(requested))))
        }
        Some((name, _)) => Err(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use contract::setting::EngineVersion;

    use super::{Comparison, Version, compare, of_new_cache, parameter_group};

    fn version(text: &str) -> Version {
        Version::read(text).expect("a version")
    }

    #[test]
    fn returns_requested_or_recorded_or_default_version() {
        let cases = [
            (None, None, "8.2", "nothing is known"),
            (Some("8.0"), None, "8.0", "it is requested"),
            (None, Some("7.2.6"), "7.2", "the default upgrades no cache"),
            (
                None,
                Some("9.0.1"),
                "9.0",
                "the default downgrades no cache",
            ),
            (Some("8.0"), Some("8.1.0"), "8.1", "a minor upgrade is kept"),
            (Some("8.1"), Some("8.0.1"), "8.1", "it is requested"),
            (
                Some("8.0"),
                Some("9.0"),
                "8.0",
                "another major version is requested",
            ),
            (
                Some("9.0"),
                Some("8.1"),
                "9.0",
                "another major version is requested",
            ),
            (None, Some(""), "8.2", "the record has no version"),
        ];
        let read = |text: &str| EngineVersion::try_from(text.to_owned()).expect("a version");
        for (requested, recorded, expected, why) in cases {
            let requested = requested.map(read);

            let found = of_new_cache(requested.as_ref(), recorded, &read("8.2"));

            assert_eq!(found.as_str(), expected, "{why}");
        }
    }

    #[test]
    fn satisfied_by_newer_minor_but_not_newer_major_version() {
        let cases = [
            ("8.0", "8.0", Comparison::Satisfied),
            ("8.0.1", "8.0", Comparison::Satisfied),
            ("8.1.0", "8.0", Comparison::Satisfied),
            ("8.10.0", "8.9", Comparison::Satisfied),
            ("8.0.1", "8.1", Comparison::Older),
            ("7.2.6", "8.0", Comparison::Older),
            ("9.0.0", "8.2", Comparison::NewerMajor),
        ];
        for (found, requested, expected) in cases {
            assert_eq!(
                compare(version(found), version(requested)),
                expected,
                "{found} for {requested}"
            );
        }
    }

    #[test]
    fn major_upgrade_gets_default_parameter_group_of_its_family() {
        let cases = [
            (Some("default.valkey7"), "7.2.6", "7.2", Ok(None)),
            (Some("custom"), "8.0.1", "8.2", Ok(None)),
            (
                Some("default.valkey7"),
                "7.2.6",
                "8.0",
                Ok(Some("default.valkey8")),
            ),
            (
                Some("default.valkey8.cluster.on"),
                "8.1",
                "9.0",
                Ok(Some("default.valkey9.cluster.on")),
            ),
            (None, "8.1", "9.0", Err("unknown")),
            (Some("custom"), "7.2", "8.0", Err("custom")),
            (
                Some("default.valkey7-copy"),
                "7.2",
                "8.0",
                Err("default.valkey7-copy"),
            ),
            // A cache that was upgraded from Redis OSS may still use this group.
            (Some("default.redis7"), "7.2", "8.0", Err("default.redis7")),
        ];
        for (in_use, found, requested, expected) in cases {
            let group = parameter_group(in_use, version(found), version(requested));

            assert_eq!(
                group.as_ref().map(Option::as_deref).map_err(String::as_str),
                expected,
                "{in_use:?}, {found} to {requested}"
            );
        }
    }

    #[test]
    fn returns_none_when_text_is_not_a_version() {
        for text in ["", "8", "8.", "eight.0", "8.x"] {
            assert_eq!(Version::read(text), None, "{text}");
        }
    }
}
