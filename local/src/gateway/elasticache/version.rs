//! Engine versions of Valkey, and the parameter group families that they belong to.

use super::invalid_combination;
use crate::gateway::call::Call;
use crate::gateway::error_response::ErrorResponse;
use crate::gateway::xml::Element;

/// The versions that ElastiCache offers, each with the patch version that a member shows
/// ([engine versions](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html); `7.2.6` and `8.0.1`
/// are those of <https://github.com/app-sre/qontract-reconcile/pull/4874>).
const OFFERED: [(&str, &str); 6] = [
    ("7.2", "7.2.6"),
    ("8.0", "8.0.1"),
    ("8.1", "8.1.0"),
    ("8.2", "8.2.0"),
    ("9.0", "9.0.0"),
    ("9.1", "9.1.0"),
];

/// A cache's engine, its version, and its parameter group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// `valkey`, or `redis` for a cache that was created outside envcache.
    pub name: String,
    /// The version as it was requested, such as `8.0`.
    pub version: String,
    pub parameter_group: String,
}

impl Engine {
    /// Returns the engine that a creation requests.
    pub fn requested(call: &Call) -> Self {
        let name = call.field("Engine").unwrap_or("redis").to_owned();
        let newest = if name == "valkey" { "" } else { "7.1" };
        let version = call.field("EngineVersion").unwrap_or(newest).to_owned();
        let parameter_group = match call.field("CacheParameterGroupName") {
            Some(group) => group.to_owned(),
            None => format!("default.{}", family(&name, &version)),
        };
        Self {
            name,
            version,
            parameter_group,
        }
    }

    /// Applies a modification.
    pub fn modify(&mut self, call: &Call) {
        if let Some(version) = call.field("EngineVersion") {
            version.clone_into(&mut self.version);
        }
        if let Some((parameter_group, _)) = parameter_group(call, Some(self)) {
            self.parameter_group = parameter_group;
        }
        if let Some(name) = call.field("Engine") {
            name.clone_into(&mut self.name);
        }
    }

    /// Returns the version that a member shows.
    pub fn member_version(&self) -> &str {
        member_version(&self.version)
    }
}

/// Returns a version with its patch version, as a member shows it.
pub fn member_version(version: &str) -> &str {
    let offered = OFFERED.iter().find(|(offered, _)| *offered == version);
    offered.map_or(version, |(_, patch)| patch)
}

/// Rejects a version that ElastiCache doesn't offer for Valkey, and a version older than the cache's.
pub fn reject_version(call: &Call, running: Option<&Engine>) -> Option<ErrorResponse> {
    let reject = |message: String| Some(invalid_combination(message));
    let is_creation = call.operation == "CreateReplicationGroup";
    if is_creation && call.field("Engine") != Some("valkey") {
        return None;
    }
    let Some(version) = call.field("EngineVersion") else {
        // Sources disagree on whether AWS accepts it: https://github.com/hashicorp/terraform-provider-aws/issues/41210.
        return is_creation
            .then(|| reject("Valkey needs an EngineVersion.".to_owned()))
            .flatten();
    };
    if !OFFERED.iter().any(|(offered, _)| *offered == version) {
        return reject(format!("Cannot find version {version} for valkey"));
    }
    let changes_engine = running
        .is_some_and(|running| call.field("Engine").unwrap_or(&running.name) != running.name);
    // AWS's message isn't known. "You cannot downgrade to an earlier engine version":
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html
    let is_older =
        running.is_some_and(|running| version_numbers(version) < version_numbers(&running.version));
    (is_older && !changes_engine)
        .then(|| reject(format!("Cannot downgrade to version {version}.")))
        .flatten()
}

/// Returns the parameter group that a cache has after a call, and the family that its version requires; `None` if the
/// call changes neither.
pub fn parameter_group(call: &Call, running: Option<&Engine>) -> Option<(String, String)> {
    let named = call.field("CacheParameterGroupName");
    let version = call.field("EngineVersion");
    match running {
        None => {
            let engine = call.field("Engine").unwrap_or("redis");
            let newest = if engine == "valkey" { "8.2" } else { "7.1" };
            Some((named?.to_owned(), family(engine, version.unwrap_or(newest))))
        }
        Some(running) => {
            named.or(version)?;
            let engine = call.field("Engine").unwrap_or(&running.name);
            let family = family(engine, version.unwrap_or(&running.version));
            let is_default = running.parameter_group.starts_with("default.");
            let group = match named {
                Some(name) => name.to_owned(),
                // ElastiCache replaces a default group with the engine, but not with the version:
                // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html
                None if engine != running.name && is_default => format!("default.{family}"),
                None => running.parameter_group.clone(),
            };
            Some((group, family))
        }
    }
}

/// Returns the parameter group family of an engine's version
/// ([CreateCacheParameterGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheParameterGroup.html)).
pub fn family(engine: &str, version: &str) -> String {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let minor = minor.split('.').next().unwrap_or("0");
    match (engine, major) {
        ("redis", "6") => "redis6.x".to_owned(),
        ("redis", "2" | "3" | "4" | "5") => format!("redis{major}.{minor}"),
        _ => format!("{engine}{major}"),
    }
}

