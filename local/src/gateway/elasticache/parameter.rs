//! The parameters of Valkey's parameter group families.
//!
//! Names, defaults, and rules come from
//! [the user guide](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html), which lists what each
//! version adds, changes, and removes. Allowed values, data types, and change types in the API's form come from the output for
//! `redis5.0` in the AWS CLI's example of `describe-engine-default-parameters`:
//! <https://github.com/aws/aws-cli/tree/develop/awscli/examples/elasticache>.
//! "Valkey 7.2 parameters are the same as Redis OSS 7 parameters."
//!
//! Not known, and so missing here: the allowed values of `acllog-max-len`, `commandlog-reply-larger-than`,
//! `commandlog-request-larger-than`, and `tracking-table-max-keys`; the descriptions of many parameters. Omitted: the allowed
//! values of `rename-commands`, which are a list of commands, all descriptions, and the parameters that depend on the node
//! type (`CacheNodeTypeSpecificParameters`). The minimum versions of Valkey's parameters aren't known either: in the outputs for
//! Redis OSS, they are the first version of the family that ElastiCache offers, as they are here.

use super::version;
use crate::gateway::xml::Element;

/// A parameter of one or more families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    /// The default, which is empty if AWS returns none.
    pub default: &'static str,
    data_type: &'static str,
    /// The allowed values in AWS's grammar; `None` if every value is allowed.
    allowed: Option<&'static str>,
    access: Access,
    /// The major versions of the first and the last family.
    majors: (u32, u32),
    /// The first version, if it isn't that of the family.
    since: Option<&'static str>,
}

/// When a parameter can be modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Always,
    /// "Yes if the parameter group is not associated with any clusters. Otherwise, no." Engine defaults show it as not
    /// modifiable, but custom groups show it as modifiable:
    /// <https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-cache-parameters.html>.
    UnusedGroup,
    Never,
}

const LAST: u32 = u32::MAX;
const YES_NO: &str = "yes,no";

const fn parameter(
    name: &'static str,
    default: &'static str,
    data_type: &'static str,
    allowed: Option<&'static str>,
) -> Parameter {
    Parameter {
        name,
        default,
        data_type,
        allowed,
        access: Access::Always,
        majors: (7, LAST),
        since: None,
    }
}

const fn integer(name: &'static str, default: &'static str, allowed: &'static str) -> Parameter {
    parameter(name, default, "integer", Some(allowed))
}

const fn string(name: &'static str, default: &'static str, allowed: &'static str) -> Parameter {
    parameter(name, default, "string", Some(allowed))
}

const fn flag(name: &'static str, default: &'static str) -> Parameter {
    string(name, default, YES_NO)
}

impl Parameter {
    const fn with_access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    const fn with_majors(mut self, first: u32, last: u32) -> Self {
        self.majors = (first, last);
        self
    }

    const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }
}

