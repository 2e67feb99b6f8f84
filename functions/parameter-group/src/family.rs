//! Determines the version that a cache has after the run, which its parameter group must fit. Pure functions; no AWS calls.

use contract::Spec;
use contract::error::{ErrorName, StepError, StepResult};
use contract::setting::EngineVersion;
use contract::version::{self, Comparison, Version};

/// The engine and the version that a cache runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    pub is_valkey: bool,
    pub version: Version,
}

/// Returns the version that the cache has after the run. `running` is none if the run creates the cache.
///
/// # Errors
/// Returns `Internal` if the version can't be read.
pub fn version_after_run(
    running: Option<Running>,
    spec: &Spec,
    recorded: Option<&str>,
    default: &EngineVersion,
) -> StepResult<Version> {
    let requested = spec.cache.engine_version.as_ref();
    let wanted = match running {
        None => Some(version::of_new_cache(requested, recorded, default)),
        // A cache of the engine Redis OSS is upgraded, or the run is rejected.
        Some(running) if !running.is_valkey => Some(requested.unwrap_or(default).clone()),
        Some(_) => requested.cloned(),
    };
    let wanted = wanted.and_then(|version| Version::read(version.as_str()));
    let found = match (running, wanted) {
        // ElastiCache doesn't downgrade.
        (Some(running), Some(wanted))
            if running.is_valkey
                && version::compare(running.version, wanted) != Comparison::Older =>
        {
            Some(running.version)
        }
        (Some(running), None) => Some(running.version),
        (_, wanted) => wanted,
    };
    found.ok_or_else(|| {
        StepError::new(
            ErrorName::Internal,
            format!(
                "the engine version of cache `{}` can't be read. Nothing was changed. Report this message as a bug in envcache",
                spec.cache.name
            ),
        )
    })
}

/// Returns the parameter group family of a version.
pub fn of_version(version: Version) -> String {
    format!("valkey{}", version.major)
}

#[cfg(test)]
mod tests {
    use contract::Spec;
    use contract::setting::EngineVersion;
    use contract::version::Version;
    use replay::reference;
    use serde_json::json;

    use super::{Running, of_version, version_after_run};

    fn version(text: &str) -> Version {
        Version::read(text).expect("a version")
    }

    fn requesting(version: Option<&str>) -> Spec {
        let mut spec = reference(json!({}))["spec"].take();
        if let Some(version) = version {
            spec["cache"]["engineVersion"] = json!(version);
        }
        serde_json::from_value(spec).expect("a specification")
    }

    #[test]
    fn version_is_that_of_the_cache_after_the_run() {
        let running = |is_valkey, text| {
            Some(Running {
                is_valkey,
                version: version(text),
            })
        };
        let cases = [
            (None, None, None, "8.2", "the stack's default"),
            (None, Some("9.0"), Some("8.1.0"), "9.0", "it is requested"),
            (None, None, Some("7.2.6"), "7.2", "it is recorded"),
            (running(true, "7.2.6"), None, Some("8.0"), "7.2", "it stays"),
            (
                running(true, "8.1.0"),
                Some("8.0"),
                None,
                "8.1",
                "newer minor",
            ),
            (running(true, "7.2.6"), Some("8.0"), None, "8.0", "upgrade"),
            (
                running(true, "9.0.0"),
                Some("8.0"),
                None,
                "9.0",
                "no downgrade",
            ),
            (running(false, "7.1.0"), None, None, "8.2", "another engine"),
            (
                running(false, "7.1.0"),
                Some("7.2"),
                None,
                "7.2",
                "another engine",
            ),
        ];
        let default = EngineVersion::try_from("8.2".to_owned()).expect("a version");
        for (running, requested, recorded, expected, why) in cases {
            let found = version_after_run(running, &requesting(requested), recorded, &default);

            assert_eq!(found.expect("a version"), version(expected), "{why}");
        }
    }

    #[test]
    fn family_is_of_the_major_version() {
        assert_eq!(of_version(version("8.2")), "valkey8");
    }
}
