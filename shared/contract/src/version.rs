//! Chooses a new cache's engine version, and compares versions.

use std::fmt;

use crate::setting::EngineVersion;

/// A major and a minor version. For a requested `8.0`, ElastiCache returns `8.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version, which is also the parameter group family's.
    pub major: u32,
    /// The minor version.
    pub minor: u32,
}

impl Version {
    /// Parses a version such as `8.0` or `8.0.1`; returns none for other text.
    #[must_use]
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
#[must_use]
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
#[must_use]
pub fn compare(found: Version, requested: Version) -> Comparison {
    if found < requested {
        Comparison::Older
    } else if found.major == requested.major {
        Comparison::Satisfied
    } else {
        Comparison::NewerMajor
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Version, compare, of_new_cache};
    use crate::setting::EngineVersion;

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
    fn returns_none_when_text_is_not_a_version() {
        for text in ["", "8", "8.", "eight.0", "8.x"] {
            assert_eq!(Version::read(text), None, "{text}");
        }
    }
}