const PARAMETERS: &[Parameter] = &[
    integer("active-defrag-cycle-max", "75", "1-75"),
    integer("active-defrag-cycle-min", "5", "1-75"),
    integer("active-defrag-ignore-bytes", "104857600", "1048576-"),
    integer("active-defrag-max-scan-fields", "1000", "1-1000000"),
    integer("active-defrag-threshold-lower", "10", "1-100"),
    integer("active-defrag-threshold-upper", "100", "1-100"),
    integer("active-expire-effort", "1", "1-10"),
    flag("activedefrag", "no"),
    string(
        "acl-pubsub-default",
        "allchannels",
        "resetchannels,allchannels",
    ),
    parameter("acllog-max-len", "128", "integer", None),
    string("appendfsync", "everysec", "always,everysec,no").with_access(Access::Never),
    flag("appendonly", "no").with_access(Access::Never),
    integer("client-output-buffer-limit-normal-hard-limit", "0", "0-"),
    integer("client-output-buffer-limit-normal-soft-limit", "0", "0-"),
    integer("client-output-buffer-limit-normal-soft-seconds", "0", "0-"),
    integer(
        "client-output-buffer-limit-pubsub-hard-limit",
        "33554432",
        "0-",
    ),
    integer(
        "client-output-buffer-limit-pubsub-soft-limit",
        "8388608",
        "0-",
    ),
    integer("client-output-buffer-limit-pubsub-soft-seconds", "60", "0-"),
    integer(
        "client-output-buffer-limit-replica-soft-seconds",
        "60",
        "0-",
    )
    .with_access(Access::Never),
    integer(
        "client-query-buffer-limit",
        "1073741824",
        "1048576-1073741824",
    ),
    flag("close-on-replica-write", "yes"),
    flag("cluster-allow-pubsubshard-when-down", "yes"),
    flag("cluster-allow-reads-when-down", "no"),
    // "No (set at creation)". Its default of 0 isn't one of its values, which are 1 to 10,000.
    integer("cluster-databases", "0", "1-10000")
        .with_access(Access::UnusedGroup)
        .with_majors(9, LAST),
    flag("cluster-enabled", "no").with_access(Access::UnusedGroup),
    string(
        "cluster-preferred-endpoint-type",
        "tls-dynamic",
        "ip,tls-dynamic",
    ),
    flag("cluster-require-full-coverage", "no"),
    integer("commandlog-large-reply-max-len", "128", "0-1024")
        .with_majors(8, LAST)
        .since("8.1"),
    integer("commandlog-large-request-max-len", "128", "0-1024")
        .with_majors(8, LAST)
        .since("8.1"),
    parameter("commandlog-reply-larger-than", "1048576", "integer", None)
        .with_majors(8, LAST)
        .since("8.1"),
    parameter("commandlog-request-larger-than", "1048576", "integer", None)
        .with_majors(8, LAST)
        .since("8.1"),
    integer("databases", "16", "1-1200000").with_access(Access::UnusedGroup),
    flag("extended-redis-compatibility", "yes").with_majors(8, LAST),
    integer("hash-max-listpack-entries", "512", "0-"),
    integer("hash-max-listpack-value", "64", "0-"),
    integer("hll-sparse-max-bytes", "3000", "1-16000"),
    flag("latency-tracking", "no"),
    flag("lazyfree-lazy-eviction", "no").with_majors(7, 7),
    flag("lazyfree-lazy-expire", "no").with_majors(7, 7),
    flag("lazyfree-lazy-server-del", "no").with_majors(7, 7),
    flag("lazyfree-lazy-user-del", "no").with_majors(7, 7),
    integer("lfu-decay-time", "1", "0-"),
    integer("lfu-log-factor", "10", "1-"),
    integer("list-compress-depth", "0", "0-"),
    integer("lua-time-limit", "5000", "5000").with_access(Access::Never),
    integer("maxclients", "65000", "1-65000").with_access(Access::Never),
    string(
        "maxmemory-policy",
        "volatile-lru",
        "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction",
    ),
    integer("maxmemory-samples", "3", "1-").with_majors(7, 7),
    integer("maxmemory-samples", "3", "1-64").with_majors(8, LAST),
    integer("min-replicas-max-lag", "10", "0-"),
    integer("min-replicas-to-write", "0", "0-"),
    parameter("notify-keyspace-events", "", "string", None),
    integer("proto-max-bulk-len", "536870912", "1048576-536870912"),
    parameter("rename-commands", "", "string", None),
    integer("repl-backlog-size", "1048576", "16384-").with_majors(7, 7),
    integer("repl-backlog-size", "10485760", "16384-").with_majors(8, LAST),
    integer("repl-backlog-ttl", "3600", "0-"),
    flag("replica-allow-chaining", "no").with_access(Access::Never),
    flag("replica-ignore-maxmemory", "yes").with_access(Access::Never),
    flag("replica-lazy-flush", "yes")
        .with_access(Access::Never)
        .with_majors(7, 7),
    integer("reserved-memory-percent", "25", "0-100"),
    integer("search-default-timeout-ms", "50000", "1-60000")
        .with_majors(8, LAST)
        .since("8.2"),
    flag("search-enable-partial-results", "yes")
        .with_majors(8, LAST)
        .since("8.2"),
    string("search-fanout-target-mode", "client", "client,throughput")
        .with_majors(8, LAST)
        .since("8.2"),
    integer("set-max-intset-entries", "512", "0-"),
    integer("slowlog-log-slower-than", "10000", "-"),
    integer("slowlog-max-len", "128", "0-"),
    integer("stream-node-max-bytes", "4096", "0-"),
    integer("stream-node-max-entries", "100", "0-"),
    integer("tcp-keepalive", "300", "0-"),
    integer("timeout", "0", "0,20-"),
    parameter("tracking-table-max-keys", "1000000", "integer", None),
    integer("zset-max-listpack-entries", "128", "0-"),
    integer("zset-max-listpack-value", "64", "0-"),
];

