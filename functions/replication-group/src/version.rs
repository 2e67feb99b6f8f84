//! The parameter groups of major versions. Pure functions; no AWS calls.

use contract::version::Version;

/// Returns the name of ElastiCache's default parameter group for a version, of a cache without cluster mode.
pub fn default_parameter_group(version: Version) -> String {
    format!("default.valkey{}", version.major)
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
    let default = default_parameter_group;
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
    use contract::version::Version;

    use super::parameter_group;

    fn version(text: &str) -> Version {
        Version::read(text).expect("a version")
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
}
