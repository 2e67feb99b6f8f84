//! `cache.engineVersion`.

use crate::checked::{Check, checked_text, require};

checked_text!(
    /// A Valkey version as ElastiCache writes it: it "will offer a single version for each minor release, rather than offering
    /// multiple patch versions", from Valkey 7.2 on
    /// ([upgrades](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement-upgrade-considerations.html)). Only
    /// AWS knows whether it is offered.
    EngineVersion,
    engine_version,
    rule "Major and minor, such as `8.0`; 7.2 is the first.",
    schema { "pattern": "^(7\\.([2-9]|[1-9][0-9]{1,8})|([89]|[1-9][0-9]{1,8})\\.(0|[1-9][0-9]{0,8}))$" }
);

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

#[cfg(test)]
mod tests {
    use super::engine_version;
    use crate::checked::assert_checks;

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
}