/// The families of which the parameters aren't known, but whose groups can be created
/// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheParameterGroup.html>).
const OTHER_FAMILIES: [&str; 9] = [
    "memcached1.4",
    "memcached1.5",
    "memcached1.6",
    "redis2.6",
    "redis2.8",
    "redis3.2",
    "redis4.0",
    "redis5.0",
    "redis6.x",
];

/// Returns whether a family exists.
pub fn is_family(family: &str) -> bool {
    major(family).is_some() || OTHER_FAMILIES.contains(&family)
}

/// Returns a family's parameters, or `None` if they aren't known.
pub fn of_family(family: &str) -> Option<Vec<Parameter>> {
    let major = major(family)?;
    let is_in_family = |parameter: &&Parameter| {
        let (first, last) = parameter.majors;
        (first..=last).contains(&major)
    };
    Some(PARAMETERS.iter().filter(is_in_family).copied().collect())
}

/// Returns the major version of a family whose parameters are known.
fn major(family: &str) -> Option<u32> {
    match family {
        "redis7" | "valkey7" => Some(7),
        "valkey8" => Some(8),
        "valkey9" => Some(9),
        _ => None,
    }
}

impl Parameter {
    /// Returns when the parameter can be modified.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Returns the allowed values if this value isn't one of them.
    pub fn rejects(&self, value: &str) -> Option<&'static str> {
        let number = value.parse::<i64>().ok();
        let is_integer = self.data_type == "integer";
        let Some(allowed) = self.allowed else {
            return (is_integer && number.is_none()).then_some("-");
        };
        let is_allowed = if is_integer {
            number.is_some_and(|number| allowed.split(',').any(|range| contains(range, number)))
        } else {
            allowed.split(',').any(|allowed| allowed == value)
        };
        (!is_allowed).then_some(allowed)
    }

    /// Returns the description of the parameter in a family, or in a custom group of it, with its value
    /// (<https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_Parameter.html>).
    pub fn describe(&self, family: &str, group: Option<&str>, value: Option<&str>) -> Element {
        let is_custom = group.is_some_and(|group| !group.starts_with("default."));
        let is_modifiable = match self.access {
            Access::Always => true,
            Access::UnusedGroup => is_custom,
            Access::Never => false,
        };
        let change_type = match (self.access, self.name) {
            (Access::UnusedGroup, _) | (_, "maxclients") => "requires-reboot",
            _ => "immediate",
        };
        let mut element = Element::with("Parameter", [Element::leaf("ParameterName", self.name)]);
        // AWS omits the value of `notify-keyspace-events` if there is none.
        let shown = match group {
            Some(group) if self.name == "cluster-enabled" && group.ends_with(".cluster.on") => {
                "yes"
            }
            _ => value.unwrap_or(self.default),
        };
        if !shown.is_empty() {
            element.set(Element::leaf("ParameterValue", shown));
        }
        let source = if value.is_some() { "user" } else { "system" };
        element.set(Element::leaf("Source", source));
        element.set(Element::leaf("DataType", self.data_type));
        if let Some(allowed) = self.allowed {
            element.set(Element::leaf("AllowedValues", allowed));
        }
        for (name, text) in [
            ("IsModifiable", is_modifiable.to_string().as_str()),
            ("MinimumEngineVersion", self.minimum_version(family)),
            ("ChangeType", change_type),
        ] {
            element.set(Element::leaf(name, text));
        }
        element
    }

    fn minimum_version(&self, family: &str) -> &'static str {
        let first = match family {
            "valkey7" => "7.2",
            "valkey8" => "8.0",
            "valkey9" => "9.0",
            _ => "7.0",
        };
        let since = self.since.filter(|_| family == "valkey8").unwrap_or(first);
        version::member_version(since)
    }
}

/// Returns whether an element of allowed values, such as `20`, `20-`, `1-100`, `-5`, or `-`, contains a number.
fn contains(range: &str, number: i64) -> bool {
    if let Ok(only) = range.parse::<i64>() {
        return only == number;
    }
    // A first hyphen is a minus sign if a number follows it.
    let separator = range.get(1..).and_then(|rest| rest.find('-'));
    let (first, last) = match separator {
        Some(position) => (&range[..=position], &range[position + 2..]),
        None => ("", range.trim_start_matches('-')),
    };
    let is_from = first.parse::<i64>().is_ok_and(|first| first <= number) || first.is_empty();
    let is_to = last.parse::<i64>().is_ok_and(|last| number <= last) || last.is_empty();
    is_from && is_to
}

