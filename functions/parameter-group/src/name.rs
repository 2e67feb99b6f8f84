//! The names of an environment's parameter groups. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::CacheParameterGroup;

/// Returns the name of a cache's parameter group for a family, such as `bandup-redis-valkey8`.
pub fn of_group(cache_name: &str, family: &str) -> String {
    format!("{cache_name}-{family}")
}

/// Returns the description of an environment's parameter groups.
pub fn description(environment: &str) -> String {
    format!("Parameters of the cache of environment {environment}")
}

/// Returns whether a group has the name of one of the cache's groups.
pub fn is_of_cache(group: &CacheParameterGroup, cache_name: &str) -> bool {
    let name = group.cache_parameter_group_name().unwrap_or_default();
    let family = name
        .strip_prefix(cache_name)
        .and_then(|rest| rest.strip_prefix("-valkey"));
    family
        .is_some_and(|major| !major.is_empty() && major.chars().all(|digit| digit.is_ascii_digit()))
}

/// Returns whether a group may be one of the environment's: it has such a name, or the description. An earlier request may have
/// named the cache differently before there was one. Only the tags say who owns it.
pub fn is_candidate(group: &CacheParameterGroup, environment: &str, cache_name: &str) -> bool {
    is_of_cache(group, cache_name) || group.description() == Some(&description(environment))
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::CacheParameterGroup;

    use super::is_candidate;

    #[test]
    fn candidates_have_a_name_of_the_cache_or_the_description() {
        let other = "sessions";
        let own = "Parameters of the cache of environment bandup";
        let cases = [
            ("bandup-redis-valkey8", other, true),
            ("bandup-redis-valkey10", other, true),
            ("former-valkey8", own, true),
            ("former-valkey8", other, false),
            ("bandup-redis-valkey", other, false),
            ("bandup-redis-valkey8-copy", other, false),
            ("bandup-redis2-valkey8", other, false),
            (
                "default.valkey8",
                "Default parameter group for valkey8",
                false,
            ),
            (
                "bandup2-redis-valkey8",
                "Parameters of the cache of environment bandup2",
                false,
            ),
        ];
        for (name, description, expected) in cases {
            let group = CacheParameterGroup::builder()
                .cache_parameter_group_name(name)
                .description(description)
                .build();

            let found = is_candidate(&group, "bandup", "bandup-redis");

            assert_eq!(found, expected, "{name}");
        }
    }
}