/// Returns the response to a `DescribeCacheEngineVersions` call
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheEngineVersions.html>). MiniStack
/// doesn't know all versions.
pub fn describe(call: &Call) -> Element {
    let matches = |name: &str, value: &str| call.field(name).is_none_or(|filter| filter == value);
    let versions = OFFERED
        .iter()
        .filter(|(version, _)| matches("Engine", "valkey") && matches("EngineVersion", version))
        .map(|(version, _)| {
            Element::with(
                "CacheEngineVersion",
                [
                    Element::leaf("Engine", "valkey"),
                    Element::leaf("EngineVersion", version),
                    Element::leaf("CacheParameterGroupFamily", &family("valkey", version)),
                    Element::leaf("CacheEngineDescription", "Valkey"),
                    Element::leaf(
                        "CacheEngineVersionDescription",
                        &format!("valkey version {version}"),
                    ),
                ],
            )
        });
    Element::with(
        "DescribeCacheEngineVersionsResponse",
        [Element::with(
            "DescribeCacheEngineVersionsResult",
            [Element::with("CacheEngineVersions", versions)],
        )],
    )
}

fn version_numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Engine, describe, family, parameter_group, reject_version};
    use crate::gateway::call::Call;

    fn call(fields: &str) -> Call {
        Call::form(fields)
    }

    fn running(version: &str, parameter_group: &str) -> Engine {
        Engine {
            name: "valkey".to_owned(),
            version: version.to_owned(),
            parameter_group: parameter_group.to_owned(),
        }
    }

    #[test]
    fn returns_documented_family_of_version() {
        let cases = [
            ("valkey", "7.2", "valkey7"),
            ("valkey", "8.1", "valkey8"),
            ("valkey", "9.1", "valkey9"),
            ("redis", "7.1", "redis7"),
            ("redis", "6.2", "redis6.x"),
            ("redis", "5.0.6", "redis5.0"),
        ];
        for (engine, version, expected) in cases {
            assert_eq!(family(engine, version), expected, "{engine} {version}");
        }
    }

    #[test]
    fn rejects_unknown_missing_and_older_versions() {
        let create = "Action=CreateReplicationGroup&Engine=valkey";
        let modify = "Action=ModifyReplicationGroup";
        let cases = [
            (format!("{create}&EngineVersion=8.2"), None, false),
            (format!("{create}&EngineVersion=8.9"), None, true),
            (format!("{create}&EngineVersion=9.0.0"), None, true),
            (create.to_owned(), None, true),
            (
                "Action=CreateReplicationGroup&Engine=redis".to_owned(),
                None,
                false,
            ),
            (modify.to_owned(), Some("8.0"), false),
            (format!("{modify}&EngineVersion=8.1"), Some("8.0"), false),
            (format!("{modify}&EngineVersion=8.0"), Some("8.1"), true),
        ];
        for (fields, version, expected) in cases {
            let running = version.map(|version| running(version, "default.valkey8"));

            let found = reject_version(&call(&fields), running.as_ref());

            assert_eq!(found.is_some(), expected, "{fields}: {found:?}");
        }
    }

    #[test]
    fn compares_modification_with_current_parameter_group() {
        let modify = "Action=ModifyReplicationGroup";
        let cases = [
            (modify.to_owned(), None),
            (
                format!("{modify}&EngineVersion=8.0"),
                Some(("default.valkey7", "valkey8")),
            ),
            (
                format!("{modify}&EngineVersion=8.0&CacheParameterGroupName=default.valkey8"),
                Some(("default.valkey8", "valkey8")),
            ),
            (
                format!("{modify}&CacheParameterGroupName=other"),
                Some(("other", "valkey7")),
            ),
        ];
        for (fields, expected) in cases {
            let found = parameter_group(&call(&fields), Some(&running("7.2", "default.valkey7")));

            let found = found
                .as_ref()
                .map(|(group, family)| (group.as_str(), family.as_str()));
            assert_eq!(found, expected, "{fields}");
        }
    }

    #[test]
    fn upgrade_from_redis_replaces_a_default_parameter_group_only() {
        let upgrade = "Action=ModifyReplicationGroup&Engine=valkey&EngineVersion=8.2";
        let cases = [
            (upgrade.to_owned(), "default.redis7", "default.valkey8"),
            (upgrade.to_owned(), "sessions", "sessions"),
            (
                format!("{upgrade}&CacheParameterGroupName=new"),
                "sessions",
                "new",
            ),
        ];
        for (fields, current, expected) in cases {
            let mut engine = Engine {
                name: "redis".to_owned(),
                ..running("7.1", current)
            };
            let call = call(&fields);
            assert!(reject_version(&call, Some(&engine)).is_none(), "{fields}");

            engine.modify(&call);

            assert_eq!(engine.parameter_group, expected, "{fields}");
            assert_eq!(
                (engine.name.as_str(), engine.version.as_str()),
                ("valkey", "8.2")
            );
        }
    }

    #[test]
    fn describes_offered_versions() {
        let versions = |fields: &str| {
            let answer = describe(&call(fields));
            let path = ["DescribeCacheEngineVersionsResult", "CacheEngineVersions"];
            answer.at(&path).map_or(0, |found| found.children().count())
        };

        assert_eq!(versions("Engine=valkey"), 6);
        assert_eq!(versions("Engine=valkey&EngineVersion=8.2"), 1);
        assert_eq!(versions("Engine=valkey&EngineVersion=8.9"), 0);
    }
}