#[cfg(test)]
mod tests {
    use super::{Access, contains, is_family, of_family};
    use crate::gateway::xml::Element;

    #[test]
    fn ranges_have_the_grammar_of_the_api() {
        let cases = [
            ("-", -1, true),
            ("0-", 0, true),
            ("0-", -1, false),
            ("20-", 19, false),
            ("1-75", 75, true),
            ("1-75", 76, false),
            ("5000", 5000, true),
            ("5000", 5001, false),
            ("-5", -5, true),
            ("-5", -4, false),
        ];
        for (range, number, expected) in cases {
            assert_eq!(contains(range, number), expected, "{number} in {range}");
        }
    }

    #[test]
    fn values_outside_the_allowed_ones_are_rejected() {
        let cases = [
            ("timeout", "0", None),
            ("timeout", "19", Some("0,20-")),
            ("timeout", "20", None),
            ("timeout", "", Some("0,20-")),
            ("slowlog-log-slower-than", "-1", None),
            ("slowlog-log-slower-than", "soon", Some("-")),
            ("activedefrag", "yes", None),
            ("activedefrag", "true", Some("yes,no")),
            ("acllog-max-len", "many", Some("-")),
            ("acllog-max-len", "64", None),
            ("notify-keyspace-events", "Kx", None),
        ];
        let parameters = of_family("valkey8").expect("a family");
        for (name, value, expected) in cases {
            let parameter = parameters.iter().find(|found| found.name == name);
            let parameter = parameter.expect("a parameter");

            assert_eq!(parameter.rejects(value), expected, "{name} {value}");
        }
    }

    #[test]
    fn families_differ_as_documented() {
        let default = |family: &str, name: &str| {
            let parameters = of_family(family)?;
            let mut found = parameters.iter().filter(|found| found.name == name);
            let default = found.next()?.default;
            assert!(found.next().is_none(), "{name} is unique in {family}");
            Some(default)
        };
        let cases = [
            ("valkey7", "repl-backlog-size", Some("1048576")),
            ("valkey8", "repl-backlog-size", Some("10485760")),
            ("valkey7", "lazyfree-lazy-expire", Some("no")),
            ("valkey8", "lazyfree-lazy-expire", None),
            ("valkey7", "extended-redis-compatibility", None),
            ("valkey9", "extended-redis-compatibility", Some("yes")),
            ("valkey8", "cluster-databases", None),
            ("valkey9", "cluster-databases", Some("0")),
            ("redis7", "latency-tracking", Some("no")),
            ("redis6.x", "timeout", None),
        ];
        for (family, name, expected) in cases {
            assert_eq!(default(family, name), expected, "{name} in {family}");
        }
        assert!(is_family("redis6.x"));
        assert!(!is_family("valkey8.0"));
    }

    #[test]
    fn custom_group_shows_conditional_parameters_as_modifiable() {
        let parameters = of_family("valkey8").expect("a family");
        let databases = parameters.iter().find(|found| found.name == "databases");
        let databases = databases.expect("a parameter");
        let shown = |element: &Element| {
            ["ParameterValue", "Source", "IsModifiable", "ChangeType"]
                .map(|name| element.text_of(name).to_owned())
        };

        assert_eq!(databases.access(), Access::UnusedGroup);
        let default = databases.describe("valkey8", None, None);
        assert_eq!(
            shown(&default),
            ["16", "system", "false", "requires-reboot"]
        );
        let custom = databases.describe("valkey8", Some("sessions"), Some("4"));
        assert_eq!(shown(&custom), ["4", "user", "true", "requires-reboot"]);
        assert_eq!(custom.text_of("MinimumEngineVersion"), "8.0.1");
    }

    #[test]
    fn later_parameters_have_a_later_minimum_version() {
        let parameters = of_family("valkey8").expect("a family");
        let minimum = |name: &str| {
            let parameter = parameters.iter().find(|found| found.name == name);
            let element = parameter.map(|found| found.describe("valkey8", None, None));
            element.map(|element| element.text_of("MinimumEngineVersion").to_owned())
        };

        assert_eq!(minimum("timeout").as_deref(), Some("8.0.1"));
        let later = minimum("commandlog-large-reply-max-len");
        assert_eq!(later.as_deref(), Some("8.1.0"));
        let last = minimum("search-default-timeout-ms");
        assert_eq!(last.as_deref(), Some("8.2.0"));
    }
}
